"""Check a built documentation site: every public name has an entry, and every link a target.

python tests/docs/check_site.py build/docs
"""

import importlib
import inspect
import pathlib
import sys
import urllib.parse
from html.parser import HTMLParser

import dist_f1

# Packages whose names users import: those of `dist_f1` itself, and these.
PACKAGES = (
    "callbacks",
    "compat.keras3",
    "compat.v1",
    "kernels",
    "pages",
    "plots",
    "scores",
    "testing",
)


def public_names():
    """Return the public names, e.g. `dist_f1.F1Score`, without modules."""
    modules = [dist_f1, *(importlib.import_module(f"dist_f1.{name}") for name in PACKAGES)]
    return {
        f"{module.__name__}.{name}"
        for module in modules
        for name in dir(module)
        if not name.startswith("_") and _is_documentable(getattr(module, name), module)
    }


def _is_documentable(value, module):
    is_code = inspect.isclass(value) or inspect.isfunction(value)
    return is_code and value.__module__.startswith("dist_f1.")


class Page(HTMLParser):
    """The anchors and the links of a page."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.requests = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if values.get("id"):
            self.anchors.add(values["id"])
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        source = values.get("src") or (values.get("href") if tag == "link" else None)
        if source:
            self.requests.append(source)


def broken_links(root, pages):
    """Return `page -> link` for each link within the site that has no target."""
    broken = []
    for path, page in pages.items():
        for link in (*page.links, *page.requests):
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (
                (path.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else path
            )
            is_missing = not target.exists()
            anchors = pages[target].anchors if target in pages else {parts.fragment}
            if is_missing or (parts.fragment and parts.fragment not in anchors):
                broken.append(f"{path.relative_to(root)} -> {link}")
    return broken


def outside_requests(root, pages):
    """Return what a page loads from another site: it would not work offline."""
    return [
        f"{path.relative_to(root)} loads {source}"
        for path, page in pages.items()
        for source in page.requests
        if urllib.parse.urlsplit(source).netloc
    ]


def main(directory):
    """Print what is checked, and return the number of problems."""
    root = pathlib.Path(directory).resolve()
    pages = {path: Page(path) for path in sorted(root.rglob("*.html"))}
    entries = set().union(*(page.anchors for page in pages.values()))
    names = public_names()
    problems = [f"{name} has no entry" for name in sorted(names - entries)]
    problems += broken_links(root, pages) + outside_requests(root, pages)
    print(*problems, sep="\n", end="\n" if problems else "")
    documented = len(names & entries)
    links = sum(len(page.links) for page in pages.values())
    print(
        f"{len(pages)} pages, {links} links, {documented} of {len(names)} public names documented"
    )
    return len(problems)


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1])))
