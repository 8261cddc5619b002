"""A page as one HTML file."""

from __future__ import annotations

import base64
import io
import os
import pathlib
import string
from collections.abc import Iterable
from html import escape
from typing import Any

from dist_f1.pages.sections import (
    Picture,
    Preformatted,
    Section,
    Table,
    Text,
    checked,
    columns,
    paragraphs,
)

_IMAGES = {".png": "image/png", ".svg": "image/svg+xml"}

_PAGE = string.Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<main>
<h1>$title</h1>
$body
</main>
</body>
</html>
""")

# Pictures keep a white ground in the dark: their text is black.
_STYLE = """\
:root { color-scheme: light dark; --text: #1b1b1b; --ground: #ffffff; --rule: #d4d4d4; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e4e4; --ground: #17181a; --rule: #44474b; }
}
body { margin: 0; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1, h2 { line-height: 1.25; }
h2 { margin-top: 2rem; }
.wide, pre { overflow-x: auto; }
pre { font: 0.875rem/1.4 ui-monospace, monospace; }
table { border-collapse: collapse; }
caption { text-align: left; padding-bottom: 0.5rem; }
th, td { padding: 0.25rem 0.75rem; border-bottom: 1px solid var(--rule); text-align: left; }
th[scope="row"] { font-weight: normal; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
img { display: block; max-width: 100%; height: auto; background: #ffffff; }
"""


def html(title: str, sections: Iterable[Section]) -> str:
    """One HTML page that needs no other file: pictures are part of it, and it runs no script.

    Raises:
        OSError: a picture cannot be read.
        TypeError: a section is of no known kind.
        ValueError: a picture is neither a figure nor a .png or .svg file, or a row of a table does
            not fit its header.

    Example:
        >>> page = html("Evaluation", [Text("Data", ["Rows of <unknown> origin."])])
        >>> "<p>Rows of &lt;unknown&gt; origin.</p>" in page
        True
    """
    body = "\n".join(map(_section, checked(sections)))
    return _PAGE.substitute(title=escape(title), style=_STYLE, body=body)


def _section(section: Section) -> str:
    heading = f"<h2>{escape(section.heading)}</h2>\n" if section.heading else ""
    # Without a heading it would be a section that has no name.
    tag = "section" if heading else "div"
    return f"<{tag}>\n{heading}{_content(section)}\n</{tag}>"


def _content(section: Section) -> str:
    if isinstance(section, Text):
        return "\n".join(f"<p>{escape(text)}</p>" for text in paragraphs(section))
    if isinstance(section, Preformatted):
        # A line break right after the tag is dropped, and would be if it were the text's.
        return f"<pre>\n{escape(section.text)}</pre>"
    if isinstance(section, Picture):
        return f'<img alt="{escape(section.alt)}" src="{_data(section.figure_or_path)}">'
    return _table(section)


def _table(table: Table) -> str:
    shown = columns(table)
    rows = []
    for place in range(1 + len(table.rows)):
        cells = []
        for number, column in enumerate(shown):
            style = ' class="number"' if column.numeric else ""
            text = escape(column.texts[place])
            if place == 0 and text:
                cells.append(f'<th scope="col"{style}>{text}</th>')
            elif place > 0 and number == 0 and not column.numeric:
                cells.append(f'<th scope="row">{text}</th>')
            else:
                cells.append(f"<td{style}>{text}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    caption = f"<caption>{escape(table.caption)}</caption>\n" if table.caption else ""
    body = "\n".join(rows[1:])
    return (
        f'<div class="wide">\n<table>\n{caption}<thead>\n{rows[0]}\n</thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _data(picture: Any) -> str:
    """A picture as a `data:` address."""
    if hasattr(picture, "savefig"):
        buffer = io.BytesIO()
        picture.savefig(buffer, format="png", dpi=150)
        kind, content = _IMAGES[".png"], buffer.getvalue()
    elif isinstance(picture, str | os.PathLike):
        path = pathlib.Path(picture)
        if path.suffix.lower() not in _IMAGES:
            raise ValueError(f"{path} is not a .png or .svg file; save the picture as one of them.")
        kind, content = _IMAGES[path.suffix.lower()], path.read_bytes()
    else:
        raise ValueError(
            f"A picture must be a matplotlib Figure or the path of a .png or .svg file, got "
            f"{type(picture).__name__}."
        )
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
