"""``serve --print-unit``: systemd units for the server, its CRLs and its OCSP signers.

Paths are quoted as systemd reads them: blanks in quotes, ``%`` doubled; ``:`` before a command line
turns its variables off.
"""

from __future__ import annotations

from pathlib import Path

from ca.model.escaping import escape_hidden
from ca.service.placement import Placement, check_path, program_folders

USER = "sipca"
"""The user of the units, unless the home belongs to a user of the system's already."""
FIRST_LOGIN_UID = 1000
PASSPHRASE = "/etc/sipca/passphrase"  # noqa: S105 - where it is, not what
HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108
"""Folders that the units do not see, but for what is bound into them."""

_COMMON = """NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=tmpfs
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077
"""
_ALONE = "PrivateDevices=yes\nDevicePolicy=closed\n"
_NO_NETWORK = "RestrictAddressFamilies=AF_UNIX\nPrivateNetwork=yes\nIPAddressDeny=any\n"


def units(placement: Placement) -> str:
    """All units in one text, each after a line ``# === NAME``.

    Raises:
        MalformedError: a path cannot stand in a unit.
    """
    for path in (str(placement.home), *placement.program):
        check_path(path)
    crl = _upkeep(placement, "new CRLs before the old ones end", ("crl", "--if-within", "30d"))
    signers = _upkeep(
        placement, "new OCSP signers at half of their life", ("ocsp", "rotate", "--if-due")
    )
    files = {
        "sipca.service": _server(placement),
        "sipca-crl.service": crl,
        "sipca-crl.timer": _timer("CRLs", "daily"),
        "sipca-ocsp.service": signers,
        "sipca-ocsp.timer": _timer("OCSP signers", "weekly"),
    }
    if placement.scep:
        rotate = ("scep", "rotate", "--if-due")
        files["sipca-scep.service"] = _upkeep(placement, "a new RA certificate for SCEP", rotate)
        files["sipca-scep.timer"] = _timer("RA certificate", "weekly")
    texts = [f"# === {name}\n{text}" for name, text in files.items()]
    return _head(placement) + "\n".join(texts)


def _head(placement: Placement) -> str:
    """How the units are put in place, as comments."""
    user, home = user_of(placement), _shell(str(placement.home))
    timers = "sipca-crl.timer sipca-ocsp.timer" + " sipca-scep.timer" * bool(placement.scep)
    steps: list[list[str]] = []
    if _is_hidden(placement.home):
        steps.append(
            [
                "Other users cannot come near a home below /home, /root or /tmp. Better move it,",
                f"and print the units anew:  sudo mv {home} /var/lib/sipca",
            ]
        )
    if user != placement.owner:
        steps.append(
            [
                f"They run as the user '{user}', and the home is {placement.owner}'s. Give it",
                f"over; from then on run sipca as it, with sudo -u {user} sipca --home ...:",
                f"  sudo useradd --system --no-create-home --shell /usr/sbin/nologin {user}",
                f"  sudo chown -R {user}: {home}",
            ]
        )
    steps.append(
        [
            "Write each into its file, and start them:",
            "  cd /etc/systemd/system",
            "  sipca serve ... --print-unit | sudo awk '/^# === /{file=$3} file{print > file}'",
            "  sudo systemctl daemon-reload",
            f"  sudo systemctl enable --now sipca.service {timers}",
        ]
    )
    lines = [f"Units of the CA '{escape_hidden(placement.name)}' (systemd 250 or later).", ""]
    if placement.is_loopback:
        lines += [f"No device can reach {placement.address}: print them with --bind ADDRESS.", ""]
    for number, (first, *rest) in enumerate(steps, 1):
        lines += [f"{number}. {first}", *(f"   {each}" for each in rest), ""]
    lines += _about_keys(placement)
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + "\n"


def _about_keys(placement: Placement) -> list[str]:
    upkeep = placement.upkeep
    lines = ["The server opens no CA key. The timers need the CA keys:"]
    if placement.scep:
        lines = [
            "By SCEP the server writes requests into the home, and opens the issuing CA's key if",
            "that has no passphrase, for a valid challenge or a renewal. The timers need the CAs'",
            "keys:",
        ]
    if upkeep.needs_passphrase:
        lines += [
            "the issuing CA's key has a passphrase (or PIN), given to them as a credential:",
            f"  sudo install -D -m 0600 YOUR-PASSPHRASE-FILE {PASSPHRASE}",
            "systemd-creds encrypt and LoadCredentialEncrypted= keep it encrypted there. A CA made",
            "with --protect root needs none: its issuing key is open, its root's is not.",
        ]
    else:
        lines.append("the issuing CA's key has no passphrase, so they work unattended.")
    for name, word, why in upkeep.left:
        lines += [
            f"Not '{escape_hidden(name)}': {why}. By hand, when sipca check asks for it:",
            f"  sipca crl --ca {word} --if-within 60d; sipca ocsp rotate --ca {word} --if-due",
        ]
    if upkeep.cas != ("all",):
        lines.append("After sipca ca rotate print the units anew: they name CAs.")
    return [*lines, ""]


