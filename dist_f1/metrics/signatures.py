"""Signatures and docstrings that show every keyword of `**options`.

The keywords are declared once, in a `TypedDict`, which type checkers read through `Unpack`. The
functions here show them to `help()`, Jupyter and `inspect.signature` too.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])


def with_options(
    function: Callable[..., Any],
    declared: type[Any],
    defaults: Mapping[str, Any],
    without: Collection[str] = (),
) -> inspect.Signature:
    """Return the signature of a function with keywords in place of `**options`.

    Args:
        function: Function, or a class for the signature of its constructor.
        declared: `TypedDict` of the keywords.
        defaults: Their default values; `None` for keywords that are not in it.
        without: Keywords that the function does not have.
    """
    signature = _signature(function)
    parameters = list(signature.parameters.values())
    if not any(p.name == "options" and p.kind is p.VAR_KEYWORD for p in parameters):
        return signature
    own = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
    taken = {p.name for p in own} | set(without)
    keywords = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(name), annotation=annotation
        )
        for name, annotation in declared.__annotations__.items()
        if name not in taken
    ]
    return signature.replace(parameters=[*own, *keywords])


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    if not inspect.isclass(function):
        return inspect.signature(function)
    # A class may inherit the signature that is shown for its base.
    signature = inspect.signature(function.__init__)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def with_texts(doc: str | None, declared: type[Any], shown: Collection[str]) -> str | None:
    """Return a docstring with the texts of the keywords in place of the line of `**options`.

    Args:
        doc: Docstring with a line `**options: ...` among its arguments, or any other.
        declared: `TypedDict` whose docstring has the texts.
        shown: Keywords to describe.
    """
    line = re.compile(r"^( *)\*\*options: .*\n(?:\1 +.*\n)*", re.MULTILINE)
    found = line.search(doc or "")
    if doc is None or found is None:
        return doc
    texts = _texts(declared)
    lines = [x for name in texts if name in shown for x in texts[name]]
    return doc[: found.start()] + "".join(f"{found[1]}{x}\n" for x in lines) + doc[found.end() :]


def show_options(
    declared: type[Any], defaults: Mapping[str, Any], without: Collection[str] = ()
) -> Callable[[T], T]:
    """Decorate a function or a class, so that it shows every keyword of `**options`."""

    def decorate(shown: T) -> T:
        signature = with_options(shown, declared, defaults, without)
        shown.__signature__ = signature  # type: ignore[attr-defined]
        shown.__doc__ = with_texts(shown.__doc__, declared, signature.parameters)
        return shown

    return decorate


def _texts(declared: type[Any]) -> dict[str, list[str]]:
    """Return the lines of each keyword in the docstring of its `TypedDict`."""
    texts: dict[str, list[str]] = {}
    name = None
    for line in inspect.cleandoc(declared.__doc__ or "").splitlines():
        found = re.match(r"(\w+): ", line)
        if found and found[1] in declared.__annotations__:
            name = found[1]
            texts[name] = []
        if name is not None and line:
            texts[name].append(line)
    return texts
