"""Keys on tokens (PKCS#11): make or find them, open them, sign with them.

A process opens a token once, since a login counts for all of a process's sessions. A session has
one operation at a time, so signing takes turns. Whatever a token cannot do is a
``KeyUnavailableError``: the plan of a signature that it did not make has no result.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ca.encoding.der import NULL, OCTET_STRING, encode_oid, oid, read, sequence, tlv
from ca.encoding.oids import CURVES, SHA256
from ca.errors import KeyUnavailableError, MalformedError, PolicyError
from ca.keys.public import PublicKey, read_public_key
from ca.keys.signer import Hasher, KeyRef, algorithm_identifier, hash_for
from ca.keys.specs import SPECS
from ca.keys.token_uri import TokenURI, read_token_uri

if TYPE_CHECKING:
    import pkcs11

MODULE = "SIPCA_PKCS11_MODULE"
"""The environment variable with the path of the token's library, for URIs that name none here."""
_PAUSES = (0, 0.05, 0.1, 0.2, 0.4)
"""Seconds before each look for a token: SoftHSM misses one that another process just opens, or sees
it without a PIN."""
_DIGEST_INFO = sequence(encode_oid(SHA256), tlv(NULL, b""))
sessions: dict[tuple[str, str, bytes], pkcs11.Session] = {}
"""The sessions of this process: by the library's path, the token's label and its serial number."""
_turn = threading.RLock()


class TokenSigner:
    """A Signer whose key stays on a token."""

    def __init__(self, key: pkcs11.PrivateKey, public: PublicKey, uri: TokenURI) -> None:
        self._key: Any = key
        self._uri = uri
        self._public = public
        self.public_key = public.spki
        self.algorithm = algorithm_identifier(public)

    def sign(self, tbs: bytes) -> bytes:
        """Sign these octets, with the hash that ``algorithm`` names."""
        hasher = self.hasher()
        hasher.update(tbs)
        return self.sign_digest(hasher.finalize())

    def hasher(self) -> Hasher:
        """A new hash of the type that ``algorithm`` names."""
        from cryptography.hazmat.primitives import hashes

        return hashes.Hash(hash_for(self._public.curve or ""))

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign the octets that have this digest.

        Raises:
            KeyUnavailableError: the token does not sign; it may have been pulled out.
        """
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
        from pkcs11 import Mechanism

        if self._public.algorithm == "rsa":
            info = sequence(_DIGEST_INFO, tlv(OCTET_STRING, digest))
            with _turn, _failures(self._uri):
                return bytes(self._key.sign(info, mechanism=Mechanism.RSA_PKCS))
        with _turn, _failures(self._uri):
            raw = bytes(self._key.sign(digest, mechanism=Mechanism.ECDSA))
        half = len(raw) // 2
        numbers = (int.from_bytes(part, "big") for part in (raw[:half], raw[half:]))
        return encode_dss_signature(*numbers)


class TokenKey(msgspec.Struct, frozen=True):
    """A key on a token: what is stored of it, its signer, and its public key."""

    ref: KeyRef
    signer: TokenSigner
    public: PublicKey


def find_or_make(text: str, pin: bytes | None, *, label: str) -> TokenKey:
    """The key that a URI names; made on the token if it is missing and ``sipca-new`` is given.

    Raises:
        KeyUnavailableError: the token, its library or its key is missing, or the PIN is wrong.
        MalformedError: the URI is not well formed.
        PolicyError: the key is of a type that no CA key may be.
    """
    uri = read_token_uri(text)
    session = _session(uri, pin)
    with _turn, _failures(uri):
        key = _find(session, uri, private=True)
        if key is None:
            if uri.new is None:
                raise KeyUnavailableError(
                    f"there is no key '{uri.key_name}' on the token '{uri.name}'",
                    hint="sipca-new=ec:p256 in the URI's query makes one there",
                )
            uri = _make(session, uri)
            key = _find(session, uri, private=True)
            assert key is not None
        public = _public_of(session, uri, key)
        uri = msgspec.structs.replace(uri, id=bytes(_id_of(key)) or uri.id)
    _check_type(public, uri)
    ref = KeyRef(uri.text().encode(), public.spki, True, label)
    return TokenKey(ref, TokenSigner(key, public, uri), public)


def open_token_signer(ref: KeyRef, pin: bytes | None) -> TokenSigner:
    """Open a key on a token by what is stored of it.

    Whether it is the certificate's own is known when its first signature is verified, since some
    tokens keep no public key.

    Raises:
        KeyUnavailableError: the token, its library or its key is missing, or the PIN is wrong.
    """
    try:
        uri = read_token_uri(ref.pkcs8.decode())
    except (MalformedError, UnicodeDecodeError):
        raise KeyUnavailableError(f"the {ref.label} key in the register is damaged") from None
    session = _session(uri, pin)
    with _turn, _failures(uri):
        key = _find(session, uri, private=True)
    if key is None:
        raise KeyUnavailableError(
            f"the {ref.label} key '{uri.key_name}' is not on the token '{uri.name}'",
            hint="plug in the token that holds it",
        )
    return TokenSigner(key, read_public_key(ref.public), uri)


def _session(uri: TokenURI, pin: bytes | None) -> pkcs11.Session:
    """The session with a token, logged in."""
    if pin is None:
        raise KeyUnavailableError(f"the token '{uri.name}' is locked", hint="give its PIN")
    path = _module_of(uri)
    with _turn, _failures(uri):
        is_shared = any(opened == path for opened, _, _ in sessions)
        pauses = _PAUSES[:1] if is_shared else _PAUSES
        for pause in pauses:
            time.sleep(pause)
            try:
                session = _login(path, uri, pin, anew=pause > 0)
            except _passing():
                if pause == pauses[-1]:
                    raise
                continue
            if session is not None:
                return session
    raise KeyUnavailableError(
        f"there is no token '{uri.name}'",
        hint="plug it in and run the command again; what was signed is kept",
    )


def _login(path: str, uri: TokenURI, pin: bytes, *, anew: bool) -> pkcs11.Session | None:
    """The session with a token, logged in now or before; None if the token is not there."""
    import pkcs11

    library = pkcs11.lib(path)
    if anew:
        library.reinitialize()
    matching = [each for each in library.get_tokens() if _matches(each, uri)]
    if not matching:
        return None
    if len(matching) > 1:
        raise KeyUnavailableError(
            f"{len(matching)} tokens are called '{uri.name}'", hint="add serial= to the URI"
        )
    place = (path, matching[0].label, bytes(matching[0].serial))
    if place not in sessions:
        sessions[place] = matching[0].open(user_pin=pin.decode())
    return sessions[place]


def _module_of(uri: TokenURI) -> str:
    """The path of the token's library: the URI's if there is such a file, else the variable's."""
    here = os.environ.get(MODULE)
    if uri.module and (Path(uri.module).is_file() or not here):
        path = uri.module
    elif here:
        path = here
    else:
        raise KeyUnavailableError(
            f"nothing says which library opens the token '{uri.name}'",
            hint=f"module-path=FILE in the URI's query, or {MODULE}",
        )
    if not Path(path).is_absolute() or not Path(path).is_file():
        raise KeyUnavailableError(
            f"there is no library '{path}' for the token '{uri.name}'",
            hint=f"install it, or set {MODULE} to its full path",
        )
    return path


