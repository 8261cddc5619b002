"""The index lists each page of the documentation once, in the order of the navigation."""

import re

import doc_snippets

TREE = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)


def test_the_index_lists_the_pages_of_its_navigation():
    text = (doc_snippets.ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = [
        line
        for tree in TREE.findall(text)
        for line in tree.splitlines()
        if line and not line.startswith(":")
    ]
    lists = TREE.sub("", text).partition("\n## Tutorials\n")[2]
    assert re.findall(r"\]\((.*?)\.md\)", lists) == pages
