"""The passages of a Markdown page. Blocks of code are left out."""

import re

from markdown_it import MarkdownIt

from prose.passages import make_passage

_PARSER = MarkdownIt("commonmark").enable("table")
_KINDS = {"heading_open": "heading", "th_open": "heading", "td_open": "cell"}
# Fences of MyST whose content is text, e.g. ```{note}.
_ADMONITION = re.compile(r"\{(admonition|caution|hint|important|note|seealso|tip|warning)\}")


def read_markdown(source, first_line=1):
    """Return the passages of a page."""
    passages, kind, row = [], "paragraph", (0, 0)
    for token in _PARSER.parse(source):
        if token.type == "tr_open":
            row = token.map
        elif token.type in _KINDS:
            kind = _KINDS[token.type]
        elif token.type == "paragraph_open":
            kind = "paragraph"
        elif token.type == "inline":
            start, end = token.map or row
            extent = (first_line + start, first_line + end - 1)
            passages.append(make_passage(kind, token.content, first_line + start, extent))
        elif token.type == "fence" and _ADMONITION.match(token.info):
            passages += read_markdown(token.content, first_line + token.map[0] + 1)
    return passages
