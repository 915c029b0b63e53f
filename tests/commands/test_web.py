"""``web``: what its gate lets through, and that what it does is done once."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from stand_in.lab import PASSPHRASE, VECTORS, CommandLine, make_csr
from stand_in.page import Answered, WebPage, showing
from stand_in.waiting import until
from starlette.requests import Request
from starlette.responses import Response

from ca.authority.home import Environment
from ca.errors import NotFoundError
from ca.web.answers import shown_page
from ca.web.batch import Work
from ca.web.desk import MOST_BATCHES, Desk
from ca.web.once import Once, Secrets, Unlock

HOSTILE = sorted((VECTORS / "hostile").glob("cn-*/in.csr"))


@pytest.fixture
def page(sipca: CommandLine, tmp_path: Path) -> Iterator[WebPage]:
    with showing(sipca.home, tmp_path / "web.log") as running:
        running.open()
        yield running


def signed(page: WebPage, cn: str = "sbc1.lab.example", **more: object) -> Answered:
    fields = page.form("/", "/account") | {"csr": make_csr(cn=cn).decode(), "profile": "sip"} | more
    return page.post("/sign", fields)


def serial_of(answer: Answered) -> str:
    assert answer.status == 303, answer.text
    return re.findall("[0-9a-f]{32}", answer.headers["location"])[0]


def listed(sipca: CommandLine) -> list[dict[str, object]]:
    return json.loads(sipca("list", "--all", "--json").out)["certificates"]


def test_the_token_opens_the_page_once_and_is_redirected_away(page: WebPage) -> None:
    again = page.ask(page.url.removeprefix(page.base), Cookie="")

    assert page.ask("/").status == 200
    assert again.status == 403
    assert "was used already" in again.text
    assert "set-cookie" not in again.headers


def test_the_token_ends_after_five_minutes() -> None:
    now = [0.0]
    secrets = Secrets(lambda bits: 7 << bits - 4, lambda: now[0])
    token = secrets.token or ""

    now[0] = 301.0

    assert not secrets.take(token)


def test_a_wrong_token_does_not_use_up_the_right_one() -> None:
    secrets = Secrets(lambda bits: 7 << bits - 4, lambda: 0.0)
    right = secrets.token or ""

    assert not secrets.take("0" * 64)
    assert not secrets.take("\N{SNOWMAN}")
    assert secrets.take(right)
    assert not secrets.take(right)


def test_the_cookie_is_for_this_site_and_no_script(page: WebPage, sipca: CommandLine) -> None:
    with showing(sipca.home, page.log.with_name("second.log")) as second:
        cookie = second.open().headers["set-cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert page.ask("/").status == 200  # two pages on one home do not end each other's session


@pytest.mark.parametrize(
    "host", ["127.evil.example", "127.0.0.1.evil.example:{port}", "evil.example:{port}", "127.0.0.1",
             "127.0.0.1:1", "localhost:{port}0", "[::1]:{port}.evil.example", ""],
)  # fmt: skip
def test_another_host_is_refused_also_with_the_cookie(page: WebPage, host: str) -> None:
    answer = page.ask("/", Host=host.format(port=page.port))

    assert answer.status in (400, 403)
    assert "Test Lab" not in answer.text


@pytest.mark.parametrize("host", ["localhost:{port}", "[::1]:{port}"])
def test_the_names_of_loopback_are_the_page(page: WebPage, host: str) -> None:
    assert page.ask("/", Host=host.format(port=page.port)).status == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": ""}, {"Sec_Fetch_Site": "cross-site"},
     {"Sec_Fetch_Site": "same-site"}, {"Origin": "null", "Sec_Fetch_Site": ""},
     {"Origin": "http://127.0.0.1:1"}],
)  # fmt: skip
def test_a_form_of_another_page_is_refused(
    page: WebPage, sipca: CommandLine, headers: dict[str, str]
) -> None:
    fields = page.form("/", "/account") | {"csr": make_csr().decode()}

    answer = page.post("/sign", fields, **headers)

    assert answer.status == 403
    assert listed(sipca) == []


def test_a_form_without_its_token_or_with_that_of_another_is_refused(
    page: WebPage, sipca: CommandLine
) -> None:
    own = page.form("/", "/account")
    other = page.form("/certificates", "/certificates/renew")

    for fields in ({}, own | {"form-token": "0" * 64}, own | {"nonce": "1"}, other):
        answer = page.post("/sign", fields | {"csr": make_csr().decode()})
        assert answer.status == 403, answer.text

    assert listed(sipca) == []


def test_nothing_is_shown_without_a_session(page: WebPage) -> None:
    for path in ("/", "/certificates", "/devices", "/ca", "/ca/chain.pem", "/batch/1"):
        answer = page.ask(path, Cookie="")
        assert answer.status == 403
        assert "Test Lab" not in answer.text


def test_every_answer_has_the_headers_that_keep_it_to_itself(page: WebPage) -> None:
    for answer in (page.ask("/"), page.ask("/none"), page.ask("/", Host="x"),
                   page.ask("/static/style.css"), page.ask("/ca/chain.pem")):  # fmt: skip
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script>|style=|\son[a-z]+=", page.ask("/").text)


def test_a_body_and_a_csr_are_bounded(page: WebPage, sipca: CommandLine) -> None:
    fields = page.form("/", "/account")

    huge = page.ask("/sign", "POST", b"csr=" + b"A" * (8 * 1024 * 1024))
    long = page.post("/sign", fields | {"csr": "A" * (256 * 1024 + 1)})

    assert huge.status == 413
    assert long.status == 400
    assert "262144" in long.text
    assert page.ask("/").status == 200


def test_a_form_sent_twice_and_in_two_tabs_signs_once(page: WebPage, sipca: CommandLine) -> None:
    fields = page.form("/", "/account") | {"csr": make_csr().decode()}
    other_tab = page.form("/", "/account") | {"csr": fields["csr"]}

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: page.post("/sign", each), [fields, fields, other_tab]))

    assert len({serial_of(each) for each in answers}) == 1
    assert len(listed(sipca)) == 1


def test_another_csr_under_the_nonce_of_a_page_that_was_gone_back_to_is_signed(
    page: WebPage, sipca: CommandLine
) -> None:
    form = page.form("/", "/account")

    first, second = (
        page.post("/sign", form | {"csr": make_csr(cn=cn).decode()})
        for cn in ("a.lab.example", "b.lab.example")
    )

    assert serial_of(first) != serial_of(second)


@pytest.mark.parametrize("path", HOSTILE, ids=lambda p: p.parent.name + "-" + p.stem)
def test_what_a_csr_says_is_escaped(page: WebPage, path: Path) -> None:
    fields = page.form("/", "/account")
    text = path.read_bytes().decode("utf-8", "replace")

    answer = page.post("/account", fields | {"csr": text, "device": '"><script>x</script>'})

    raw = answer.octets.decode()
    assert answer.status in (200, 400), raw
    assert "<script>" not in raw
    assert "<img" not in raw
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", raw.replace("\r", "")
    )


def test_markup_in_a_subject_is_text(page: WebPage) -> None:
    csr = make_csr("dns:a.lab.example", cn="<script>alert(1)</script>\u202e").decode()

    raw = page.post("/account", page.form("/", "/account") | {"csr": csr}).octets.decode()

    assert "<script>alert" not in raw
    assert "\u202e" not in raw
    assert "&lt;script&gt;" in raw


def test_a_file_name_is_escaped(page: WebPage) -> None:
    name = '"><img src=x onerror=alert(1)>\u202e.csr'
    texts = [make_csr(cn="a.lab.example").decode(), make_csr(cn="b.lab.example").decode()]
    fields = page.form("/", "/account") | {"file-name": [name, "b.csr"], "file-text": texts}

    raw = page.post("/account", fields).octets.decode()

    assert "<img" not in raw
    assert "\u202e" not in raw
    assert "Sign 2 certificates" in raw


def test_the_passphrase_signs_is_held_only_if_asked_and_is_told_nowhere(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    bare("init", "--name", "Locked", "--root-key", "ec:p256", "--issuing-key", "ec:p256")
    with showing(bare.home, tmp_path / "web.log") as page:
        page.open()
        none, wrong = signed(page), signed(page, passphrase="wrong")
        right = signed(page, passphrase=PASSPHRASE)
        locked = signed(page, cn="b.lab.example")
        held = signed(page, cn="b.lab.example", passphrase=PASSPHRASE, unlock="1")
        unlocked = signed(page, cn="c.lab.example")
        shown = page.ask("/").text

    assert [each.status for each in (none, wrong, locked)] == [503, 503, 503]
    assert [each.status for each in (right, held, unlocked)] == [303, 303, 303]
    assert PASSPHRASE not in shown + right.text + right.headers["location"]
    assert PASSPHRASE not in (tmp_path / "web.log").read_text()


def test_an_unlocking_ends_after_ten_minutes() -> None:
    now = [0.0]
    unlock = Unlock(None, lambda: now[0])
    unlock.hold(b"secret")

    assert unlock.passphrase == b"secret"
    now[0] = 601.0
    assert unlock.passphrase is None


def test_what_failed_can_be_sent_again() -> None:
    once, tries = Once(), iter([ValueError(), "there"])

    def work() -> str:
        outcome = next(tries)
        if isinstance(outcome, ValueError):
            raise outcome
        return outcome

    with pytest.raises(ValueError):  # noqa: PT011
        once.do("n", work)
    assert once.do("n", work) == once.do("n", work) == "there"


def test_a_page_to_look_at_changes_nothing(sipca: CommandLine, tmp_path: Path) -> None:
    with showing(sipca.home, tmp_path / "web.log", "--read-only") as page:
        page.open()
        answer = signed(page)

        assert answer.status == 403
        assert "look only" in answer.text
        for path in ("/certificates", "/devices", "/ca"):
            assert page.ask(path).status == 200
    assert listed(sipca) == []


def test_a_revocation_needs_its_tick_and_is_seen_by_the_command_line(
    page: WebPage, sipca: CommandLine
) -> None:
    serial = serial_of(signed(page))
    where = f"/certificate/{serial}"
    form = page.form(where, f"{where}/revoke") | {"reason": "superseded"}

    unsure = page.post(f"{where}/revoke", form)
    sure = page.post(f"{where}/revoke", form | {"sure": "1"})

    assert unsure.status == 409
    assert sure.status == 303
    assert listed(sipca)[0]["status"] == "revoked"
    assert "revoked" in page.ask(where).text


def test_two_are_renewed_together(page: WebPage, sipca: CommandLine) -> None:
    serials = [serial_of(signed(page, cn=f"{n}.lab.example")) for n in "ab"]
    form = page.form("/certificates", "/certificates/renew")

    answer = page.post("/certificates/renew", form | {"ref": serials})

    assert answer.status == 303, answer.text
    assert len(listed(sipca)) == 4


def test_a_step_is_remembered_with_the_device(page: WebPage, sipca: CommandLine) -> None:
    where = f"/certificate/{serial_of(signed(page, device='sbc1', context='0'))}"
    form = page.form(where, f"{where}/steps")
    first, *_ = re.findall('name="step" value="([0-9a-f]+)"', page.ask(where).text)

    done = page.post(f"{where}/steps", form | {"step": first})
    wrong = page.post(f"{where}/steps", form | {"step": "none"})

    assert done.status == 303
    assert wrong.status == 404
    assert f'value="{first}" checked' in page.ask(where).text
    assert json.loads(sipca("ca", "plan", "--json").out)["devices"][0]["trust_done"]
    page.post(f"{where}/steps", form)
    assert "checked" not in page.ask(where).text
    assert sipca("log", "--verify").exit == 0


def test_thirty_files_are_signed_together_and_handed_out_as_one_zip(
    page: WebPage, sipca: CommandLine
) -> None:
    names = [f"sbc{n}.csr" for n in range(30)] + ["bad.csr"]
    texts = [make_csr(cn=f"sbc{n}.lab.example").decode() for n in range(30)] + ["no CSR"]
    form = page.form("/", "/account")

    begun = page.post("/sign", form | {"file-name": names, "file-text": texts})
    where = begun.headers["location"]
    assert until(lambda: 'http-equiv="refresh"' not in page.ask(where).text)
    shown = page.ask(where)

    assert "30 signed" in shown.text
    assert "1 refused" in shown.text
    assert page.ask(f"{where}/files.zip").octets.startswith(b"PK")
    assert len(listed(sipca)) == 30


def test_a_kit_is_a_zip(page: WebPage) -> None:
    where = f"/certificate/{serial_of(signed(page))}"

    answer = page.post(f"{where}/kit", page.form(where, f"{where}/kit"))

    assert answer.status == 200
    assert answer.octets.startswith(b"PK")


def test_a_home_that_is_gone_is_told_and_the_page_goes_on(
    page: WebPage, sipca: CommandLine, tmp_path: Path
) -> None:
    shutil.move(sipca.home, tmp_path / "away")
    gone = page.ask("/")
    shutil.move(tmp_path / "away", sipca.home)

    assert gone.status == 404
    assert "there is no CA" in gone.text
    assert page.ask("/").status == 200


def test_a_damaged_register_is_told(page: WebPage, sipca: CommandLine) -> None:
    signed(page)
    database = sqlite3.connect(sipca.home / "ca.db")
    database.execute("UPDATE setting SET value = 'Other' WHERE name = 'name'")
    database.commit()
    database.close()

    answer = signed(page, cn="b.lab.example")

    assert answer.status == 503, answer.text


def test_a_port_that_is_taken_is_a_conflict(sipca: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = sipca("web", "--no-browser", "--port", str(taken.getsockname()[1]))

    assert answer.exit == 6
    assert "is taken" in answer.err
    assert "leave out --port" in answer.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_and_leaves_nothing(
    sipca: CommandLine, tmp_path: Path, number: int
) -> None:
    with showing(sipca.home, tmp_path / "web.log") as page:
        page.open()
        arguments = Path(f"/proc/{page.process.pid}/cmdline").read_text()
        code = page.stop(number)

    assert code == 0
    assert "Traceback" not in page.log.read_text()
    assert "token" not in arguments


def test_the_page_listens_on_loopback_alone(page: WebPage) -> None:
    lines = Path("/proc/net/tcp").read_text().splitlines()
    local = [line.split()[1] for line in lines[1:] if line.split()[3] == "0A"]

    assert [each for each in local if each.endswith(f":{page.port:04X}")] == [
        f"0100007F:{page.port:04X}"
    ]
    assert os.environ.get("SIPCA_TOKEN") is None


def test_no_private_key_is_on_any_page(page: WebPage) -> None:
    where = f"/certificate/{serial_of(signed(page))}"

    for path in ("/", where, "/certificates", "/devices", "/ca", "/ca/chain.pem"):
        assert "PRIVATE" not in page.ask(path).text


def test_a_bug_of_a_page_is_told_to_the_terminal_and_not_to_the_browser() -> None:
    told: list[str] = []
    environment = Environment(passphrase=lambda _: b"", bug=told.append)
    desk = Desk(Path("nowhere"), environment, read_only=True, given=None)

    def broken(*_: object) -> Response:
        raise ZeroDivisionError("of a page")

    answer = shown_page(desk, broken, Request({"type": "http", "method": "GET"}), b"")

    assert answer.status_code == 500
    assert b"of a page" not in answer.body
    assert "ZeroDivisionError: of a page" in "".join(told)


def test_a_passphrase_that_opened_nothing_is_not_held(
    bare: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIPCA_PASSPHRASE", PASSPHRASE)
    bare("init", "--name", "Locked", "--root-key", "ec:p256", "--issuing-key", "ec:p256")
    bare("profile", "new", "mine", "--from", "sip")
    csr = tmp_path / "a.csr"
    csr.write_bytes(make_csr(cn="a.lab.example"))
    serial = bare("sign", csr, "--profile", "mine", "--json").json["signed"][0]["serial"]
    (bare.home / "profiles" / "mine.toml").unlink()
    with showing(bare.home, tmp_path / "web.log") as page:
        page.open()
        form = page.form("/certificates", "/certificates/renew")
        fields = form | {"ref": [serial], "passphrase": "wrong", "unlock": "1"}

        answer = page.post("/certificates/renew", fields)

        assert answer.status == 404, answer.text
        assert "no profile 'mine'" in answer.text
        assert "· locked" in page.ask("/").text


def test_a_bug_in_a_batch_ends_it_and_is_told_to_the_terminal_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    environment = Environment(passphrase=lambda _: b"", bug=told.append)
    desk = Desk(Path("nowhere"), environment, read_only=True, given=None)

    def broken(_: object) -> object:
        raise ZeroDivisionError("of a batch")

    monkeypatch.setattr(desk, "home", broken)
    work = Work(desk, [], None)

    assert until(lambda: not work.is_running)
    assert str(work.error) == "the batch was ended by a bug of sipca"
    assert "ZeroDivisionError: of a batch" in "".join(told)


def test_of_many_batches_the_oldest_that_ended_is_forgotten(tmp_path: Path) -> None:
    desk = Desk(
        tmp_path / "none", Environment(passphrase=lambda _: b""), read_only=True, given=None
    )
    for number in range(MOST_BATCHES + 1):
        work = Work(desk, [], None)
        assert until(lambda work=work: not work.is_running)
        desk.remember(str(number), work)

    assert desk.work("1").error is not None
    with pytest.raises(NotFoundError, match="not known any more"):
        desk.work("0")
