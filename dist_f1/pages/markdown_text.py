"""A page as Markdown text (CommonMark, and tables as GitHub has them)."""

from __future__ import annotations

import os
import pathlib
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from dist_f1.pages.sections import (
    Column,
    Picture,
    Preformatted,
    Section,
    Table,
    Text,
    checked,
    columns,
    paragraphs,
)

# An underscore within a word is no markup.
_MARKUP = re.compile(r"[\\`*\[\]<>|&~$]|(?<![^\W_])_|_(?![^\W_])")
_MARKUP_OF_A_LINE = re.compile(r"^(\d*)([-+=#.)])(?=[\s=#-]|$)")
_FENCE = "```"


def markdown_page(
    title: str,
    sections: Iterable[Section],
    image_paths: Sequence[str | os.PathLike[str]] | None = None,
) -> str:
    """A page as Markdown text, with links to its pictures.

    Args:
        title: of the page.
        sections: as for `html`.
        image_paths: the file of each `Picture`, in their order, relative to the page. By default
            the paths that the pictures have themselves.

    Raises:
        TypeError: a section is of no known kind.
        ValueError: a picture has no relative path, or a row of a table does not fit its header.
    """
    sections = checked(sections)
    pictures = [section for section in sections if isinstance(section, Picture)]
    if image_paths is None:
        image_paths = [picture.figure_or_path for picture in pictures]
    if len(image_paths) != len(pictures):
        raise ValueError(
            f"image_paths has {len(image_paths)} paths for {len(pictures)} pictures; pass one for "
            "each Picture, in their order."
        )
    links = iter([_link(path) for path in image_paths])
    parts = [f"# {_escaped(title)}"]
    for section in sections:
        if section.heading:
            parts.append(f"## {_escaped(section.heading)}")
        parts += _parts(section, links)
    return "\n\n".join(parts) + "\n"


def table_lines(table: Table) -> str:
    """A table whose columns line up in the text, too."""
    shown = [
        Column([_escaped(text) for text in column.texts], column.numeric)
        for column in columns(table)
    ]
    widths = [max(3, *map(len, column.texts)) for column in shown]
    lines = [
        [
            f"{column.texts[place]:{'>' if column.numeric else '<'}{width}}"
            for column, width in zip(shown, widths, strict=True)
        ]
        for place in range(1 + len(table.rows))
    ]
    rule = [
        "-" * (width - 1) + ":" if column.numeric else ":" + "-" * (width - 1)
        for column, width in zip(shown, widths, strict=True)
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [lines[0], rule, *lines[1:]])


def _parts(section: Section, links: Iterator[str]) -> list[str]:
    if isinstance(section, Text):
        return [_line(text) for text in paragraphs(section)]
    if isinstance(section, Table):
        return [table_lines(section), *([_line(section.caption)] if section.caption else [])]
    if isinstance(section, Preformatted):
        fence = _FENCE
        while fence in section.text:
            fence += "`"
        return [f"{fence}\n{section.text.rstrip()}\n{fence}"]
    return [f"![{_escaped(section.alt)}]({next(links)})"]


def _link(path: Any) -> str:
    if not isinstance(path, str | os.PathLike) or pathlib.PurePath(path).is_absolute():
        raise ValueError(
            f"The picture {path} has no path relative to the page; pass image_paths with one for "
            "each Picture."
        )
    return urllib.parse.quote(pathlib.PurePath(path).as_posix())


def _line(text: str) -> str:
    return _MARKUP_OF_A_LINE.sub(r"\1\\\2", _escaped(text))


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", " ".join(text.split()))
