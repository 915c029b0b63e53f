"""What the screens of ``web`` show, and that it is what the command line would say."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from stand_in.lab import EC_KEY, SAMPLES, CommandLine, make_csr
from stand_in.other_programs import OpenSSLCA
from stand_in.page import Desktop
from stand_in.waiting import until

from ca.authority.home import Environment, no_passphrase, open_home
from ca.authority.reports.list import ListWishes, PageWishes, list_certificates, list_page
from ca.web.forms import SigningForm

MONTH = r'<th scope="row">20[0-9]{2}-[01][0-9]</th><td>([0-9]+)</td>'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A home with two devices, of which one was renewed and one certificate revoked."""
    folder = tmp_path_factory.mktemp("screens")
    sipca = CommandLine(folder / "home")
    keys = ("--root-key", "ec:p256", "--issuing-key", "ec:p256")
    assert sipca("init", "--name", "Test Lab", "--no-passphrase", *keys).exit == 0
    assert sipca("device", "set", "gw1", "--address", "gw1.lab.example").exit == 0
    assert sipca("device", "set", "web1", "--target", "nginx").exit == 0
    for name, words in {
        "sbc1": ("--device", "sbc1", "--lifetime", "30d"),
        "sbc2": ("--device", "sbc2", "--context", "2"),
        "lost": (),
        "web1": ("--device", "web1"),
    }.items():
        csr = folder / f"{name}.csr"
        csr.write_bytes(
            make_csr(
                f"dns:{name}.lab.example", "ip:192.0.2.9", cn=f"{name}.lab.example", key=EC_KEY
            )
        )
        assert sipca("sign", csr, "--out", folder / name, "--allow", "reused-key", *words).exit == 0
    assert sipca("renew", "sbc1", "--out", folder / "sbc1").exit == 0
    assert sipca("revoke", "lost.lab.example", "--reason", "cessation").exit == 0
    return sipca


@pytest.fixture
def desktop(home: CommandLine) -> Iterator[Desktop]:
    yield Desktop(home.home, Environment(passphrase=no_passphrase))


def serial_of(home: CommandLine, name: str, status: str = "valid") -> str:
    found = home("list", "--all", "--json").json["certificates"]
    (serial,) = [
        each["serial"]
        for each in found
        if each["subject"] == f"CN={name}.lab.example" and each["status"] == status
    ]
    return serial


def account(desktop: Desktop, **fields: object) -> str:
    status, text = desktop.ask("/account", desktop.fields("/sign") | fields)
    assert status == 200, text
    return text


def test_the_account_begins_with_what_was_changed_and_refused(desktop: Desktop) -> None:
    text = account(desktop, csr=(SAMPLES / "wants-to-be-ca.csr").read_text(), fix_san="1")

    hows = re.findall(r'<tr class="(\w+)">', text.partition("Every line")[0])
    order = ["changed", "refused", "forced", "added"]
    assert "refused" in hows or "changed" in hows
    assert hows == sorted(hows, key=order.index)


def test_the_crib_stands_beside_the_empty_paste_box_and_knows_the_device(
    desktop: Desktop,
) -> None:
    empty = desktop.ask("/")[1]
    known = account(desktop, device="gw1")
    unknown = account(desktop, target="none")

    assert "Subject Name [CN]" in empty
    assert "What to type on the device's page for gw1" in known
    assert '<span class="mono">gw1.lab.example</span>' in known
    assert "there is no target 'none'" in account(desktop, csr=make_csr().decode(), target="none")
    assert "Subject Name [CN]" not in unknown


@pytest.mark.parametrize(
    ("edited", "san", "replaced"),
    [
        ("dns:a.x dns:b.x", "", False),
        ("dns:a.x dns:b.x ip:192.0.2.1", "ip:192.0.2.1", False),
        ("dns:b.x", "dns:b.x", True),
        ("dns:a.x dns:c.x", "dns:a.x dns:c.x", True),
    ],
)
def test_names_that_were_edited_are_the_options_that_give_them(
    edited: str, san: str, replaced: bool
) -> None:
    form = SigningForm().with_names("a.x", "a.x", edited, "dns:a.x dns:b.x")

    assert (form.san.split(), form.replace_san, form.cn) == (san.split(), replaced, "")


