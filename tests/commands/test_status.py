"""``status``: which CA this is and what it holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from stand_in.lab import NOW, CommandLine

Csr = Callable[..., Path]


def test_status_says_which_ca_what_it_holds_and_the_head(lab: CommandLine) -> None:
    document = lab("status", "--json").json
    text = lab("status").out

    assert document["ca"] == "Test Lab"
    assert document["certificates"] == {"valid": 3}
    assert document["audit_head"] in text
    assert "certificates: 3 valid" in text


Csr = Callable[..., Path]


def test_status_counts_what_list_shows(
    two_devices: CommandLine, csr_file: Csr, frozen: Callable[..., None]
) -> None:
    """The count is made in SQL, the list in Python: both must mean the same."""
    frozen(NOW)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(5)]
    for number, key in enumerate(keys):
        words = ("--lifetime", "10d") if number == 0 else ()
        assert (
            two_devices(
                "sign", csr_file(f"n{number}", cn=f"n{number}.lab.example", key=key), *words
            ).exit
            == 0
        )
    two_devices("revoke", "n1.lab.example")
    two_devices("revoke", "n2.lab.example", "--reason", "hold")
    again = csr_file("n3b", "dns:n3.lab.example", cn="n3.lab.example", key=keys[3])
    assert two_devices("sign", again, "--supersedes", "n3.lab.example").exit == 0
    for days in (-400, 0, 30, 4000):
        frozen(NOW + timedelta(days=days))
        listed: dict[str, int] = {}
        for each in two_devices("list", "--all", "--json").json["certificates"]:
            listed[each["status"]] = listed.get(each["status"], 0) + 1
        assert two_devices("status", "--json").json["certificates"] == dict(sorted(listed.items()))
    assert {"revoked", "held"} <= set(listed)
