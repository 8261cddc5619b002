"""The passages of a Python file: docstrings, comments, and messages such as those of errors."""

import ast
import inspect
import io
import re
import tokenize

from prose.passages import CODE, make_passage

_SECTION = re.compile(r"(Args|Attributes|Example|Fields|Methods|Raises|Returns|Yields):$")
_ENTRY_SECTIONS = ("Args", "Attributes", "Fields", "Methods", "Raises")
# The name of an argument, e.g. `*values:` or `"auto":`, and the mark of an item of a list.
_ENTRY_NAME = re.compile(r"[\w.*`\"]+:\s+")
_ITEM = re.compile(r"(?:-|\d+\.)\s+")
_DIRECTIVE = re.compile(r"#\s*(!|noqa|type:|pragma|fmt:|ruff:|mypy:|prose:)")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def read_python(source):
    """Return the passages of a file."""
    tree = ast.parse(source)
    docstrings = {}
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            docstrings[node.body[0].value] = node
    passages = []
    for constant, node in docstrings.items():
        passages += _read_docstring(constant, "summary" if _is_function(node) else "docstring")
    return passages + _read_messages(tree, docstrings) + _read_comments(source)


def _is_function(node):
    """Whether `node` is a function; a property is described by a noun phrase."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return not any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def _read_docstring(constant, first_kind):
    """Return the passages of a docstring, without its examples, tables and indented code."""
    lines = inspect.cleandoc(constant.value).splitlines()
    blocks, section, is_new = [], None, True
    for i, line in enumerate(lines):
        text, indent = line.strip(), len(line) - len(line.lstrip())
        match = _SECTION.match(line)
        if match or (section and text and indent == 0):
            section, is_new = match and match[1], True
        if not text or match:
            is_new = True
            continue
        is_code = section == "Example" or (indent >= 4 and is_new and not section)
        if is_code or text.startswith(("|", ">>>", "...")):
            continue
        name = _ENTRY_NAME.match(text)
        is_entry = name and indent == (4 if section in _ENTRY_SECTIONS else 0)
        item = _ITEM.match(text)
        if is_new or is_entry or item:
            blocks.append((i, []))
        prefix = item or (is_entry and name)
        blocks[-1][1].append(text[prefix.end() :] if prefix else text)
        is_new = False
    extent = (constant.lineno, constant.end_lineno)
    return [
        make_passage(
            first_kind if start == 0 else "docstring",
            "\n".join(texts),
            constant.lineno + start,
            extent,
        )
        for start, texts in blocks
    ]


def _read_messages(tree, docstrings):
    """Return the strings that are sentences."""
    passages, parts = [], set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts.update(id(value) for value in ast.walk(node) if value is not node)
            text = "".join(
                value.value if isinstance(value, ast.Constant) else CODE for value in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node in docstrings or id(node) in parts:
                continue
            text = node.value
        else:
            continue
        if re.search(r"\w[\"')`]?[.!?]$", text.strip()) and len(text.split()) > 3:
            extent = (node.lineno, node.end_lineno)
            # Line breaks of the text are not those of the file.
            passages.append(make_passage("message", text.replace("\n", " "), node.lineno, extent))
    return passages


def _read_comments(source):
    """Return the comments; those of consecutive lines are one passage."""
    comments = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or _DIRECTIVE.match(token.string):
            continue
        text = token.string.lstrip("# ").rstrip()
        (line, column), is_alone = token.start, token.line.lstrip().startswith("#")
        if comments and is_alone and comments[-1][:2] == (line - len(comments[-1][2]), column):
            comments[-1][2].append(text)
        else:
            comments.append((line, column, [text]))
    return [make_passage("comment", "\n".join(texts), line) for line, _, texts in comments]
