"""Tables that fit, colours that mean something, and text that a pipe gets whole."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.terminal import (
    cells,
    meaning,
    page_of,
    painted,
    printed_on,
    prose,
    shortened,
    table,
    verbatim,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 40 columns."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


ROWS = [("sbc1", "CN=sbc1.lab.example", "dns:sbc1.lab.example", "valid")]
HEAD = ("device", "subject", "san", "status")


def test_a_pipe_gets_every_column_whole() -> None:
    with printed_on(io.StringIO()):
        text = table([("x" * 300, "y" * 300)], head=("a", "b"), drop=("a",), shorten=("b",))

    assert "x" * 300 in text
    assert "y" * 300 in text


def test_columns_are_left_out_in_their_order_before_any_is_shortened(narrow: Terminal) -> None:
    with printed_on(narrow):
        text = table(ROWS, head=HEAD, drop=("san", "device"), shorten=("subject",))

    assert text.splitlines() == [
        "device  subject              status",
        "sbc1    CN=sbc1.lab.example  valid",
    ]


def test_what_still_does_not_fit_ends_in_an_ellipsis(narrow: Terminal) -> None:
    rows = [("sbc1", f"CN={'a' * 60}.example", "valid")]

    with printed_on(narrow):
        text = table(rows, head=("device", "subject", "status"), shorten=("subject",))

    assert max(map(len, text.splitlines())) == 40
    assert "a…  valid" in text


def test_running_text_in_the_last_column_goes_on_below_itself_at_a_blank(narrow: Terminal) -> None:
    with printed_on(narrow):
        text = table([("code", "the request does not ask to be a CA at all")])

    assert text.splitlines() == [
        "code  the request does not ask to be a",
        "      CA at all",
    ]


@given(
    st.lists(
        st.tuples(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40)), max_size=4
    ),
    st.integers(20, 90),
)
def test_no_line_is_wider_than_the_terminal_whatever_stands_in_it(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        with printed_on(Terminal()):
            text = table(
                [*rows, ("a", "b", "c")], head=("one", "two", "three"), drop=("one",), shorten=("two", "three")
            )  # fmt: skip

    assert all(cells(line) <= width for line in text.split("\n"))


def test_wide_and_combining_characters_are_counted_as_the_terminal_shows_them() -> None:
    assert cells("日本") == 4
    assert cells("e\u0301") == 1
    assert shortened("日本語の名前", 6) == "日本…"


@pytest.mark.parametrize(
    ("environment", "terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colour_is_for_terminals_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], terminal: bool, coloured: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with printed_on(Terminal() if terminal else io.StringIO()):
        text = painted(meaning("error", "FAIL"))

    assert text == ("\x1b[31mFAIL\x1b[0m" if coloured else "FAIL")


def test_text_of_others_brings_no_colour_and_no_control_with_it(narrow: Terminal) -> None:
    hostile = "a\x1b[31mred\ufdd0b\u202e"

    with printed_on(narrow) as page:
        text = painted(table([(hostile, "ok")]))

    assert page.colour
    assert "\x1b" not in text
    assert "\ufdd0" not in text


def test_a_terminal_that_does_not_tell_its_width_cuts_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)

    assert page_of(Terminal()).width is None


def test_running_text_without_room_beside_its_row_goes_below_it(narrow: Terminal) -> None:
    with printed_on(narrow):
        text = table([("expired", "fx/expired-fullchain.pem", "refuse: it has expired")])

    assert text.splitlines() == [
        "expired  fx/expired-fullchain.pem",
        "    refuse: it has expired",
    ]


def test_a_word_that_is_too_long_beside_its_row_goes_below_it(narrow: Terminal) -> None:
    with printed_on(narrow):
        text = table([("restored", "head 0123456789abcdef0123456789abcdef")])

    assert text.splitlines() == ["restored", "    head", "    0123456789abcdef0123456789abcdef"]


def test_a_command_is_not_broken_where_it_fits_in_a_line(narrow: Terminal) -> None:
    with printed_on(narrow):
        text = prose("it stays valid until then: sipca revoke 580a --reason superseded")

    assert text.splitlines() == [
        "it stays valid until then:",
        "  sipca revoke 580a --reason superseded",
    ]


def test_a_command_that_is_longer_than_a_line_is_left_to_the_terminal(narrow: Terminal) -> None:
    command = "sipca crl --ca all --if-within 30d -o /etc/kamailio/tls/crls.pem"

    with printed_on(narrow):
        text = prose(f"monthly: {command}; reload")

    assert f"  {command};" in text.splitlines()


def test_a_sentence_that_begins_with_the_name_of_the_program_is_broken(narrow: Terminal) -> None:
    with printed_on(narrow):
        text = prose("sipca keeps no copy of a key that it makes for a peer")

    assert max(map(len, text.splitlines())) <= 40


def test_data_for_a_file_or_a_shell_is_never_wrapped(narrow: Terminal) -> None:
    line = "description = 'SIP over TLS, server and client'  # a comment"

    with printed_on(narrow):
        text = painted(prose(verbatim(line)))

    assert text == line


def test_data_is_escaped_like_all_text_of_others(narrow: Terminal) -> None:
    with printed_on(narrow):
        text = painted(verbatim("a\x1b[31m \ufdd0 \ufdd5 b"))

    assert text == "a\\x1b[31m \\ufdd0 \\ufdd5 b"


@pytest.mark.parametrize("mark", ["\ufdd0", "\ufdd4", "\ufdd5"])
def test_a_mark_of_others_is_spelled_out_in_a_pipe(mark: str) -> None:
    with printed_on(io.StringIO()):
        text = painted(f"a{mark}b")

    assert text == f"a\\u{ord(mark):x}b"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=200))
def test_wrapping_loses_nothing_but_blanks(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "30")
        with printed_on(Terminal()):
            wrapped = prose(text)

    assert wrapped.replace("\n", "").replace(" ", "") == text.replace(" ", "")
