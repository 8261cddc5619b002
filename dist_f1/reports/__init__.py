"""The classification report, as text or as a dict."""

from dist_f1.reports.text import HEADERS, check_names, report

__all__ = ["HEADERS", "check_names", "report"]
