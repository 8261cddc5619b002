"""`repair_fit`: guards, and what is replaced in Keras."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1.compat.keras3 import faults, trainer

# The module of Keras 3 with the faults.
_MODULE = "keras.src.backend.tensorflow.trainer"


class _Repair(NamedTuple):
    """One replaced function.

    Fields:
        name: Name of the function, after its class if it is a method.
        is_faulty: Function that tries the code of Keras; `False` if Keras has no fault.
        fingerprints: SHA-256 of the supported sources without white space, abbreviated.
        make: Function from the function of Keras to its replacement.
    """

    name: str
    is_faulty: Callable[[ModuleType], bool]
    fingerprints: tuple[str, ...]
    make: Callable[[Callable[..., Any]], Callable[..., Any]]


_REPAIRS = (
    _Repair(
        "TensorFlowTrainer._maybe_symbolic_build",
        faults.builds_from_a_reduced_batch,
        ("934603bd4dd895de", "29e1f415ffc190fc"),
        trainer.build_from_first_replica,
    ),
    _Repair(
        "reduce_per_replica",
        faults.reduces_scalars_along_an_axis,
        ("016ac50e267a2a15",),
        trainer.reduce_whole_values,
    ),
    _Repair(
        "TensorFlowTrainer._make_function",
        faults.runs_steps_in_a_graph_loop,
        ("b18a2f258e80b3b0", "3227c4ddf5cfae54"),
        trainer.run_steps_one_by_one,
    ),
)


def repair_fit() -> tuple[str, ...]:
    """Repair `fit`, `evaluate` and `predict` of Keras 3 under `tf.distribute`.

    Call it once, before `fit`. Further calls do nothing. Under tf-keras, and where Keras has no
    fault, nothing is replaced.

    Returns:
        The names of the functions that are replaced in this process.

    Raises:
        RuntimeError: Keras does not run on TensorFlow, or its code is unknown. Nothing is replaced
            then.

    Example:
        >>> "reduce_per_replica" in repair_fit() or not hasattr(tf.keras, "ops")
        True
    """
    if not hasattr(tf.keras, "ops"):
        return ()
    keras = importlib.import_module("keras")
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"Keras runs on {keras.backend.backend()}, but tf.distribute needs TensorFlow. Set "
            "KERAS_BACKEND=tensorflow before the first import of Keras."
        )
    module = importlib.import_module(_MODULE)
    found = [(repair, *_find(module, repair.name)) for repair in _REPAIRS]
    done = [r.name for r, owner, name in found if _is_replaced(getattr(owner, name))]
    todo = [x for x in found if x[0].name not in done and x[0].is_faulty(module)]
    for repair, owner, name in todo:
        _check(repair, getattr(owner, name), keras.__version__)
    for repair, owner, name in todo:
        replacement = repair.make(getattr(owner, name))
        replacement._is_dist_f1_repair = True  # type: ignore[attr-defined]
        setattr(owner, name, replacement)
    return tuple(r.name for r in _REPAIRS if r.name in done or any(r is x[0] for x in todo))


def _find(module: ModuleType, name: str) -> tuple[Any, str]:
    """Return the object that holds the function, and the name there."""
    *owners, last = name.split(".")
    owner: Any = module
    for part in owners:
        owner = getattr(owner, part)
    return owner, last


def _is_replaced(function: Callable[..., Any]) -> bool:
    return getattr(function, "_is_dist_f1_repair", False)


def _check(repair: _Repair, function: Callable[..., Any], version: str) -> None:
    try:
        source = inspect.getsource(function)
    except OSError:
        source = ""
    found = hashlib.sha256(re.sub(r"\s+", "", source).encode()).hexdigest()[:16]
    if found not in repair.fingerprints:
        raise RuntimeError(
            f"Keras {version} has an unknown {repair.name} (fingerprint {found}, expected "
            f"{' or '.join(repair.fingerprints)}), and it has the fault that repair_fit() repairs. "
            "Nothing was changed. Install Keras 3.8 to 3.15 or a newer dist_f1, use tf-keras "
            "(TF_USE_LEGACY_KERAS=1), or write a custom training loop."
        )
