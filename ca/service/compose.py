"""``serve --print-compose``: a compose file with the image's recipe inline.

Every text is written as a JSON string, which YAML reads as it is; ``$`` is doubled, because compose
puts variables in.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from ca.model.escaping import escape_hidden
from ca.service.placement import HTTP_PORT, OCSP_PORT, Placement, check_path

INSIDE = PurePosixPath("/ca")
"""Where the home is in the container."""
_IMAGE = """FROM python:3.12-slim
COPY . /src
RUN pip install --no-cache-dir '/src[serve]' && rm -rf /src
ENTRYPOINT ["sipca", "--home", "/ca", "--no-input"]
"""
_HEALTH = (
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=5)"
)


def compose(placement: Placement) -> str:
    """The compose file.

    Raises:
        MalformedError: the home's path cannot stand in it.
    """
    check_path(str(placement.home))
    serve = [
        "serve", "--bind", "0.0.0.0", "--ocsp-port", str(OCSP_PORT), "--http-port", str(HTTP_PORT),  # noqa: S104 - within the container
        "--workers", str(placement.workers), *placement.scep,
    ]  # fmt: skip
    lines = _head(placement)
    lines += ["name: sipca", "services:", "  sipca:", *_image(), *_confined(placement)]
    lines += [
        f"    command: {_list(serve)}",
        "    restart: unless-stopped",
        "    ports:",
        f"      - {_text(_port(placement, placement.ocsp_port, OCSP_PORT))}",
        f"      - {_text(_port(placement, placement.http_port, HTTP_PORT))}",
        *_home(placement, read_only=not placement.scep),
        "    healthcheck:",
        f"      test: {_list(['CMD', 'python', '-c', _HEALTH])}",
        "      interval: 60s",
        "      timeout: 10s",
    ]
    for number, word in enumerate(placement.upkeep.cas):
        ending = f"-{number + 1}" if number else ""
        signers = [] if word == "all" else ["--ca", word]
        lines += _task(placement, f"crl{ending}", ["crl", "--if-within", "30d", "--ca", word])
        lines += _task(placement, f"ocsp{ending}", ["ocsp", "rotate", "--if-due", *signers])
    if placement.scep:
        lines += _task(placement, "scep", ["scep", "rotate", "--if-due"])
    if placement.upkeep.needs_passphrase:
        secret = _text("${SIPCA_PASSPHRASE_FILE:?the file with the passphrase}")
        lines += ["secrets:", "  passphrase:", f"    file: {secret}"]
    return "\n".join(lines) + "\n"


def _head(placement: Placement) -> list[str]:
    tasks = " ".join(
        f"crl{ending} ocsp{ending}"
        for ending in ("", *(f"-{n}" for n in range(2, len(placement.upkeep.cas) + 1)))
    ) + " scep" * bool(placement.scep)
    sees = "writes requests by SCEP into it" if placement.scep else "sees it read-only"
    lines = [
        f"# The server of the CA '{escape_hidden(placement.name)}' in a container.",
        "# Not tried with an engine: sipca's tests read the file and run its commands without.",
        "# Save it as docker-compose.yml. The image is built from the folder of sipca's sources:",
        "#   SIPCA_SOURCES=/path/to/sipca docker compose up -d --build    (compose 2.17 or later)",
        f"# The home stays on the host, and the server {sees}. CRLs and OCSP signers",
        "# are made by short runs that may write, once a day from cron:",
        f"#   for task in {tasks}; do docker compose run --rm $task >/dev/null; done",
    ]
    if placement.upkeep.needs_passphrase:
        lines += [
            "# The issuing CA's key has a passphrase: SIPCA_PASSPHRASE_FILE names its file.",
            "# A CA made with --protect root needs none: its issuing key is open.",
        ]
    for name, word, why in placement.upkeep.left:
        lines.append(
            f"# Not '{escape_hidden(name)}': {why}; by hand: sipca crl --ca {word} --if-within 60d."
        )
    return lines


def _image() -> list[str]:
    indented = [f"        {line}".rstrip() for line in _IMAGE.splitlines()]
    return [
        "    image: sipca-serve",
        "    build:",
        f"      context: {_text('${SIPCA_SOURCES:-.}')}",
        "      dockerfile_inline: |",
        *indented,
    ]


def _confined(placement: Placement) -> list[str]:
    return [
        f"    user: {_text(f'{placement.uid}:{placement.gid}')}",
        "    read_only: true",
        '    cap_drop: ["ALL"]',
        '    security_opt: ["no-new-privileges:true"]',
        '    tmpfs: ["/tmp"]',
    ]


def _home(placement: Placement, *, read_only: bool) -> list[str]:
    return [
        "    volumes:",
        "      - type: bind",
        f"        source: {_text(str(placement.home).replace('$', '$$'))}",
        f"        target: {INSIDE}",
        f"        read_only: {'true' if read_only else 'false'}",
    ]


def _task(placement: Placement, name: str, words: list[str]) -> list[str]:
    lines = [f"  {name}:", "    image: sipca-serve", '    profiles: ["upkeep"]']
    lines += [*_confined(placement), "    network_mode: none", f"    command: {_list(words)}"]
    lines += _home(placement, read_only=False)
    if placement.upkeep.needs_passphrase:
        lines += [
            '    secrets: ["passphrase"]',
            "    environment:",
            "      SIPCA_PASSPHRASE_FILE: /run/secrets/passphrase",
        ]
    return lines


def _port(placement: Placement, outside: int, inside: int) -> str:
    address = f"[{placement.address}]" if ":" in placement.address else placement.address
    return f"{address}:{outside}:{inside}"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _list(words: list[str]) -> str:
    return json.dumps(words, ensure_ascii=False)
