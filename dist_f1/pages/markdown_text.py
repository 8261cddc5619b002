"""A page as Markdown text (CommonMark, with GitHub's tables)."""

import os
import pathlib
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence

from dist_f1.counts.visible_text import visible_text
from dist_f1.pages.columns import columns
from dist_f1.pages.sections import (
    Chart,
    Facts,
    FigureOrPath,
    Group,
    Picture,
    Preformatted,
    Section,
    Table,
    Text,
    Thresholds,
    check_sections,
    paragraphs,
)

# An underscore within a word is not markup.
_MARKUP = re.compile(r"[\\`*\[\]<>|&~$]|(?<![^\W_])_|_(?![^\W_])")
_MARKUP_AT_LINE_START = re.compile(r"^(\d*)([-+=#.)])(?=[\s=#-]|$)")


def markdown_page(
    title: str,
    sections: Iterable[Section],
    image_paths: Sequence[str | os.PathLike[str]] | None = None,
) -> str:
    """Return a page as Markdown text, with links to its images.

    Args:
        title: Title of the page.
        sections: Sections in their order, as for `html`.
        image_paths: File of each `Picture`, and of each `Chart` with a `picture`, in their
            order, relative to the page. By default the paths in these sections.

    Raises:
        TypeError: A section is of another type.
        ValueError: An image has no relative path, or a row of a table does not fit its header.
    """
    sections = check_sections(sections)
    pictures = list(_pictures(sections))
    paths = pictures if image_paths is None else image_paths
    if len(paths) != len(pictures):
        raise ValueError(
            f"image_paths has {len(paths)} paths for {len(pictures)} images; pass one for each "
            "image, in their order."
        )
    links = iter([_link(path) for path in paths])
    blocks = [f"# {_escape(title)}", *_section_blocks(sections, links, "##")]
    return "\n\n".join(blocks) + "\n"


def markdown_table(table: Table) -> str:
    """Return a table whose columns are also aligned in the text."""
    aligned = []
    for title, cells, is_numeric, _ in columns(table):
        texts = [_escape(text) for text in (title, *cells)]
        width = max(3, *map(len, texts))
        rule = "-" * (width - 1)
        head, *body = [text.rjust(width) if is_numeric else text.ljust(width) for text in texts]
        aligned.append([head, f"{rule}:" if is_numeric else f":{rule}", *body])
    return "\n".join(f"| {' | '.join(line)} |" for line in zip(*aligned, strict=True))


def _pictures(sections: Iterable[Section]) -> Iterator[FigureOrPath]:
    for section in sections:
        if isinstance(section, Group):
            yield from _pictures(section.sections)
        elif isinstance(section, Picture):
            yield section.figure_or_path
        elif isinstance(section, Chart) and section.picture is not None:
            yield section.picture


def _section_blocks(sections: Iterable[Section], links: Iterator[str], level: str) -> Iterator[str]:
    for section in sections:
        if section.heading:
            yield f"{level} {_escape(section.heading)}"
        if isinstance(section, Group):
            yield from _section_blocks(section.sections, links, f"{level}#")
        else:
            yield from _blocks(section, links)


def _blocks(section: Section, links: Iterator[str]) -> Iterator[str]:
    if isinstance(section, Text):
        yield from (_escape_line(text) for text in paragraphs(section))
    elif isinstance(section, Facts):
        facts = (f"- **{_escape(f.label)}: {_escape(f.value)}.**" for f in section.facts)
        pairs = zip(facts, section.facts, strict=True)
        yield "\n".join(f"{text} {_escape(fact.sentence)}" for text, fact in pairs)
    elif isinstance(section, Table):
        yield markdown_table(section)
        yield from [_escape_line(section.caption)] * bool(section.caption)
    elif isinstance(section, Thresholds):
        yield markdown_table(section.table)
        yield _escape_line(section.table.caption)
    elif isinstance(section, Preformatted):
        fence, text = "```", visible_text(section.text)
        while fence in text:
            fence += "`"
        yield f"{fence}\n{text.rstrip()}\n{fence}"
    elif isinstance(section, Chart):
        is_drawn = section.picture is not None
        yield f"![{_escape(section.alt)}]({next(links)})" if is_drawn else _escape_line(section.alt)
        if section.table is not None:
            yield from _blocks(section.table, links)
    elif isinstance(section, Picture):
        yield f"![{_escape(section.alt)}]({next(links)})"


def _link(path: FigureOrPath) -> str:
    if not isinstance(path, str | os.PathLike) or pathlib.PurePath(path).is_absolute():
        raise ValueError(
            f"The image {path} has no path relative to the page; pass image_paths with one for "
            "each image."
        )
    return urllib.parse.quote(pathlib.PurePath(path).as_posix())


def _escape_line(text: str) -> str:
    return _MARKUP_AT_LINE_START.sub(r"\1\\\2", _escape(text))


def _escape(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", visible_text(" ".join(text.split())))
