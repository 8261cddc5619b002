"""A page as one HTML file, rendered from the templates in `templates/`.

Each kind of section has its own template, which has the name of its class.
"""

from __future__ import annotations

import base64
import functools
import io
import itertools
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dist_f1.counts.visible_text import visible_text
from dist_f1.pages.columns import columns
from dist_f1.pages.scripts import ECHARTS_VERSION, embedded_json, has_charts, scripts
from dist_f1.pages.sections import FigureOrPath, Group, Section, check_sections, paragraphs

if TYPE_CHECKING:
    from jinja2 import Template

_MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}
# A page with fewer headings needs no list of them.
_MIN_LINKS = 4


class Item(NamedTuple):
    """A section with its template, an id that no other section has, and the sections inside."""

    template: str
    id: str
    section: Section
    items: Sequence[Item]


def html(title: str, sections: Iterable[Section], subtitle: str = "") -> str:
    """Return a self-contained HTML page, which loads nothing.

    Figures are embedded. A page has scripts only for charts and for tables that readers can sort.

    Args:
        title: Title of the page.
        sections: Sections in their order.
        subtitle: A line below the title.

    Raises:
        ImportError: jinja2 is not installed.
        OSError: An image cannot be read.
        TypeError: A section is of another type.
        ValueError: An image is neither a figure nor a .png or .svg file, or a row of a table does
            not fit its header.

    Example:
        >>> from dist_f1.pages import Text
        >>> page = html("Evaluation", [Text("Data", ["Rows of <unknown> origin."])])
        >>> "<p>Rows of &lt;unknown&gt; origin.</p>" in page
        True
    """
    sections = check_sections(sections)
    flat = list(_flatten(sections))
    items = _items(sections, itertools.count(1))
    links = [item for item in items if item.section.heading]
    return _template().render(
        title=title,
        subtitle=subtitle,
        items=items,
        links=links if len(links) >= _MIN_LINKS else [],
        scripts=scripts(flat),
        echarts_version=ECHARTS_VERSION if has_charts(flat) else "",
    )


def _flatten(sections: Iterable[Section]) -> Iterator[Section]:
    for section in sections:
        yield section
        if isinstance(section, Group):
            yield from _flatten(section.sections)
        table = getattr(section, "table", None)
        if table is not None:
            yield table


def _items(sections: Iterable[Section], ids: Iterator[int]) -> list[Item]:
    items = []
    for section in sections:
        name, number = type(section).__name__, next(ids)
        inner = _items(section.sections, ids) if isinstance(section, Group) else []
        items.append(Item(f"{name.lower()}.html", f"section-{number}", section, inner))
    return items


@functools.cache
def _template() -> Template:
    try:
        import jinja2
    except ImportError as error:
        raise ImportError(
            "jinja2 is not installed, and HTML pages need it; pip install 'dist-f1[plot]'."
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=_visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "columns": columns,
        "data_url": _data_url,
        "embedded_json": embedded_json,
        "paragraphs": paragraphs,
    }
    return environment.get_template("page.html")


def _visible(value: object) -> object:
    # Markup, e.g. a script, is `safe` as it is.
    is_text = isinstance(value, str) and not hasattr(value, "__html__")
    return visible_text(value) if is_text else value


def _data_url(picture: FigureOrPath) -> str:
    """Encode an image as a `data:` URL."""
    if isinstance(picture, str | os.PathLike):
        path = pathlib.Path(picture)
        if path.suffix.lower() not in _MEDIA_TYPES:
            raise ValueError(f"{path} is not a .png or .svg file; save the figure as one of them.")
        media_type, content = _MEDIA_TYPES[path.suffix.lower()], path.read_bytes()
    elif hasattr(picture, "savefig"):
        buffer = io.BytesIO()
        picture.savefig(buffer, format="png", dpi=150)
        media_type, content = _MEDIA_TYPES[".png"], buffer.getvalue()
    else:
        raise ValueError(
            "A picture must be a matplotlib Figure or the path of a .png or .svg file, got "
            f"{type(picture).__name__}."
        )
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
