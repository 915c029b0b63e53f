"""Which files of an earlier export give way to a later one: those that sipca wrote, unedited."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

from ca.authority.devices.kit import SUMS, account_text, may_be_overwritten, sums_of
from ca.authority.home import Home
from ca.authority.own_files import is_kit_file, refuse_foreign
from ca.authority.upload_files import Chain
from ca.encoding import pem
from ca.encoding.account import unpack_account
from ca.encoding.pkcs7 import certs_only
from ca.errors import CAError, attempt
from ca.files import read_bounded
from ca.store import successions
from ca.store.certificates import CertificateRow


class EarlierFiles:
    """The files in a folder that were written for a certificate or those that it superseded."""

    def __init__(self, home: Home, row: CertificateRow, folder: Path, chain: Chain) -> None:
        line = successions.line_before(home.store, [row.plan_id])
        self._line: Sequence[CertificateRow] = [old for old in line if old.signature is not None]
        self._folder = folder
        self._chain = chain
        sums = attempt(read_bounded, folder / SUMS)
        self._sums = {} if isinstance(sums, CAError) else sums_of(sums)

    def has(self, name: str) -> bool:
        """Whether this file is one of them, and nobody edited it since."""
        path = self._folder / name
        if path.is_symlink() or not path.is_file():
            return False
        if may_be_overwritten(name):
            return self._describes(name, path)
        data = attempt(read_bounded, path)
        return not isinstance(data, CAError) and any(self._is_of(old, data) for old in self._line)

    def _describes(self, name: str, path: Path) -> bool:
        """A sheet, preflight, sums or zip; its sum must be right where it was written down."""
        if isinstance(attempt(refuse_foreign, path, partial(is_kit_file, name)), CAError):
            return False
        return name not in self._sums or self._sums[name] == sha256(path.read_bytes()).hexdigest()

    def _is_of(self, old: CertificateRow, data: bytes) -> bool:
        """The account, or the certificate in one of its forms."""
        if data in (old.der, certs_only([old.der])):
            return True
        text = data.replace(b"\r\n", b"\n")
        if text == account_text(unpack_account(old.account)).encode():
            return True
        leaf = pem.encode(old.der).encode()
        rest = text.removeprefix(leaf)
        return text == leaf or (len(rest) < len(text) and self._chain.is_ours(rest))
