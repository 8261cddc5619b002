"""A page as one HTML file, rendered from the template `page.html`."""

from __future__ import annotations

import base64
import functools
import io
import os
import pathlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dist_f1.pages.sections import FigureOrPath, Section, check_sections, columns, paragraphs

if TYPE_CHECKING:
    from jinja2 import Template

_MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


def html(title: str, sections: Iterable[Section]) -> str:
    """Return a self-contained HTML page: figures are embedded, and there are no scripts.

    Args:
        title: Title of the page.
        sections: Sections in their order.

    Raises:
        ImportError: jinja2 is not installed.
        OSError: A picture cannot be read.
        TypeError: A section is of another type.
        ValueError: A picture is neither a figure nor a .png or .svg file, or a row of a table does
            not fit its header.

    Example:
        >>> from dist_f1.pages import Text
        >>> page = html("Evaluation", [Text("Data", ["Rows of <unknown> origin."])])
        >>> "<p>Rows of &lt;unknown&gt; origin.</p>" in page
        True
    """
    kinds = [(type(section).__name__, section) for section in check_sections(sections)]
    return _template().render(title=title, sections=kinds)


@functools.cache
def _template() -> Template:
    try:
        import jinja2
    except ImportError as error:
        raise ImportError(
            "jinja2 is not installed, and HTML pages need it; pip install 'dist-f1[plot]'."
        ) from error
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(pathlib.Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"columns": columns, "data_url": _data_url, "paragraphs": paragraphs}
    return environment.get_template("page.html")


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
