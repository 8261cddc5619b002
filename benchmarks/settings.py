"""The config of a run, checked before anything is measured."""

from __future__ import annotations

import difflib
import pathlib
import runpy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import ml_collections

from benchmarks.suites import SUITES, section

# Has every setting there is.
FULL = "configs/benchmarks.py"
_PATH = pathlib.Path(__file__).resolve().parents[1] / FULL


class SettingsError(ValueError):
    """A setting is wrong; says which and what would be right."""


def resolve(
    config: ml_collections.ConfigDict, chosen: Sequence[str] = ()
) -> ml_collections.ConfigDict:
    """The config with the suites of `--suite`, if there are any, and these checked.

    Raises:
        SettingsError: it has not the shape of `configs/benchmarks.py`, or a suite is unknown.
    """
    try:
        # What could not be loaded says so when it is read.
        found = config.to_dict()
    except OSError as error:
        raise SettingsError(f"--config: {' '.join(str(error).split())}") from error
    except AttributeError as error:
        raise SettingsError(f"get_config() must return a ConfigDict, as in {FULL}.") from error
    for problem in _differences(reference().to_dict(), found, "config"):
        raise SettingsError(f"{problem} {FULL} shows every setting.")
    config = config.copy_and_resolve_references()
    names = tuple(chosen) or tuple(config.suites)
    for name in names:
        if name not in SUITES:
            raise SettingsError(f"there is no suite {name!r}; choose from {', '.join(SUITES)}.")
    with config.unlocked():
        config.suites = tuple(dict.fromkeys(names))
    if not config.suites:
        raise SettingsError(f"config.suites is empty; choose from {', '.join(SUITES)}.")
    counts = {"replicas": config.replicas}
    for key in map(section, config.suites):
        if "steps" in config[key]:
            counts[f"{key}.steps"] = config[key].steps
    for name, count in counts.items():
        if count < 1:
            raise SettingsError(f"config.{name} is {count}, but must be at least 1.")
    return config


def check_names(names: Iterable[str]) -> None:
    """Whether there are settings of these names, `updates.steps` say.

    Raises:
        SettingsError: there is none; names one that is close, if any is.
    """
    known = list(_names(reference().to_dict()))
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean config.{close[0]}?" if close else f"{FULL} lists them all."
            raise SettingsError(f"there is no config.{name}; {hint}")


def reference() -> ml_collections.ConfigDict:
    """The full config."""
    return runpy.run_path(str(_PATH))["get_config"]()


def _names(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _names(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _alike(value: Any, other: Any) -> bool:
    """Both single values, or both lists of such or of lists."""
    if not isinstance(value, tuple | list):
        return not isinstance(other, tuple | list)
    return isinstance(other, tuple | list) and all(_alike(value[0], item) for item in other)


def _differences(wanted: Mapping[str, Any], found: Mapping[str, Any], where: str) -> Iterator[str]:
    for name, value in wanted.items():
        path = f"{where}.{name}"
        if name not in found:
            yield f"{path} is missing."
        elif isinstance(value, Mapping) != isinstance(found[name], Mapping):
            yield f"{path} must {'' if isinstance(value, Mapping) else 'not '}have settings in it."
        elif isinstance(value, Mapping):
            yield from _differences(value, found[name], path)
        elif not _alike(value, found[name]):
            example = value[:1] if isinstance(value, tuple | list) else value
            yield f"{path} is {found[name]!r}, but must be like {example!r}."
    for name in found.keys() - wanted.keys():
        yield f"there is no {where}.{name}."
