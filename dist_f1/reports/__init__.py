"""The classification report, as text or as a dict."""

from dist_f1.reports.text import AVERAGES as AVERAGES
from dist_f1.reports.text import HEADERS as HEADERS
from dist_f1.reports.text import check_keys as check_keys
from dist_f1.reports.text import check_names as check_names
from dist_f1.reports.text import report as report