def test_a_cn_that_was_edited_is_an_option(desktop: Desktop) -> None:
    csr = make_csr(cn="before.lab.example").decode()

    names = {"cn-shown": "before.lab.example", "cn-edited": "after.lab.example"}
    text = account(desktop, csr=csr, **names)

    assert "--cn after.lab.example" in text
    assert "Sign after.lab.example until" in text


def test_the_command_line_stands_beside_what_it_would_have_done(
    home: CommandLine, desktop: Desktop
) -> None:
    form = desktop.fields("/sign") | {
        "file-name": "C:\\in\\new 1.csr", "file-text": make_csr(cn="new1.lab.example").decode(),
        "lifetime": "90d", "allow": "cn-only",
    }  # fmt: skip

    status, _ = desktop.ask("/sign", form)
    serial = serial_of(home, "new1")
    signed = desktop.ask(f"/certificate/{serial}?new")[1]
    where = f"/certificate/{serial}/revoke"
    desktop.ask(where, desktop.fields(where) | {"sure": "1", "reason": "hold"})

    assert status == 303
    assert "sipca sign 'new 1.csr' --profile sip --lifetime 90d --allow cn-only" in signed
    held = desktop.ask(f"/certificate/{serial}")[1]
    assert f"sipca revoke {serial} --reason hold" in held
    assert '<strong class="held">held</strong>' in held


def test_the_result_has_preflights_verdict_and_a_server_has_no_kit(
    home: CommandLine, desktop: Desktop, tmp_path: Path
) -> None:
    words = ("--target", "audiocodes-7.4", "--out", tmp_path, "--json")
    findings = home("export", serial_of(home, "sbc2"), *words).json["findings"]
    device = desktop.ask(f"/certificate/{serial_of(home, 'sbc2')}")[1]
    server = desktop.ask(f"/certificate/{serial_of(home, 'web1')}")[1]
    revoked = desktop.ask(f"/certificate/{serial_of(home, 'lost', 'revoked')}")[1]

    assert re.search('Preflight: <span class="(ok|warn|fail)">', device)
    assert findings
    assert [each["message"] for each in findings if each["message"] not in device] == []
    assert "The kit as a zip" in device
    assert "Preflight" not in server
    assert "The kit as a zip" not in server
    assert "Preflight" not in revoked
    assert "I mean this certificate" not in revoked


def test_the_superseded_one_has_a_button_until_it_is_revoked(
    home: CommandLine, desktop: Desktop
) -> None:
    old, new = serial_of(home, "sbc1", "superseded"), serial_of(home, "sbc1")

    text = desktop.ask(f"/certificate/{new}")[1]

    assert f"Revoke {old[:12]} as superseded" in text
    assert f"sipca revoke {old} --reason superseded" in text
    assert "as superseded</button>" not in desktop.ask(f"/certificate/{old}")[1]


def test_devices_say_what_they_need_and_have_a_kit(home: CommandLine, desktop: Desktop) -> None:
    text = desktop.ask("/devices")[1]

    assert f'action="/certificate/{serial_of(home, "sbc2")}/kit"' in text
    assert 'aria-label="Kit of sbc2 context 2"' in text
    assert "a certificate: <a href=" in text  # gw1 has none yet
    assert desktop.ask("/device/gw1")[0] == 200
    assert desktop.ask("/device/none")[0] == 404


