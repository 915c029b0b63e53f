"""Where files are written, what is in their way, and what they may replace.

Content decides: a file is replaced only if it is, octet for octet, what this home wrote there for
a predecessor. Links are not followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import msgspec

from ca.authority import upload_files
from ca.authority.home import Home
from ca.authority.signing.candidates import Candidate, Source
from ca.authority.succession import Use, use_of
from ca.authority.upload_files import Chain, Delivery, PlannedFiles
from ca.encoding import pem
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, ConflictError, attempt
from ca.files import conflicts, holds, lock_folder, read_bounded
from ca.keys.public import read_public_key
from ca.names.text import printable
from ca.store import certificates
from ca.store.certificates import CertificateRow


def check_places(delivery: Delivery, chain: Chain, sources: Iterable[Source]) -> None:
    """Check, before signing, that no two sources of the call write to the same file.

    Raises:
        ConflictError: two do, or the folder has another CA's trust file.
    """
    upload_files.refuse_foreign_trust_files(delivery, chain)
    if delivery.folder is None:
        return
    seen: dict[str, Source] = {}
    for source in sources:
        stem = upload_files.stem_of(source.stem)
        if stem is None:
            continue
        name = upload_files.device_name(stem, source.wishes.context).casefold()
        if name in seen and not seen[name].holds_request():
            del seen[name]  # a key or note of the same name, ignored later
        if name in seen and source.holds_request():
            raise ConflictError(
                f"'{seen[name].label}' and '{source.label}' would both be written to '{name}'",
                hint="rename one, or sign them into different folders",
                rule="same-file",
            )
        seen.setdefault(name, source)


class Place:
    """The place of one call's files, locked against other processes while a chunk is written."""

    def __init__(self, home: Home, delivery: Delivery, chain: Chain) -> None:
        self.delivery = delivery
        self.chain = chain
        self._home = home
        self._held = ExitStack()
        self._is_held = False
        self._has_trust = False
        self.trust_there = False

    @property
    def takes_files(self) -> bool:
        """Whether files are written at all."""
        return self.delivery.folder is not None or self.delivery.file is not None

    def take(self) -> bool:
        """Lock the folder; True if it was not locked, so that new files may be there.

        Raises:
            CAError: the folder cannot be made or locked, or has a foreign trust file by now.
        """
        folder = upload_files.place_of(self.delivery)
        if self._is_held or folder is None:
            return False
        upload_files.make_place(self.delivery)
        self._held.enter_context(lock_folder(folder))
        self._is_held = True
        upload_files.refuse_foreign_trust_files(self.delivery, self.chain)
        return True

    def leave(self) -> None:
        """Unlock the folder until the next chunk."""
        self._held.close()
        self._is_held = False

    def planned(self, candidate: Candidate, leaf: str) -> PlannedFiles:
        """A certificate's files, with their texts.

        Raises:
            CAError: such a file cannot exist.
        """
        return upload_files.planned_files(
            self.delivery, candidate.stem, candidate.context, leaf, self.chain
        )

    def noted(self, planned: PlannedFiles) -> PlannedFiles:
        """The same files, with those named that are there already, before any is written."""
        there = [path for path, text in planned.texts if holds(Path(path), [text.encode("ascii")])]
        root = planned.files.trusted_root
        if root is not None and self.trust_there:
            there.append(root)
        files = msgspec.structs.replace(planned.files, unchanged=there)
        return msgspec.structs.replace(planned, files=files)

    def deliver_trust(self) -> None:
        """Write the folder's trust files, once per call.

        Raises:
            CAError: one cannot be written, or another one appeared meanwhile.
        """
        upload_files.make_place(self.delivery)
        if not self._has_trust:
            self.trust_there = upload_files.trust_is_there(self.delivery, self.chain)
            upload_files.deliver_trust(self.delivery, self.chain)
            self._has_trust = True

    def may_replace(self, candidate: Candidate) -> bool:
        """Whether a certificate may replace the files in its way.

        Raises:
            ConflictError: one of them may not be replaced.
        """
        replaced = False
        paths = upload_files.taken_paths(self.delivery, candidate.stem, candidate.context)
        for number, word in enumerate(paths):
            if not os.path.lexists(word):
                continue
            path = Path(word)
            if path.is_dir():
                raise ConflictError(
                    f"'{path}' is a folder", hint="remove it, or choose another place"
                )
            if self.delivery.overwrite:
                continue
            if candidate.good is not None:
                leaf = pem.encode(candidate.good.der)
                text = upload_files.contents(self.delivery, leaf, self.chain)[number]
                if not conflicts(path, text.encode()):
                    continue
            row = written_here(self._home, path, self.chain)
            if row is None or not (
                _succeeds(candidate, row) or self.delivery.yields(row, candidate.source.label)
            ):
                raise ConflictError(
                    f"'{path}' {_content(path)} and would be replaced",
                    hint="--overwrite replaces files, or choose another place",
                    rule="file-in-the-way",
                )
            replaced = True
        return replaced


def written_here(home: Home, path: Path, chain: Chain) -> CertificateRow | None:
    """The certificate of this register in a file that is exactly what ``sign`` writes, or None.

    That is the leaf alone, or followed by CA certificates of this home.
    """
    if path.is_symlink() or not path.is_file():
        return None
    data = attempt(read_bounded, path)
    if isinstance(data, CAError):
        return None
    from ca.encoding.bundles import read_bundle  # only if a file is in the way

    bundle = attempt(read_bundle, data, what=str(path))
    if isinstance(bundle, CAError) or not bundle.members:
        return None
    row = certificates.by_der(home.store, bundle.members[0].der)
    if row is None or row.for_issuer_id is not None:
        return None
    leaf = pem.encode(row.der).encode()
    rest = data.removeprefix(leaf)
    is_written = data == leaf or (len(rest) < len(data) and b"\r" not in rest)
    return row if is_written and (not rest or chain.is_ours(rest)) else None


def _content(path: Path) -> str:
    """What a file in the way holds, in words: which certificate, of which key."""
    from ca.encoding.bundles import first_certificate  # only if a file is in the way

    data = attempt(read_bounded, path)
    if isinstance(data, CAError):
        return "cannot be read"
    der = attempt(first_certificate, data, what=str(path))
    facts = der if isinstance(der, CAError) else attempt(read_certificate, der)
    if isinstance(facts, CAError):
        return "holds something that is not a certificate"
    key = attempt(read_public_key, facts.spki)
    of_key = "" if isinstance(key, CAError) else f" of key {key.identity.hex()[:8]}"
    name = printable(facts.cn or "") or "no name"
    return f"holds certificate {facts.serial[:12]} ({name}){of_key}"


def _succeeds(candidate: Candidate, old: CertificateRow) -> bool:
    """Whether the candidate's certificate replaces an older one."""
    good, wishes, prepared = candidate.good, candidate.source.wishes, candidate.prepared
    if good is not None:
        return good.plan_id > old.plan_id and use_of(good).succeeds(use_of(old))
    if candidate.supersedes == old.plan_id:
        return True
    use = Use(
        wishes.device,
        wishes.context,
        candidate.profile.name,
        candidate.profile.text_hash,
        prepared.key_identity,
        prepared.subject,
        prepared.san,
    )
    return not wishes.beside and use.succeeds(use_of(old))
