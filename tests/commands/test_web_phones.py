"""The page's screen of phones that enrol: who waits, approving and denying."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stand_in.enrolment import OTHER_KEY, asks, phone_csr, served
from stand_in.lab import CommandLine
from stand_in.page import WebPage, showing


@pytest.fixture
def page(sipca: CommandLine, tmp_path: Path) -> Iterator[WebPage]:
    """The page, with one request that waits."""
    assert sipca("scep", "rotate").exit == 0
    with served(sipca.home) as home:
        asks(home, phone_csr("phone1.lab.example"))
    with showing(sipca.home, tmp_path / "web.log") as running:
        running.open()
        yield running


def test_who_waits_is_listed_with_what_approving_would_issue(page: WebPage) -> None:
    queue, one = page.ask("/phones"), page.ask("/phone/1")

    assert 'href="/phone/1"' in queue.text
    assert "phone1.lab.example" in queue.text
    assert "What approving would issue" in one.text
    assert "sipca scep approve 1" in one.text
    assert page.ask("/phone/2").status == 404


def test_a_request_is_approved_once_and_leads_to_its_certificate(
    sipca: CommandLine, page: WebPage
) -> None:
    fields = page.form("/phone/1", "/phone/1/approve")

    answers = [page.post("/phone/1/approve", fields) for _ in range(2)]
    shown = page.ask("/phone/1")

    assert [each.status for each in answers] == [303, 303]
    assert answers[0].headers["location"] == "/phone/1"
    assert "Request 1: issued" in shown.text
    assert 'action="/phone/1/approve"' not in shown.text
    (row,) = sipca("scep", "list", "--all", "--json").json["requests"]
    assert f'href="/certificate/{row["serial"]}"' in shown.text
    with served(sipca.home) as home:
        assert asks(home, phone_csr("phone1.lab.example")).status == "issued"


def test_a_request_is_denied_with_a_reason_and_only_if_it_is_meant(
    sipca: CommandLine, page: WebPage
) -> None:
    fields = page.form("/phone/1", "/phone/1/deny") | {"reason": "not ours \u202e"}

    hasty = page.post("/phone/1/deny", fields)
    meant = page.post("/phone/1/deny", fields | {"sure": "1"})

    assert (hasty.status, meant.status) == (409, 303)
    assert "tick it to deny" in hasty.text
    shown = page.ask("/phone/1").text
    assert "Request 1: denied" in shown
    assert "not ours" in shown
    assert "\u202e" not in shown


def test_what_was_decided_meanwhile_is_told(sipca: CommandLine, page: WebPage) -> None:
    fields = page.form("/phone/1", "/phone/1/approve")
    assert sipca("scep", "deny", "1").exit == 0

    late = page.post("/phone/1/approve", fields)

    assert late.status == 409
    assert "was denied" in late.text


def test_names_of_a_request_cannot_write_into_the_page(sipca: CommandLine, page: WebPage) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr("<b>x</b>", key=OTHER_KEY), "t2")

    octets = page.ask("/phones").octets + page.ask("/phone/2").octets

    assert b"<b>x" not in octets
    assert b"&lt;b&gt;x" in octets


def test_a_page_that_only_looks_decides_nothing(sipca: CommandLine, tmp_path: Path) -> None:
    sipca("scep", "rotate")
    with served(sipca.home) as home:
        asks(home, phone_csr())

    with showing(sipca.home, tmp_path / "web.log", "--read-only") as looking:
        looking.open()
        shown = looking.ask("/phone/1").text

    assert "What approving would issue" in shown
    assert "/approve" not in shown