def test_after_a_rotation_a_device_is_told_done_by_its_button(
    sipca: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "a.csr").write_bytes(make_csr())
    sipca("sign", tmp_path / "a.csr", "--device", "sbc9")
    assert sipca("ca", "rotate").exit == 0
    desktop = Desktop(sipca.home, Environment(passphrase=no_passphrase))

    before = desktop.ask("/devices")[1]
    form = desktop.fields("/devices/done") | {"device": "sbc9", "context": ""}
    done = desktop.ask("/devices/done", form | {"step": "trust"})
    wrong = desktop.ask("/devices/done", form | {"step": "tea"})

    assert "load the trust files" in before
    assert "It is on sbc9" in before
    assert done[0] == 303
    assert wrong[0] == 400
    assert "load the certificate" in desktop.ask("/devices")[1]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("", ["sbc1", "sbc2", "web1"]),
        ("q=SBC", ["sbc1", "sbc2"]),
        ("q=sbc1.lab", ["sbc1"]),
        ("q=sbc1&all=1", ["sbc1", "sbc1"]),
        ("q=lost", []),
        ("q=lost&all=1", ["lost"]),
        ("expiring=1", ["sbc1"]),
        ("q=192.0.2.9", ["sbc1", "sbc2", "web1"]),
        ("q=web1&expiring=1", []),
    ],
)
def test_certificates_are_found_by_name_device_and_address(
    desktop: Desktop, asked: str, names: list[str]
) -> None:
    text = desktop.ask(f"/certificates?{asked}")[1]

    found = re.findall(r'<th scope="row"><a href="[^"]+">CN=(\w+)\.lab', text)
    assert sorted(each for each in found if each != "new1") == names


def test_certificates_are_found_by_serial_also_with_colons(
    home: CommandLine, desktop: Desktop
) -> None:
    serial = serial_of(home, "sbc2")

    for text in (serial, serial[:8].upper(), re.sub("(..)(?!$)", r"\1:", serial)):
        found = re.findall(
            r'href="/certificate/([0-9a-f]+)"', desktop.ask(f"/certificates?q={text}")[1]
        )
        assert found == [serial]


def test_pages_of_one_are_together_what_list_lists(home: CommandLine) -> None:
    with open_home(home.home, Environment(passphrase=no_passphrase), read_only=True) as opened:
        for everything in (False, True):
            for expiring in (None, timedelta(days=60)):
                wanted = ListWishes(expiring=expiring, everything=everything)
                whole = [each.serial for each in list_certificates(opened, wanted).certificates]
                pages, place = [], None
                while True:
                    wishes = PageWishes(
                        expiring=expiring, everything=everything, most=1, after=place
                    )
                    page, place = list_page(opened, wishes)
                    pages += [each.serial for each in page.certificates]
                    if place is None:
                        break

                assert pages == whole


