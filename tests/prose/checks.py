"""Checks passages and lines with the rules of `rules.yaml`."""

import pathlib
import re
from typing import NamedTuple

import yaml

from prose.markdown import read_markdown
from prose.passages import CODE
from prose.python_source import read_python

CONFIG = yaml.safe_load(pathlib.Path(__file__).with_name("rules.yaml").read_text(encoding="utf-8"))
_ALLOWED = re.compile(r"prose: allow ([\w-]+(?:, *[\w-]+)*)")
_WORD = re.compile(rf"[\w{CODE}][\w{CODE}'.=-]*")


class Finding(NamedTuple):
    """A line that breaks a rule."""

    path: str
    line: int
    rule: str
    message: str


class Rule:
    """A rule about the words of a passage."""

    def __init__(self, name, config):
        self.name, self.message = name, config["message"]
        self.kinds, self.opens = config.get("kinds"), "opening" in config
        self.only_first = config.get("only_first", False)
        if self.opens:
            self.patterns = [(_compile(rf"[\"'(\[]*{config['opening']}\b", 0), "")]
        elif "pattern" in config:
            self.patterns = [(_compile(config["pattern"]), "")]
        else:
            words = config["words"].items()
            self.patterns = [(_compile(rf"\b{word}\b"), to) for word, to in words]

    def find(self, passage):
        """Yield the offset of each place that breaks the rule, and a message."""
        if self.kinds and passage.kind not in self.kinds:
            return
        if self.opens and passage.kind == "heading":
            return
        for pattern, replacement in self.patterns:
            if self.opens:
                sentences = [*passage.sentences()][: 1 if self.only_first else None]
                matches = [(start, pattern.match(text)) for start, text in sentences]
            else:
                matches = [(match.start(), match) for match in pattern.finditer(passage.words)]
            for start, match in matches:
                if match:
                    yield start, self.message.format(word=match[0], replacement=replacement)


def _compile(pattern, flags=re.IGNORECASE):
    return re.compile(pattern.replace("CODE", CODE), flags)


RULES = [Rule(name, config) for name, config in CONFIG["rules"].items()]


def check_text(path, source):
    """Return the findings in the text of a file, whose path ends with `.md` or `.py`."""
    is_markdown = str(path).endswith(".md")
    passages = read_markdown(source) if is_markdown else read_python(source)
    lines = source.splitlines()
    findings = set()
    for passage in passages:
        allowed = _allowed(lines, passage.extent)
        for name, line, message in _find(passage):
            if name not in allowed:
                findings.add(Finding(str(path), line, name, message))
    if is_markdown:
        findings.update(_find_long_lines(str(path), lines))
    return sorted(findings)


def _allowed(lines, extent):
    """Return the rules that a comment in or next to these lines allows to break."""
    nearby = "\n".join(lines[max(extent[0] - 2, 0) : extent[1] + 1])
    return {name for match in _ALLOWED.finditer(nearby) for name in re.split(", *", match[1])}


def _find(passage):
    for rule in RULES:
        for offset, message in rule.find(passage):
            yield rule.name, passage.line_at(offset), message
    limit = CONFIG["limits"]["sentence"]
    for offset, sentence in passage.sentences():
        number = max(len(_WORD.findall(clause)) for clause in sentence.split(";"))
        if number > limit:
            message = f"{number} words in a sentence; at most {limit}. Split it."
            yield "long-sentence", passage.line_at(offset), message


def _find_long_lines(path, lines):
    """Yield the long lines of a page. Tables, links and code blocks cannot be broken."""
    limit, is_code = CONFIG["limits"]["line"], False
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        cannot_break = is_code or line.startswith(("|", "    ")) or "](" in line
        if len(line) > limit and not cannot_break:
            yield Finding(path, number, "long-line", f"{len(line)} characters; at most {limit}.")


def files_to_check(root, paths=None):
    """Return the Markdown and Python files below some paths."""
    files = []
    for path in paths or CONFIG["paths"]:
        full = root / path
        found = [full] if full.is_file() else sorted([*full.rglob("*.md"), *full.rglob("*.py")])
        files += [file.relative_to(root) for file in found]
    return files