def user_of(placement: Placement) -> str:
    """The user of the units: who owns the home, if that is a user of the system's but root."""
    return placement.owner if 0 < placement.uid < FIRST_LOGIN_UID else USER


def _server(placement: Placement) -> str:
    words = [
        "serve", "--bind", placement.address, "--ocsp-port", str(placement.ocsp_port),
        "--http-port", str(placement.http_port), "--workers", str(placement.workers),
        *placement.scep, "--home", str(placement.home), "--no-input",
    ]  # fmt: skip
    capability = "CAP_NET_BIND_SERVICE" if placement.is_privileged else ""
    ambient = f"AmbientCapabilities={capability}\n" if capability else "PrivateUsers=yes\n"
    return (
        "[Unit]\n"
        "Description=sipca: OCSP, CRLs and CA certificates over HTTP\n"
        "Wants=network-online.target\n"
        "After=network-online.target\n"
        "StartLimitIntervalSec=0\n"
        "\n[Service]\n"
        f"ExecStart={_command(placement, words)}\n"
        f"User={user_of(placement)}\n"
        "Restart=on-failure\n"
        "RestartSec=5s\n"
        "RestartPreventExitStatus=2\n"
        "LimitNOFILE=8192\n"
        f"{_bound(placement, writable=bool(placement.scep))}"
        f"{_COMMON}{_ALONE}"
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n"
        f"CapabilityBoundingSet={capability}\n"
        f"{ambient}"
        "\n[Install]\n"
        "WantedBy=multi-user.target\n"
    )


def _upkeep(placement: Placement, what: str, command: tuple[str, ...]) -> str:
    upkeep = placement.upkeep
    ends = ("--home", str(placement.home), "--no-input", "--quiet")
    starts = ""
    for word in ("all",) if command[0] == "scep" else upkeep.cas:  # the RA is the issuing CA's
        chosen = () if word == "all" and command[0] != "crl" else ("--ca", word)
        starts += f"ExecStart={_command(placement, [*command, *chosen, *ends])}\n"
    secret = (
        f"LoadCredential=passphrase:{PASSPHRASE}\nEnvironment=SIPCA_PASSPHRASE_FILE=%d/passphrase\n"
        if upkeep.needs_passphrase
        else ""
    )
    return (
        "[Unit]\n"
        f"Description=sipca: {what}\n"
        "After=time-sync.target\n"
        "\n[Service]\n"
        "Type=oneshot\n"
        f"{starts}"
        f"User={user_of(placement)}\n"
        "StandardOutput=null\n"
        f"{secret}"
        f"{_bound(placement, writable=True)}"
        f"{_COMMON}{'' if upkeep.has_token else _ALONE}"
        f"{'' if upkeep.has_token else _NO_NETWORK}"
        "CapabilityBoundingSet=\n"
        f"{'' if upkeep.has_token else 'PrivateUsers=yes' + chr(10)}"
    )


def _timer(what: str, when: str) -> str:
    return (
        f"[Unit]\nDescription=sipca: {what}, looked at {when}\n"
        f"\n[Timer]\nOnCalendar={when}\nPersistent=yes\nRandomizedDelaySec=1h\n"
        "\n[Install]\nWantedBy=timers.target\n"
    )


def _bound(placement: Placement, *, writable: bool) -> str:
    """What the unit sees of its home and its program; the home read-only without SCEP."""
    lines = []
    home = _quoted_path(placement.home)
    if _is_hidden(placement.home):
        lines.append(f"{'BindPaths' if writable else 'BindReadOnlyPaths'}={home}")
    else:
        lines.append(f"{'ReadWritePaths' if writable else 'ReadOnlyPaths'}={home}")
    lines += [
        f"BindReadOnlyPaths={_quoted_path(folder)}"
        for folder in program_folders(placement.program)
        if _is_hidden(folder)
    ]
    return "".join(f"{line}\n" for line in lines)


def _is_hidden(path: Path) -> bool:
    return any(path.is_relative_to(each) for each in HIDDEN)


def _command(placement: Placement, words: list[str]) -> str:
    path, *rest = placement.program
    return " ".join(_quoted(each) for each in (f":{path}", *rest, *words))


def _quoted(word: str) -> str:
    """A word as systemd reads it (systemd.service(5), "Command lines"; systemd.syntax(7))."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    is_plain = text == word and word and not set(word) & set(" ';")
    return text if is_plain else f'"{text}"'


def _quoted_path(path: Path) -> str:
    """A path of a setting that knows SOURCE:TARGET: a colon in quotes is no separator."""
    quoted = _quoted(str(path))
    return f'"{quoted}"' if ":" in quoted and not quoted.startswith('"') else quoted


def _shell(word: str) -> str:
    import shlex

    return shlex.quote(word)
