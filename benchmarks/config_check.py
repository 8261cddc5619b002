"""Validation of the config of a run, before anything is measured."""

from __future__ import annotations

import difflib
import pathlib
import runpy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ml_collections

from benchmarks.suites import SUITES

# Contains every setting.
FULL = "configs/benchmarks.py"
_PATH = pathlib.Path(__file__).resolve().parents[1] / FULL


class ConfigError(ValueError):
    """A setting is invalid. The message has its name and a remedy."""


def resolve(
    config: ml_collections.ConfigDict, chosen: Sequence[str] = ()
) -> ml_collections.ConfigDict:
    """Validate a config, and select the suites of `--suite`, if any.

    Raises:
        ConfigError: The config does not have the settings of `configs/benchmarks.py`, or a suite
            does not exist.
    """
    try:
        # A file that could not be loaded raises here.
        found = _flatten(config.to_dict())
    except OSError as error:
        raise ConfigError(f"--config: {' '.join(str(error).split())}") from error
    except AttributeError as error:
        raise ConfigError(f"get_config() must return a ConfigDict, as in {FULL}.") from error
    expected = _flatten(full_config().to_dict())
    problems = [f"config.{name} is missing." for name in expected if name not in found]
    problems += [f"there is no config.{name}." for name in found if name not in expected]
    for name, example in expected.items():
        if name in found and not _has_same_shape(example, found[name]):
            shown = example[:1] if isinstance(example, tuple | list) else example
            problems.append(f"config.{name} is {found[name]!r}, but must be like {shown!r}.")
    if problems:
        raise ConfigError(f"{problems[0]} {FULL} shows every setting.")
    config = config.copy_and_resolve_references()
    names = tuple(dict.fromkeys(chosen or config.suites))
    for name in names:
        if name not in SUITES:
            raise ConfigError(f"there is no suite {name!r}; choose from {', '.join(SUITES)}.")
    if not names:
        raise ConfigError(f"config.suites is empty; choose from {', '.join(SUITES)}.")
    with config.unlocked():
        config.suites = names
    for setting in ("replicas", *(f"{SUITES[name]}.steps" for name in names)):
        if found.get(setting, 1) < 1:
            raise ConfigError(f"config.{setting} is {found[setting]}, but must be at least 1.")
    return config


def check_names(names: Iterable[str]) -> None:
    """Check that settings exist, by their names, e.g. `updates.steps`.

    Raises:
        ConfigError: A setting does not exist. The message suggests a similar name.
    """
    supported = list(_flatten(full_config().to_dict()))
    for name in names:
        if name not in supported:
            close = difflib.get_close_matches(name, supported, 1)
            hint = f"did you mean config.{close[0]}?" if close else f"{FULL} lists all settings."
            raise ConfigError(f"there is no config.{name}; {hint}")


def full_config() -> ml_collections.ConfigDict:
    """Load the full config."""
    return runpy.run_path(str(_PATH))["get_config"]()


def _has_same_shape(example: Any, value: Any) -> bool:
    """Whether both are single values, or lists of the same depth."""
    if not isinstance(example, tuple | list):
        return not isinstance(value, tuple | list)
    return isinstance(value, tuple | list) and all(_has_same_shape(example[0], x) for x in value)


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested settings; the names get dots."""
    flat = {}
    for name, value in values.items():
        nested = isinstance(value, Mapping)
        flat |= _flatten(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": value}
    return flat
