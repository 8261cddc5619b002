"""Signatures and docstrings that show every keyword of `**options`.

The keywords are declared once, in a `TypedDict`, which type checkers read through `Unpack`. The
functions here show them to `help()`, Jupyter and `inspect.signature` too.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping
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
        without: Keywords that the function does not have, or does not show.
    """
    signature = _signature(function)
    parameters = list(signature.parameters.values())
    if not any(p.name == "options" and p.kind is p.VAR_KEYWORD for p in parameters):
        return signature
    own = [
        p
        for p in parameters
        if p.kind is not p.VAR_KEYWORD and not (p.kind is p.KEYWORD_ONLY and p.name in without)
    ]
    taken = {p.name for p in own} | set(without)
    keywords = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults.get(name),
            # The text of a postponed annotation, as in the other parameters.
            annotation=getattr(annotation, "__forward_arg__", annotation),
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


def keywords_of(
    function: Callable[..., Any], declared: type[Any], without: Collection[str] = ()
) -> list[str]:
    """Return the names that can be passed to a function or a class that shows its options."""
    parameters = inspect.signature(function).parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        names += [x for x in declared.__annotations__ if x not in names and x not in without]
    return names


def with_texts(doc: str | None, texts: Mapping[str, list[str]], shown: Iterable[str]) -> str | None:
    """Return a docstring with the texts of arguments in place of the line of `**options`.

    Args:
        doc: Docstring with a line `**options: ...` among its arguments, or any other.
        texts: Lines on each argument.
        shown: Arguments to describe, if the docstring does not.
    """
    line = re.compile(r"^( *)\*\*options: .*\n(?:\1 +.*\n)*", re.MULTILINE)
    found = line.search(doc or "")
    if doc is None or found is None:
        return doc
    described = argument_texts(doc, shown)
    lines = [x for name in shown if name not in described for x in texts.get(name, ())]
    return doc[: found.start()] + "".join(f"{found[1]}{x}\n" for x in lines) + doc[found.end() :]


def argument_texts(doc: str | None, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the lines of a docstring on each of these arguments, without the indentation."""
    texts: dict[str, list[str]] = {}
    for name in names:
        found = re.search(rf"^( *){name}: .*\n?(?:\1 +.*\n?)*", doc or "", re.MULTILINE)
        if found:
            indent = len(found[1])
            texts[name] = [line[indent:] for line in found[0].splitlines()]
    return texts


def show_options(
    declared: type[Any],
    defaults: Mapping[str, Any],
    without: Collection[str] = (),
    like: Callable[..., Any] | None = None,
) -> Callable[[T], T]:
    """Decorate a function or a class, so that it shows every keyword of `**options`.

    The line `**options: ...` of its docstring becomes the texts of all arguments that the docstring
    does not describe, from those of the keywords, of the bases of a class, and of `like`.

    Args:
        declared: `TypedDict` of the keywords, whose docstring describes them.
        defaults: Their default values; `None` for keywords that are not in it.
        without: Keywords that the function does not have, or does not show.
        like: Function that describes further arguments.
    """

    def decorate(shown: T) -> T:
        signature = with_options(shown, declared, defaults, without)
        names = list(signature.parameters)
        bases = shown.__mro__[:0:-1] if inspect.isclass(shown) else [like]
        texts = argument_texts(declared.__doc__, names)
        for base in bases:
            texts |= argument_texts(base.__doc__, names)
        shown.__signature__ = signature  # type: ignore[attr-defined]
        shown.__doc__ = with_texts(shown.__doc__, texts, names)
        return shown

    return decorate