def test_further_certificates_and_earlier_events_are_a_link_away(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ca.web.certificates.CERTIFICATES_A_PAGE", 2)
    monkeypatch.setattr("ca.web.ca.EVENTS_A_PAGE", 5)
    monkeypatch.setattr("ca.web.devices.DEVICES_A_PAGE", 2)

    first = desktop.ask("/certificates?all=1")[1]
    (following,) = re.findall(r'href="(/certificates\?[^"]+)">Further', first)
    second = desktop.ask(following)[1]
    newest = desktop.ask("/ca")[1]
    (earlier,) = re.findall(r'href="(/ca\?before=[0-9]+)#trail">Earlier', newest)
    numbers = [
        int(each)
        for text in (newest, desktop.ask(earlier)[1])
        for each in re.findall(r'<tr><th scope="row">([0-9]+)</th>', text)
    ]

    serials = [re.findall(r'row"><a href="/certificate/(\w+)"', text) for text in (first, second)]
    assert [len(each) for each in serials] == [2, 2]
    assert not {*serials[0]} & {*serials[1]}
    assert "From the beginning" in second
    assert 'href="/devices?from=2">Further' in desktop.ask("/devices")[1]
    assert 'href="/devices">From the beginning' in desktop.ask("/devices?from=2")[1]
    assert numbers == list(range(numbers[0], numbers[0] - 10, -1))


def test_the_calendar_counts_what_ends_by_month(home: CommandLine, desktop: Desktop) -> None:
    text = desktop.ask("/ca")[1]

    counts = [int(each) for each in re.findall(MONTH, text)]
    assert len(counts) == 12
    assert sum(counts) == sum(
        each["days_left"] < 365 for each in home("list", "--json").json["certificates"]
    )


@pytest.mark.parametrize("name", ["chain.pem", "chain.p7b", "trusted-root.pem"])
def test_the_cas_files_are_downloads(desktop: Desktop, name: str) -> None:
    assert desktop.ask(f"/ca/{name}")[0] == 200


def test_crls_are_listed_and_are_downloads(home: CommandLine, desktop: Desktop) -> None:
    text = desktop.ask("/ca")[1]

    names = re.findall(r'href="/ca/([0-9a-f]{8}\.crl)"', text)
    assert len(names) == 2
    assert {desktop.ask(f"/ca/{each}")[0] for each in names} == {200}


@pytest.mark.parametrize("path", ["/ca/none.pem", "/certificate/{}/file/none.pem", "/batch/none"])
def test_a_file_that_is_not_there_is_not_found(
    home: CommandLine, desktop: Desktop, path: str
) -> None:
    status, text = desktop.ask(path.format(serial_of(home, "sbc2")))

    assert status == 404
    assert "Hint: " in text


@pytest.mark.parametrize(
    ("path", "fields", "status", "words"),
    [
        ("/sign", {}, 400, "there is no CSR to sign"),
        ("/sign", {"csr": "x", "context": "100"}, 400, "no number from 0 to 99"),
        ("/certificates/renew", {}, 400, "no certificate was ticked"),
        ("/certificates/renew", {"ref": "ffff"}, 404, "no certificate is known"),
        ("/certificate/SBC2/revoke", {"reason": "boredom"}, 400, "there is no reason"),
        ("/certificate/LOST/revoke", {"sure": "1"}, 409, "revoked"),
    ],
)
def test_what_cannot_be_done_is_said_in_the_words_of_the_command_line(
    home: CommandLine, desktop: Desktop, path: str, fields: dict[str, str], status: int, words: str
) -> None:
    where = path.replace("SBC2", serial_of(home, "sbc2"))
    where = where.replace("LOST", serial_of(home, "lost", "revoked"))

    answer = desktop.ask(where, desktop.fields(where) | fields)

    assert answer[0] == status, answer[1]
    assert words in answer[1]


def test_a_lock_forgets_the_passphrase(desktop: Desktop) -> None:
    desktop.desk.unlock.hold(b"secret")

    status, _ = desktop.ask("/lock", desktop.fields("/lock"))

    assert status == 303
    assert desktop.desk.unlock.passphrase is None


def test_two_csrs_pasted_one_below_the_other_are_two(desktop: Desktop) -> None:
    both = b"".join(make_csr(cn=f"{n}.lab.example") for n in ("p1", "p2")).decode()

    assert "Sign 2 certificates" in account(desktop, csr=both)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--fix-san", "--fix-san"),
        ("--again", "--again"),
        ("--cn b.lab.example", "--cn b.lab.example"),
        ("--san uri:sip:b.lab.example", "--san uri:sip:b.lab.example"),
        ("--allow cn-only", "--allow cn-only"),
        ("--overwrite", ""),
    ],
)
def test_a_button_of_a_hint_is_its_option(option: str, expected: str) -> None:
    form = SigningForm.read({"csr": ["x"], "option": [option]})

    assert form.command() == f"sipca sign FILE --profile sip {expected} --out upload".replace(
        "  ", " "
    )


def test_a_form_of_too_many_fields_is_refused(desktop: Desktop) -> None:
    status, text = desktop.ask("/account", {"file-name": ["a"] * 6000})

    assert status == 400
    assert "the form cannot be read" in text