def _matches(token: pkcs11.Token, uri: TokenURI) -> bool:
    has = {
        "token": token.label,
        "serial": bytes(token.serial).decode("utf-8", "replace").strip(),
        "manufacturer": token.manufacturer_id,
        "model": token.model,
    }
    return all(has[name] == value for name, value in uri.token.items())


def _find(session: pkcs11.Session, uri: TokenURI, *, private: bool) -> Any:
    """The key's object, or None; with ``private`` unset that of its public half."""
    from pkcs11 import Attribute, ObjectClass

    kind = ObjectClass.PRIVATE_KEY if private else ObjectClass.PUBLIC_KEY
    wanted: dict[Any, Any] = {Attribute.CLASS: kind}
    if uri.label is not None:
        wanted[Attribute.LABEL] = uri.label
    if uri.id is not None:
        wanted[Attribute.ID] = uri.id
    objects = list(session.get_objects(wanted))
    if len(objects) > 1:
        raise KeyUnavailableError(
            f"{len(objects)} keys '{uri.key_name}' are on the token '{uri.name}'",
            hint="add id= to the URI",
        )
    return objects[0] if objects else None


def _make(session: pkcs11.Session, uri: TokenURI) -> TokenURI:
    """Make a key pair on the token, which never leaves it; the URI with the id that it has."""
    from pkcs11 import Attribute, KeyType, MechanismFlag

    assert uri.new is not None
    family, _, size = uri.new.partition(":")
    uri = msgspec.structs.replace(uri, id=uri.id or bytes(session.generate_random(64)))
    private = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
    options: dict[str, Any] = {
        "id": uri.id,
        "label": uri.label or "sipca",
        "store": True,
        "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
        "private_template": private,
    }
    with session.token.open(rw=True) as writing:
        if family == "rsa":
            writing.generate_keypair(KeyType.RSA, int(size), **options)
            return uri
        dotted = next(each for each, (name, _) in CURVES.items() if name == size)
        curve = {Attribute.EC_PARAMS: encode_oid(dotted)}
        parameters = writing.create_domain_parameters(KeyType.EC, curve, local=True)
        parameters.generate_keypair(**options)
    return uri


