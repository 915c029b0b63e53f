"""Commands that open no home are told the moment as those are that do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from stand_in.lab import NOW, CommandLine

Csr = Callable[..., Path]
SetClock = Callable[[datetime], None]
YEARS = timedelta(days=365 * 30)


def test_trust_build_drops_what_has_expired_by_then(
    sipca: CommandLine, tmp_path: Path, frozen: SetClock
) -> None:
    roots = tmp_path / "roots.pem"
    assert sipca("chain", "-o", roots).exit == 0
    today = sipca("trust", "build", roots, "-o", tmp_path / "today.pem")

    frozen(NOW + YEARS)
    later = sipca("trust", "build", roots, "-o", tmp_path / "later.pem")

    assert today.exit == 0
    assert later.exit == 4
    assert "it expired on" in later.err


def test_preflight_judges_by_the_moment_where_no_other_is_given(
    sipca: CommandLine, csr_file: Csr, tmp_path: Path, frozen: SetClock
) -> None:
    assert sipca("sign", csr_file("sbc1"), "--out", tmp_path).exit == 0
    today = sipca("preflight", tmp_path / "sbc1-device.pem", home=False)

    frozen(NOW + YEARS)
    later = sipca("preflight", tmp_path / "sbc1-device.pem", home=False)

    assert today.exit == 0
    assert later.exit == 9
    assert "expired on" in later.out


def test_a_fixture_is_dated_by_the_moment(
    bare: CommandLine, tmp_path: Path, frozen: SetClock
) -> None:
    frozen(NOW + YEARS)

    assert bare("fixture", "make", "expired", "--out", tmp_path / "bad", home=False).exit == 0

    root = x509.load_pem_x509_certificate((tmp_path / "bad" / "root.pem").read_bytes())
    assert root.not_valid_before_utc == NOW + YEARS - timedelta(days=2)
