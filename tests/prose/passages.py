"""A passage: a paragraph, list item, table cell, docstring section or message, without its code."""

import dataclasses
import re

# Stands for code and addresses, which are not checked.
CODE = "\ufffc"
# Precedes the text of a link, which may be a title. It has no width.
LINK = "\u2060"
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_ADDRESS = re.compile(r"<?\bhttps?://[^\s>)]+>?|<!--.*?-->", re.DOTALL)
_EMPHASIS = re.compile(r"\*+(?=\S)|(?<=\S)\*+")
_END = re.compile(
    r"[.!?][\"')\]]* +(?=[\"'(\[]*(?:[A-Z\d\ufffc\u2060]|dist_f1|tf-keras|scikit-learn))"
)
_ABBREVIATIONS = ("e.g.", "i.e.", "vs.", "cf.", "approx.")


@dataclasses.dataclass(frozen=True)
class Passage:
    """Text of one kind, and its lines in a file.

    Fields:
        kind: `paragraph`, `heading`, `cell`, `summary` (the first paragraph of a function's
            docstring), `docstring`, `comment` or `message`.
        text: Text with its line breaks, and with `CODE` in place of code.
        line: Number of the first line.
        extent: First and last line where a comment may allow an exception.
    """

    kind: str
    text: str
    line: int
    extent: tuple[int, int]

    @property
    def words(self):
        """The text in one line."""
        return self.text.replace("\n", " ")

    def line_at(self, offset):
        """Return the line of a character."""
        return self.line + self.text.count("\n", 0, offset)

    def sentences(self):
        """Yield the offset and the text of each sentence."""
        start = 0
        for end in _END.finditer(self.words):
            if not self.words[: end.start() + 1].endswith(_ABBREVIATIONS):
                yield start, self.words[start : end.end()]
                start = end.end()
        yield start, self.words[start:]


def make_passage(kind, source, line, extent=None):
    """Return the passage of a source text, with its code masked."""
    text = _CODE_SPAN.sub(_mask, source)
    text = _ADDRESS.sub(_mask, text)
    text = _LINK.sub(rf"{LINK}\1", text)
    text = _EMPHASIS.sub("", text)
    return Passage(kind, text, line, extent or (line, line + source.count("\n")))


def _mask(match):
    return CODE + "\n" * match[0].count("\n")