def _id_of(key: Any) -> bytes:
    from pkcs11 import Attribute

    return bytes(key[Attribute.ID])


def _public_of(session: pkcs11.Session, uri: TokenURI, key: Any) -> PublicKey:
    """The public key of a private one, which the token keeps beside it.

    Raises:
        KeyUnavailableError: it keeps none, or one that cannot be read.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from pkcs11 import Attribute, KeyType

    named = msgspec.structs.replace(uri, id=_id_of(key) or uri.id)
    half = _find(session, named, private=False)
    if half is None:
        raise KeyUnavailableError(
            f"the token '{uri.name}' has no public key '{uri.key_name}' beside the private one",
            hint="import it with the same label and id",
        )
    loaded: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    try:
        if half.key_type == KeyType.RSA:
            exponent = int.from_bytes(half[Attribute.PUBLIC_EXPONENT], "big")
            modulus = int.from_bytes(half[Attribute.MODULUS], "big")
            loaded = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        else:
            curve, _ = CURVES[oid(read(bytes(half[Attribute.EC_PARAMS])))]
            point = read(bytes(half[Attribute.EC_POINT])).contents
            curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}
            loaded = ec.EllipticCurvePublicKey.from_encoded_point(curves[curve], point)
    except (ValueError, KeyError, MalformedError):
        raise _unsupported(uri) from None
    return read_public_key(loaded.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _check_type(public: PublicKey, uri: TokenURI) -> None:
    family = f"rsa:{public.size}" if public.algorithm == "rsa" else f"ec:{public.curve}"
    if family not in SPECS:
        raise _unsupported(uri)
    if uri.new is not None and uri.new != family:
        raise PolicyError(
            f"the key '{uri.key_name}' is on the token '{uri.name}' already, as {family}",
            hint="leave sipca-new out to use it, or name another object",
            rule="token-key-there",
        )


def _unsupported(uri: TokenURI) -> PolicyError:
    return PolicyError(
        f"the key '{uri.key_name}' on the token '{uri.name}' is of a type that no CA key may be",
        hint=f"choose one of {', '.join(SPECS)}",
        rule="ca-key-kind",
    )


def _exceptions() -> Any:
    """What the library for tokens raises.

    Raises:
        KeyUnavailableError: it is not installed.
    """
    try:
        import pkcs11.exceptions
    except ImportError:
        raise KeyUnavailableError(
            "keys on tokens need the extra sipca[pkcs11]",
            hint="install it as '.[pkcs11]' with pipx, uv tool or pip, in the sources' folder",
        ) from None
    return pkcs11.exceptions


def _passing() -> tuple[type[Exception], ...]:
    """What may pass: the token is in another process's hands; never that the PIN is wrong."""
    raised = _exceptions()
    return (
        raised.GeneralError,
        raised.FunctionFailed,
        raised.DeviceError,
        raised.TokenNotPresent,
        raised.TokenNotRecognised,
        raised.UserPinNotInitialized,
    )


@contextlib.contextmanager
def _failures(uri: TokenURI) -> Iterator[None]:
    """Tell what the token's library raises by what it means for the operator."""
    failures = _exceptions()
    try:
        yield
    except (failures.PinIncorrect, failures.PinInvalid, failures.PinLenRange):
        raise KeyUnavailableError(
            f"the PIN does not open the token '{uri.name}'",
            hint="the passphrase of this CA is the token's PIN; some wrong ones lock the token",
        ) from None
    except failures.PinLocked:
        raise KeyUnavailableError(
            f"the token '{uri.name}' has locked itself after wrong PINs",
            hint="its security officer's PIN unlocks it",
        ) from None
    except failures.UserPinNotInitialized:
        raise KeyUnavailableError(
            f"the token '{uri.name}' has no user's PIN",
            hint="set one with the token's own tool",
        ) from None
    except failures.PKCS11Error as error:
        raise KeyUnavailableError(
            f"the token '{uri.name}' does not answer ({type(error).__name__})",
            hint="plug it in and run the command again; what was signed is kept",
        ) from None
