"""The URIs of keys on tokens: RFC 7512, as far as sipca needs them.

They are stored in place of a key, so nothing that opens the token may be in one.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

import msgspec

from ca.errors import MalformedError
from ca.keys.specs import SPECS

SCHEME = "pkcs11:"
_TOKEN = ("token", "serial", "manufacturer", "model")
_PATH = (*_TOKEN, "object", "id", "type")
_QUERY = ("module-path", "sipca-new")
_LONGEST = 1000
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})|[^!-~]")
_PATH_SAFE = "-._~:[]@!$'()*+,="
"""What RFC 7512 lets stand unescaped in the path; in the query ``/`` too."""
_EXAMPLE = "pkcs11:token=LAB;object=root?module-path=/usr/lib/softhsm/libsofthsm2.so"


class TokenURI(msgspec.Struct, frozen=True):
    """Which key on which token: its label or its id. ``new`` is the type to make if it is missing.

    ``token`` holds the attributes that the token must have, by name.
    """

    token: dict[str, str]
    label: str | None = None
    id: bytes | None = None
    module: str | None = None
    new: str | None = None

    @property
    def name(self) -> str:
        """What names the token for people."""
        return self.token.get("token") or self.token.get("serial") or ""

    @property
    def key_name(self) -> str:
        """What names the key for people."""
        return self.label if self.label is not None else (self.id or b"").hex()

    def text(self) -> str:
        """The URI; without ``new``, which is a wish for one call."""
        parts = [f"{name}={quote(value, _PATH_SAFE)}" for name, value in self.token.items()]
        if self.label is not None:
            parts.append(f"object={quote(self.label, _PATH_SAFE)}")
        if self.id is not None:
            parts.append("id=" + "".join(f"%{octet:02X}" for octet in self.id))
        parts.append("type=private")
        query = f"?module-path={quote(self.module, _PATH_SAFE + '/')}" if self.module else ""
        return SCHEME + ";".join(parts) + query

    def names(self, other: TokenURI) -> bool:
        """Whether the key of another URI has each attribute that this one names."""
        return (
            self.token.items() <= other.token.items()
            and self.label in (None, other.label)
            and self.id in (None, other.id)
        )


def is_token_uri(text: str) -> bool:
    """Whether a text is meant as the URI of a key on a token."""
    return text[: len(SCHEME)].lower() == SCHEME


def is_on_token(pkcs8: bytes) -> bool:
    """Whether what is stored of a key is the URI of one on a token."""
    return pkcs8.startswith(SCHEME.encode())


def read_token_uri(text: str) -> TokenURI:
    """Decode the URI of a key on a token. No error repeats a PIN that was put into one.

    Raises:
        MalformedError: it is not one, names neither token nor key, holds the PIN, or has an
            attribute that sipca does not support.
    """
    if not is_token_uri(text) or len(text) > _LONGEST or _BROKEN.search(text):
        raise MalformedError("it is not a pkcs11: URI (RFC 7512)", hint=_EXAMPLE)
    path, _, query = text[len(SCHEME) :].partition("?")
    given = _attributes(path, ";", _PATH)
    asked = _attributes(query, "&", _QUERY)
    if given.get("type", b"private") != b"private":
        raise MalformedError("the pkcs11: URI is not of a private key", hint="leave type= out")
    token = {name: _text(name, given[name]) for name in _TOKEN if name in given}
    new = _text("sipca-new", asked["sipca-new"]) if "sipca-new" in asked else None
    if new is not None and new not in SPECS:
        raise MalformedError(
            "sipca-new= is not a supported key type", hint=f"choose one of {', '.join(SPECS)}"
        )
    uri = TokenURI(
        token,
        _text("object", given["object"]) if "object" in given else None,
        given.get("id"),
        _text("module-path", asked["module-path"]) if "module-path" in asked else None,
        new,
    )
    if not uri.name:
        raise MalformedError(
            "the pkcs11: URI names no token", hint=f"token= or serial=: {_EXAMPLE}"
        )
    if not (uri.label or uri.id):
        raise MalformedError("the pkcs11: URI names no key", hint=f"object= or id=: {_EXAMPLE}")
    return uri


def _attributes(text: str, separator: str, known: tuple[str, ...]) -> dict[str, bytes]:
    values: dict[str, bytes] = {}
    for part in filter(None, text.split(separator)):
        name, _, value = part.partition("=")
        if name in ("pin-value", "pin-source"):
            raise MalformedError(
                f"the pkcs11: URI has a {name}, and the URI is stored in the register",
                hint="leave it out; the PIN is asked for, or given by --passphrase-file",
            )
        if name not in known:
            raise MalformedError(
                f"'{name[:40]}' in the pkcs11: URI is not supported",
                hint=f"supported here are {', '.join(known)}",
            )
        if name in values:
            raise MalformedError(f"the pkcs11: URI has '{name}' twice", hint="once is enough")
        values[name] = unquote_to_bytes(value)
    return values


def _text(name: str, value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        raise MalformedError(
            f"'{name}' in the pkcs11: URI is empty or not printable UTF-8", hint=_EXAMPLE
        )
    return text