def test_two_files_of_one_name_are_two_in_the_zip(desktop: Desktop) -> None:
    texts = [make_csr(cn=f"{n}.lab.example").decode() for n in ("same1", "same2")]
    form = desktop.fields("/sign") | {"file-name": ["a/x.csr", "b/x.csr"], "file-text": texts}

    desktop.ask("/sign", form)
    work = list(desktop.desk._works.values())[-1]

    assert until(lambda: not work.is_running)
    names = zipfile.ZipFile(io.BytesIO(work.zip)).namelist()
    assert sum(each.endswith("device.pem") for each in names) == 2


def test_a_token_followed_from_another_site_opens_the_page_by_a_second_step(
    desktop: Desktop,
) -> None:
    entry = f"/?token={desktop.desk.secrets.token}"

    status, text = desktop.ask(entry, sec_fetch_site="cross-site", cookie="")

    assert status == 200  # a redirect would not carry a SameSite=Strict cookie
    assert 'http-equiv="refresh" content="0;url=/"' in text


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"cookie": "sipca-1=\x01; ="}, 403), ({"content_type": "text/plain"}, 415)],
)
def test_a_broken_cookie_and_another_kind_of_body_are_refused(
    desktop: Desktop, headers: dict[str, str], status: int
) -> None:
    assert desktop.ask("/lock", desktop.fields("/lock"), **headers)[0] == status


def test_imported_certificates_are_among_the_others(bare: CommandLine, tmp_path: Path) -> None:
    ca = OpenSSLCA(tmp_path / "ca")
    (ca.path / "serial").write_text("01" + "AB" * 24 + "\n")  # so long that it is a relic
    ca.sign("relic1")
    ca.sign("relic2")
    assert bare("import", "--openssl", ca.path, "--no-passphrase").exit == 0
    (tmp_path / "a.csr").write_bytes(make_csr(cn="own.lab.example"))
    assert bare("sign", tmp_path / "a.csr").exit == 0
    desktop = Desktop(bare.home, Environment(passphrase=no_passphrase))
    listed = bare("list", "--json").json["certificates"]

    every = desktop.ask("/certificates")[1]
    one = desktop.ask("/certificates?q=relic1")[1]
    soon = desktop.ask("/")[1]
    year = desktop.ask("/ca")[1]

    links = 'row"><a href="/certificate/([^"]+)"'
    assert re.findall(links, every) == [each["serial"] for each in listed]
    assert len(re.findall(links, one)) == 1
    assert desktop.ask(f"/certificate/{re.findall(links, one)[0]}")[0] == 200
    due = bare("list", "--expiring", "60d", "--json").json["certificates"]
    assert ("end within 60 d" in soon) == bool(due)
    ends = sum(each["days_left"] < 330 for each in listed)
    assert sum(int(each) for each in re.findall(MONTH, year)) >= ends


def test_odd_addresses_and_odd_fields_are_never_a_bug(home: CommandLine) -> None:
    bugs: list[str] = []
    environment = Environment(passphrase=no_passphrase, bug=bugs.append)
    desktop = Desktop(home.home, environment)
    pages = (
        "/certificates?q=%00", "/certificates?q=%ED%A0%80", "/certificates?q=::", "/ca?before=-1",
        "/certificates?after=-999999999999999_0", "/devices?from=%C2%B2", "/devices?from=999999999",
        "/device/%00", "/certificate/-1", f"/certificate/{'f' * 500}", "/ca/00000000.crl",
    )  # fmt: skip
    odd = (
        {"san-edited": "dns:*.*\n\x00", "san-shown": "a"}, {"cn-edited": "\u202e<b>", "cn-shown": "x"},
        {"san": "x" * 100_000}, {"lifetime": "9" * 400}, {"context": "\N{SUPERSCRIPT TWO}"},
        {"device": "a/../b"}, {"target": "../x"}, {"profile": "../x"}, {"option": "--san"},
        {"file-name": "x" * 5000, "file-text": "x"},
    )  # fmt: skip

    statuses = {desktop.ask(path)[0] for path in pages}
    texts = [account(desktop, **{"csr": make_csr().decode()} | each) for each in odd]

    assert bugs == []
    assert statuses <= {200, 404}
    assert not [each for each in texts if "\u202e" in each]
