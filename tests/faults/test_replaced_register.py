"""``sipca serve`` while its register is replaced, removed or damaged: it follows the path."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from stand_in.lab import CommandLine, make_csr
from stand_in.service import Service, serving
from stand_in.waiting import until

from ca.authority.home import CA, Environment, Home, no_passphrase
from ca.errors import NotFoundError
from ca.revocation.ocsp import OCSPResponder
from ca.service.register import ServedRegister
from ca.service.register_file import Following
from ca.service.replies import PKIX_CRL, Reply, reply

HEALTHY = b"GET /healthz HTTP/1.0\r\n\r\n"
BESIDE = ("-wal", "-shm")


class Served:
    """A served home, what its one certificate is answered, and a copy made before it was revoked."""

    def __init__(self, sipca: CommandLine, folder: Path, service: Service, request: bytes) -> None:
        self.sipca, self.folder, self.service, self.request = sipca, folder, service, request
        self.register = sipca.home / "ca.db"
        self.copy = folder / "copy.db"

    def answer(self) -> str:
        """The status of the certificate, or of the response where that is an error."""
        head = f"POST / HTTP/1.0\r\nContent-Length: {len(self.request)}\r\n\r\n".encode()
        return _told(self.service.raw(head + self.request))

    def health(self) -> tuple[int, dict[str, object]]:
        reply = self.service.raw(HEALTHY)
        head, _, body = reply.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)

    def says(self, words: str) -> bool:
        """Whether it fails and gives these words as the reason; a worker that has not looked since
        gives another.
        """
        code, said = self.health()
        return code == 503 and words in str(said.get("error"))

    def until(self, holds: Callable[[], bool]) -> None:
        assert until(holds), (self.answer(), self.health(), self.service.said())


def _told(reply: bytes) -> str:
    response = ocsp.load_der_ocsp_response(reply.partition(b"\r\n\r\n")[2])
    if response.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        return response.response_status.name
    return response.certificate_status.name


def _request(folder: Path) -> bytes:
    leaf = x509.load_pem_x509_certificate((folder / "sbc1-device.pem").read_bytes())
    issuer = x509.load_pem_x509_certificate((folder / "trusted-2-issuing.pem").read_bytes())
    builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1())
    return builder.build().public_bytes(Encoding.DER)


@pytest.fixture(params=["1", "2"], ids=["one-worker", "two-workers"])
def served(sipca: CommandLine, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    (tmp_path / "sbc1.csr").write_bytes(make_csr(cn="sbc1.lab.example"))
    assert sipca("sign", tmp_path / "sbc1.csr", "--out", tmp_path).exit == 0
    shutil.copyfile(sipca.home / "ca.db", tmp_path / "copy.db")
    with serving(sipca.home, tmp_path / "log", "--workers", request.param) as service:
        yield Served(sipca, tmp_path, service, _request(tmp_path))


def _renamed(served: Served, new: Path) -> None:
    shutil.copyfile(new, served.folder / "new.db")
    os.replace(served.folder / "new.db", served.register)


def _renamed_alone(served: Served, new: Path) -> None:
    for end in BESIDE:
        Path(f"{served.register}{end}").unlink(missing_ok=True)
    _renamed(served, new)


def _written_over(served: Served, new: Path) -> None:
    with new.open("rb") as source, served.register.open("r+b") as target:
        target.truncate()
        shutil.copyfileobj(source, target)


def _written_over_alone(served: Served, new: Path) -> None:
    for end in BESIDE:
        Path(f"{served.register}{end}").unlink(missing_ok=True)
    _written_over(served, new)


def _removed_and_restored(served: Served, new: Path) -> None:
    for end in ("", *BESIDE):
        Path(f"{served.register}{end}").unlink(missing_ok=True)
    served.until(lambda: served.answer() == "TRY_LATER")
    _renamed(served, new)


WAYS = [_renamed, _renamed_alone, _written_over, _written_over_alone, _removed_and_restored]


def _steady(served: Served, told: str) -> bool:
    return {served.answer() for _ in range(12)} == {told}


@pytest.mark.parametrize("way", WAYS[1:2] + WAYS[3:], ids=lambda way: way.__name__.strip("_"))
def test_a_copy_that_stands_alone_is_taken_up(
    served: Served, way: Callable[[Served, Path], None]
) -> None:
    assert _steady(served, "GOOD")  # so that it is remembered until the revocation is seen
    assert served.sipca("revoke", "sbc1.lab.example").exit == 0
    served.until(lambda: _steady(served, "REVOKED"))

    way(served, served.copy)

    served.until(lambda: _steady(served, "GOOD"))
    assert served.health()[0] == 200
    served.until(lambda: "its history does not continue from event" in served.service.said())


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
@pytest.mark.parametrize("content", [b"", b"no database\n" * 500], ids=["empty", "damaged"])
def test_a_file_that_is_no_register_is_answered_try_later(
    served: Served, way: Callable[[Served, Path], None], content: bytes
) -> None:
    bad = served.folder / "bad.db"
    bad.write_bytes(content)
    assert served.answer() == "GOOD"

    way(served, bad)

    served.until(lambda: _steady(served, "TRY_LATER"))
    served.until(lambda: served.says(str(served.register)))
    assert served.health()[1]["status"] == "failing"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
def test_a_register_of_another_ca_never_answers_for_this_one(
    served: Served, way: Callable[[Served, Path], None]
) -> None:
    other = CommandLine(served.folder / "other")
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")
    assert other("init", "--name", "Other", *keys, "--no-passphrase").exit == 0
    assert served.answer() == "GOOD"

    way(served, other.home / "ca.db")

    refusals = {"UNAUTHORIZED", "TRY_LATER"}  # of each worker, once it has looked
    served.until(lambda: {served.answer() for _ in range(12)} <= refusals)


@pytest.mark.parametrize("beside", [False, True], ids=["wal-left", "wal-gone-too"])
def test_without_its_register_it_answers_try_later_and_well_again_when_it_is_back(
    served: Served, beside: bool
) -> None:
    assert served.sipca("revoke", "sbc1.lab.example").exit == 0
    kept = served.folder / "kept"
    kept.mkdir()
    names = ["ca.db", *(["ca.db-wal", "ca.db-shm"] if beside else [])]

    for name in names:
        os.rename(served.sipca.home / name, kept / name)
    served.until(lambda: _steady(served, "TRY_LATER"))
    served.until(lambda: served.says("there is no CA in"))
    crl = served.service.raw(b"GET /crl/issuing.crl HTTP/1.0\r\n\r\n")
    for name in reversed(names):
        os.rename(kept / name, served.sipca.home / name)

    assert crl.startswith(b"HTTP/1.1 503 ")
    assert str(served.folder).encode() not in crl
    served.until(lambda: _steady(served, "REVOKED"))
    assert served.health()[0] == 200


def test_a_folder_in_its_place_is_answered_try_later(served: Served) -> None:
    served.register.unlink()
    served.register.mkdir()

    served.until(lambda: _steady(served, "TRY_LATER"))

    served.until(lambda: served.says("is not a file"))


def test_a_new_wal_beside_the_register_is_followed(served: Served) -> None:
    for end in BESIDE:
        Path(f"{served.register}{end}").unlink()

    assert served.sipca("revoke", "sbc1.lab.example").exit == 0

    served.until(lambda: _steady(served, "REVOKED"))


def test_a_damaged_key_row_fails_health_and_is_logged_once_and_once_when_mended(
    served: Served,
) -> None:
    with closing(sqlite3.connect(served.register)) as other:
        (label,) = other.execute("SELECT label FROM key WHERE id = 1").fetchone()
        other.execute("UPDATE key SET label = 'another' WHERE id = 1")
        other.commit()
        served.until(lambda: _steady(served, "TRY_LATER"))
        served.until(lambda: served.says("differ from its history"))
        time.sleep(1.5)  # six looks of each worker
        other.execute("UPDATE key SET label = ? WHERE id = 1", (label,))
        other.commit()
    served.until(lambda: _steady(served, "GOOD"))

    def counts() -> list[int]:
        said = served.service.said()
        return [said.count(words) for words in ("differ from its history", "can be used again")]

    served.until(lambda: counts()[0] == counts()[1])  # a worker that nobody asked is later
    logged = served.service.said()
    workers = logged.count("can be used again")
    assert 1 <= workers <= 2
    assert logged.count("differ from its history") == workers, logged


def test_a_register_of_a_newer_sipca_fails_health(served: Served) -> None:
    with closing(sqlite3.connect(served.register)) as other:
        other.execute("PRAGMA user_version = 99")

    served.until(lambda: _steady(served, "TRY_LATER"))

    served.until(lambda: served.says("newer sipca (schema 99"))


def test_no_good_is_signed_between_two_looks(
    sipca: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sbc1.csr").write_bytes(make_csr(cn="sbc1.lab.example"))
    assert sipca("sign", tmp_path / "sbc1.csr", "--out", tmp_path).exit == 0
    following = Following(sipca.home, Environment(passphrase=no_passphrase))
    registered = ServedRegister(following)
    (sipca.home / "ca.db").unlink()

    reply = registered.ocsp(_request(tmp_path))
    following.close()

    assert reply.body == bytes.fromhex("30030a0103"), "tryLater, though nobody looked"


def test_what_it_serves_is_followed_through_checkpoints_without_a_trouble(
    served: Served,
) -> None:
    with closing(sqlite3.connect(served.register)) as other:
        for number in range(10):
            assert served.sipca("crl", "--refresh").exit == 0
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            assert served.answer() == "GOOD", number

    assert _steady(served, "GOOD")
    assert "the register" not in served.service.said()


def test_at_its_end_what_others_wrote_is_merged_into_the_one_file(served: Served) -> None:
    assert served.sipca("revoke", "sbc1.lab.example").exit == 0
    assert Path(f"{served.register}-wal").exists()

    assert served.service.stop() == 0

    assert [each.name for each in served.sipca.home.iterdir()] == ["ca.db"]


def test_health_reads_the_crl_that_is_given_out(
    sipca: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = Following(sipca.home, Environment(passphrase=no_passphrase))
    registered = ServedRegister(following)
    assert registered.troubles() == []
    first = registered.crl("issuing").body
    assert sipca("crl", "--refresh").exit == 0
    following.look()

    registered._crls[2] = reply(first, PKIX_CRL)  # the one before, by some fault of ours
    old = [(each.code, each.result) for each in registered.troubles()]
    registered._served = None
    registered._crls[2] = reply(b"rubbish", PKIX_CRL)
    unreadable = [each.message for each in registered.troubles()]
    following.close()

    assert old == [("crl-not-served", "fail")]
    assert unreadable == ["Test Lab Issuing: its CRL cannot be read"]


def test_a_crl_published_while_health_is_asked_is_no_trouble(
    sipca: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = Following(sipca.home, Environment(passphrase=no_passphrase))
    registered = ServedRegister(following)
    load = registered._crl

    def load_and_publish(home: Home, ca: CA) -> Reply:
        loaded = load(home, ca)
        assert sipca("crl", "--ca", ca.role, "--refresh").exit == 0
        return loaded

    with monkeypatch.context() as patch:
        patch.setattr(registered, "_crl", load_and_publish)
        during = registered.troubles()
    following.look()
    after = registered.troubles()
    following.close()

    assert (during, after) == ([], [])


def test_health_speaks_of_the_signer_that_is_loaded(sipca: CommandLine) -> None:
    following = Following(sipca.home, Environment(passphrase=no_passphrase))
    registered = ServedRegister(following)
    _, register = following.current()
    root, issuing = register.responders

    register._responder = OCSPResponder([root])
    none = [(each.code, each.message) for each in registered.troubles()]
    registered._served = None
    swapped = msgspec.structs.replace(issuing, signer=root.signer)
    register._responder = OCSPResponder([root, swapped])
    other_key = [each.message for each in registered.troubles()]
    following.close()

    assert none == [("ocsp-signer-not-served", "Test Lab Issuing: no OCSP signer is loaded")]
    assert other_key == ["Test Lab Issuing: the OCSP signer's key is not that of its certificate"]


@pytest.mark.parametrize("way", [_renamed, _written_over], ids=lambda way: way.__name__.strip("_"))
@pytest.mark.parametrize("is_merged", [False, True], ids=["changes-in-wal", "wal-merged"])
def test_a_copy_beside_the_wal_of_another_is_answered_as_it_reads_or_not_at_all(
    served: Served, way: Callable[[Served, Path], None], is_merged: bool
) -> None:
    assert _steady(served, "GOOD")
    assert served.sipca("revoke", "sbc1.lab.example").exit == 0
    served.until(lambda: _steady(served, "REVOKED"))
    if is_merged:
        with closing(sqlite3.connect(served.register)) as other:
            other.execute("PRAGMA wal_checkpoint(PASSIVE)")

    way(served, served.copy)
    served.until(lambda: any(_steady(served, each) for each in ("GOOD", "REVOKED", "TRY_LATER")))
    time.sleep(0.6)  # two looks: it stays so

    told = served.answer()
    code, _ = served.health()
    read = served.sipca("list", "--all", "--json")
    if told == "TRY_LATER":
        assert code == 503
    else:
        assert read.exit == 0, read.err
        status = read.json["certificates"][0]["status"]
        assert told == {"revoked": "REVOKED", "valid": "GOOD"}[status]


def test_a_trouble_that_lasts_takes_no_more_room_with_every_answer(
    sipca: CommandLine, tmp_path: Path
) -> None:
    following = Following(sipca.home, Environment(passphrase=no_passphrase))
    registered = ServedRegister(following)
    (sipca.home / "ca.db").unlink()

    for _ in range(50):
        registered.crl("issuing")
        with pytest.raises(NotFoundError):
            registered.troubles()
    trouble = following.trouble
    following.close()

    assert trouble is not None
    assert len(traceback.extract_tb(trouble.__traceback__)) < 10


def test_it_does_not_start_on_a_register_that_was_altered(sipca: CommandLine) -> None:
    with closing(sqlite3.connect(sipca.home / "ca.db")) as other:
        other.execute("UPDATE key SET label = 'another' WHERE id = 1")
        other.commit()

    answer = sipca("serve", "--ocsp-port", "0", "--http-port", "0")

    assert answer.exit == 8
    assert "differ from its history" in answer.err


def test_while_served_the_one_file_holds_all_so_that_a_copy_of_it_can_be_put_back(
    served: Served,
) -> None:
    copy = served.folder / "backup.db"
    shutil.copyfile(served.register, copy)
    assert served.sipca("revoke", "sbc1.lab.example").exit == 0
    log = Path(f"{served.register}-wal")
    left_in_log = log.stat().st_size if log.exists() else 0

    _renamed(served, copy)
    served.until(lambda: _steady(served, "GOOD"))

    assert left_in_log == 0
    assert served.sipca("log", "--verify").exit == 0
    (row,) = served.sipca("list", "--json").json["certificates"]
    assert row["status"] == "valid"


def test_a_change_in_the_moment_of_opening_is_not_missed(
    sipca: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Following._opened

    @contextmanager
    def changed_meanwhile(following: Following) -> Iterator[Home]:
        with opened(following) as home:
            with closing(sqlite3.connect(sipca.home / "ca.db")) as other:
                other.execute("PRAGMA user_version = 99")
            yield home

    monkeypatch.setattr(Following, "_opened", changed_meanwhile)

    following = Following(sipca.home, Environment(passphrase=no_passphrase))
    following.close()

    assert following.trouble is not None
    assert "newer sipca (schema 99" in following.trouble.message
