"""Names reach terminals and files without characters that cannot be seen."""

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dist_f1.counts.visible_text import visible_name, visible_text

# Names that an escape could confuse are made of these.
_PARTS = ["\\", "n", "x1b", "u202e", "\x1b", "\n", "\u202e", "\t", "\ud800", "\U000e0041", "a"]
_BIDI = {*map(chr, [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])}
names = st.one_of(
    st.text(st.characters(codec=None)), st.lists(st.sampled_from(_PARTS)).map("".join)
)


@given(names)
@example("".join(map(chr, range(0x110000))))
def test_a_name_has_no_control_characters(name):
    shown = visible_name(name)
    assert not {unicodedata.category(x) for x in shown} & {"Cc", "Cs", "Zl", "Zp"}
    assert not _BIDI & set(shown)
    assert not set("\u200b\u2060\ufeff") & set(shown)
    shown.encode()


@given(st.lists(names, unique=True, max_size=6))
@example([r"a\n", "a\n", r"a\\n", "a\\\n"])
def test_different_names_remain_different(different):
    assert len(set(map(visible_name, different))) == len(different)


@given(names)
def test_text_keeps_names_that_are_already_shown(name):
    shown = visible_name(name)
    assert visible_text(f"of {shown}:\n\t{shown}") == f"of {shown}:\n\t{shown}"


@given(names)
def test_text_has_no_control_characters_but_lines_and_tabs(text):
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202e]", visible_text(text))


@pytest.mark.parametrize(
    "name",
    [
        "cat",
        "Grüße",
        "猫 の 名前",
        "می‌خواهم",
        "क्‍ष",
        "e\u0301",
        "❤️‍🔥",
        "👩🏽‍🚀",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        r"$\frac{1}{2}$",
        r"C:\data",
    ],
)
def test_letters_emoji_and_combining_marks_stay(name):
    assert visible_name(name) == visible_text(name) == name


def test_a_joiner_between_latin_letters_is_escaped():
    assert visible_name("a\u200db") == r"a\u200db"
