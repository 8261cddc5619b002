"""dist_f1: exact F1 and its family for distributed TensorFlow.

F1 does not average. It is derived from confusion counts that were summed over every replica first.
The pipeline, one folder a stage:

    batch -> counting -> counts -> replicas (accumulator, reduction) -> scores, sweeps, intervals
          -> reports, plots, pages

Names are imported at their first use (`__init__.pyi` lists them), so that commands which need no
TensorFlow start without it.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

import lazy_loader
import wrapt

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# Packages whose import makes Keras available, or imports TensorFlow first.
_FRAMEWORKS = ("tensorflow", "keras", "tf_keras")
_PACKAGES = ("callbacks", "compat", "counting", "inspection", "kernels", "replicas", "testing")


def _count_labels(*args: Any, **kwargs: Any) -> Any:
    return importlib.import_module("dist_f1.counting").from_labels(*args, **kwargs)


def _set_label_counter(counts: ModuleType) -> None:
    counts.set_label_counter(_count_labels)


def _register_metrics(imported: ModuleType) -> None:
    """Import the metrics as soon as Keras is imported, so that Keras finds them in saved models.

    The modules involved import each other, so this waits until no other one is half imported.
    """
    if "tensorflow" in sys.modules and not any(map(_is_half_imported, _others(imported))):
        importlib.import_module("dist_f1.metrics")


def _others(imported: ModuleType) -> list[str]:
    own = [name for name in sys.modules if name.startswith("dist_f1.")]
    return [name for name in (*_FRAMEWORKS, *own) if name != imported.__name__]


def _is_half_imported(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return getattr(spec, "_initializing", False)


wrapt.register_post_import_hook(_set_label_counter, "dist_f1.counts.value")
for _name in (*_FRAMEWORKS, *(f"dist_f1.{package}" for package in _PACKAGES)):
    wrapt.register_post_import_hook(_register_metrics, _name)
