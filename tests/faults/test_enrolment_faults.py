"""Devices enrol while others do, processes die, and the register is locked: each is issued once."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from stand_in.enrolment import OTHER_KEY, asks, phone_csr, served
from stand_in.lab import ENVIRONMENT, RSA_KEY, CommandLine

from ca.authority.enrolment.enrol import MOST_PENDING, MOST_PENDING_OF_ONE
from ca.authority.enrolment.handouts import ra_credentials
from ca.authority.enrolment.refused import note_refused
from ca.errors import KeyUnavailableError, StoreError
from ca.store import refused
from ca.store.connection import open_store

RUN = "import sys; from cli.main import main; main()"
PHONE = """
import sys
from pathlib import Path
from stand_in.enrolment import asks, served
with served(Path(sys.argv[1])) as home:
    print(asks(home, bytes.fromhex(sys.argv[2])).certificate.hex())
"""


class CutOffError(KeyboardInterrupt):
    """In the place of a killed process: nothing goes on after it."""


def cut_off_at(step: str) -> object:
    def at(name: str) -> None:
        if name == step:
            raise CutOffError

    return at


def process(program: str, *words: object) -> subprocess.Popen[str]:
    environment = {**ENVIRONMENT, "SIPCA_NO_INPUT": "1"}
    environment["PYTHONPATH"] += f":{Path(__file__).parents[1]}"
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def certificates_of(sipca: CommandLine) -> list[dict[str, object]]:
    found: list[dict[str, object]] = sipca("list", "--all", "--json").json["certificates"]
    return [each for each in found if each["status"] not in ("abandoned", "planned")]


def challenge(sipca: CommandLine) -> str:
    return str(sipca("scep", "challenge", "--json").json["challenge"])


def test_of_four_approvals_at_once_one_issues_and_all_say_the_same(sipca: CommandLine) -> None:
    with served(sipca.home) as home:
        asks(home, phone_csr("phone1.lab.example"))
    words = ("scep", "approve", "1", "--json", "--home", sipca.home)
    profiles = ("phone", "sip", "https", "client")

    running = [process(RUN, *words, "--profile", profile) for profile in profiles]
    done = [(*each.communicate(timeout=120), each.returncode) for each in running]

    assert [code for *_, code in done] == [0] * 4, done
    (only,) = certificates_of(sipca)
    assert all(str(only["serial"]) in out for out, *_ in done)
    assert sipca("log", "--verify").exit == 0


def test_the_same_request_in_four_processes_at_once_is_issued_once(sipca: CommandLine) -> None:
    csr = phone_csr(challenge=challenge(sipca))

    running = [process(PHONE, sipca.home, csr.hex()) for _ in range(4)]
    done = [(*each.communicate(timeout=120), each.returncode) for each in running]

    assert len({out for out, *_ in done}) == 1, done
    assert [code for *_, code in done] == [0] * 4, done
    assert len(certificates_of(sipca)) == 1


@pytest.mark.parametrize("step", ["scep-received", "planned", "signed", "recorded"])
def test_a_restart_in_the_middle_issues_once_when_the_phone_asks_again(
    sipca: CommandLine, step: str
) -> None:
    csr = phone_csr(challenge=challenge(sipca))
    with served(sipca.home, step=cut_off_at(step)) as home, pytest.raises(CutOffError):
        asks(home, csr)
    with served(sipca.home) as home:
        soon, later = asks(home, csr), home.now() + timedelta(minutes=2)
    with served(sipca.home, later) as home:
        answer = asks(home, csr)

    assert answer.status == "issued", answer
    assert soon.status == ("pending" if step in ("planned", "signed") else "issued")
    assert len(certificates_of(sipca)) == 1
    assert sipca("log", "--verify").exit == 0


def test_an_approval_that_was_cut_off_is_gone_on_with(sipca: CommandLine) -> None:
    from ca.authority.enrolment.scep import approve
    from ca.authority.enrolment.signing import Choices

    with served(sipca.home) as home:
        asks(home, phone_csr())
    with served(sipca.home, step=cut_off_at("signed")) as home, pytest.raises(CutOffError):
        approve(home, ["1"], Choices())
    with served(sipca.home) as home:
        later = home.now() + timedelta(minutes=2)

    with served(sipca.home, later) as home:
        document = approve(home, ["1"], Choices())

    assert [each.status for each in document.decided] == ["issued"]
    assert len(certificates_of(sipca)) == 1


def test_a_request_cannot_be_denied_while_it_is_signed(sipca: CommandLine) -> None:
    from ca.authority.enrolment.scep import approve
    from ca.authority.enrolment.signing import Choices

    with served(sipca.home) as home:
        asks(home, phone_csr())
    with served(sipca.home, step=cut_off_at("signed")) as home, pytest.raises(CutOffError):
        approve(home, ["1"], Choices())

    answer = sipca("scep", "deny", 1)

    assert answer.exit == 6
    assert "the request 1 is being decided by another process" in answer.err


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(home / "ca.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def test_while_the_register_is_locked_nothing_is_issued_and_refusals_are_let_go(
    sipca: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    csr = phone_csr(challenge=challenge(sipca))
    with served(sipca.home) as home:
        home.store.connection.execute("PRAGMA busy_timeout = 50")
        with locked(sipca.home):
            assert note_refused(home, "10.0.0.9", "no") is False
            with (
                pytest.raises((StoreError, sqlite3.OperationalError)),
                home.store.translating_errors(),
            ):
                asks(home, csr)

        assert asks(home, csr).status == "issued"


def test_the_queue_is_bounded_for_one_address_and_for_all(
    sipca: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.authority.enrolment.enrol.MOST_PENDING", 25)
    with served(sipca.home) as home:
        for n in range(MOST_PENDING_OF_ONE):
            assert asks(home, phone_csr(f"p{n}"), f"t{n}").status == "pending"
        full = asks(home, phone_csr("one-more"), "x", address="10.0.0.9")
        for n in range(5):
            assert (
                asks(home, phone_csr(f"q{n}"), f"u{n}", address=f"10.1.0.{n}").status == "pending"
            )
        over = asks(home, phone_csr("another"), "y", address="10.2.0.1")

    assert full.sentence == "20 requests from this address wait for the operator already"
    assert over.sentence == "25 requests wait for the operator already"
    assert MOST_PENDING == 500
    assert sipca("scep", "deny", *range(1, 21)).exit == 0
    with served(sipca.home) as home:
        assert asks(home, phone_csr("one-more"), "x").status == "pending"


def test_the_log_of_refusals_keeps_a_thousand_rows_and_never_forgets_guesses_for_others(
    sipca: CommandLine,
) -> None:
    with served(sipca.home) as home:
        for n in range(6):
            note_refused(home, "10.0.0.9", "wrong", guess=n < 3)
        with home.store.write():
            for n in range(2 * refused.MOST_ROWS):
                refusal = refused.Refusal(f"a{n}", "no")
                refused.note(home.store, refusal, since=home.now(), at=home.now())

        count = home.store.connection.execute("SELECT count(*) FROM refusal").fetchone()[0]
        assert count <= refused.MOST_ROWS
        assert refused.guesses(home.store, home.now() - timedelta(minutes=1), "10.0.0.9") == 3


def test_a_long_or_odd_address_and_sentence_are_cut_and_escaped(sipca: CommandLine) -> None:
    with served(sipca.home) as home:
        assert note_refused(home, "\x1b[31m" + "9" * 1000, "\x07" + "no" * 5000)
        (row,) = refused.refusals(home.store)

    assert len(row.address) <= refused.LONGEST_ADDRESS
    assert len(row.sentence) <= refused.LONGEST_SENTENCE
    assert "\x1b" not in row.address
    assert "\x07" not in row.sentence


def test_a_damaged_ra_key_is_reported_and_replaced(sipca: CommandLine) -> None:
    assert sipca("scep", "rotate").exit == 0
    with open_store(sipca.home / "ca.db") as store, store.write() as connection:
        connection.execute(
            """UPDATE key SET pkcs8 = zeroblob(length(pkcs8))
                WHERE id = (SELECT max(key_id) FROM ocsp_signer WHERE role = 'scep-ra')"""
        )

    with served(sipca.home) as home, pytest.raises(KeyUnavailableError, match="no RA certificate"):
        ra_credentials(home)

    assert sipca("check").exit == 9  # the register was altered, which is told before all else


def test_a_challenge_used_twice_at_once_is_good_once(sipca: CommandLine) -> None:
    text = challenge(sipca)
    requests = [
        phone_csr(cn, key=key, challenge=text)
        for cn, key in (("00908f000001", RSA_KEY), ("00908f000002", OTHER_KEY))
    ]

    running = [process(PHONE, sipca.home, csr.hex()) for csr in requests]
    codes = sorted(each.wait(timeout=120) for each in running)
    for each in running:
        each.communicate()

    assert codes[0] == 0
    assert len(certificates_of(sipca)) == 1
