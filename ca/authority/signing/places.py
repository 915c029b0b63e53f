"""Where files go: what is in the way of a certificate's, and what gives way to them.

Content tells: a file gives way to a certificate only if it is, octet for octet, what this home
wrote there for a predecessor. No link is followed for that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ca.authority import upload_files
from ca.authority.home import Home
from ca.authority.signing.judge import Candidate, Source
from ca.authority.upload_files import Chain, Delivery
from ca.encoding import pem
from ca.encoding.certificates import read_certificate
from ca.errors import CAError, ConflictError, attempt
from ca.files import conflicts, read_bounded
from ca.keys.public import read_public_key
from ca.store import certificates
from ca.store.certificates import CertificateRow


def check_places(delivery: Delivery, chain: Chain, sources: Iterable[Source]) -> None:
    """Before anything is signed, what concerns the whole call: no two sources write one file.

    Raises:
        ConflictError: two do, or a trust file of another CA is in the folder.
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
            del seen[name]  # a key or a note of the same name: it is ignored later
        if name in seen and source.holds_request():
            raise ConflictError(
                f"'{seen[name].label}' and '{source.label}' would both be written to '{name}'",
                hint="rename one, or sign them into different folders",
            )
        seen.setdefault(name, source)


def replaces(home: Home, delivery: Delivery, chain: Chain, candidate: Candidate) -> bool:
    """Whether files in the way of a certificate give way to it.

    Raises:
        ConflictError: one is in the way and does not.
    """
    replaced = False
    paths = upload_files.taken_paths(delivery, candidate.stem, candidate.source.wishes.context)
    for number, path in enumerate(paths):
        if not os.path.lexists(path):
            continue
        if path.is_dir():
            raise ConflictError(f"'{path}' is a folder", hint="remove it, or choose another place")
        if delivery.overwrite:
            continue
        if candidate.good is not None:
            leaf = pem.encode(candidate.good.der)
            text = upload_files.contents(delivery, leaf, chain)[number]
            if not conflicts(path, text.encode()):
                continue
        row = written_here(home, path)
        if row is None or not (_succeeds(candidate, row) or delivery.yields(row)):
            raise ConflictError(
                f"'{path}' would be replaced by another certificate",
                hint="--overwrite replaces files, or choose another place",
            )
        replaced = True
    return replaced


def written_here(home: Home, path: Path) -> CertificateRow | None:
    """The certificate of this register that a file holds, just as ``sign`` writes it, if it does.

    That is the leaf alone, or with the issuing CA's certificate below it.
    """
    if path.is_symlink() or not path.is_file():
        return None
    data = attempt(read_bounded, path)
    if isinstance(data, CAError):
        return None
    from ca.encoding.bundles import read_bundle  # only where a file is in the way

    bundle = attempt(read_bundle, data, what=str(path))
    if isinstance(bundle, CAError) or not bundle.members:
        return None
    row = certificates.recorded(home.store, bundle.members[0].der)
    if row is None or row.for_issuer_id is not None:
        return None
    leaf = pem.encode(row.der)
    cas = (each.issuer.facts.der for each in home.cas() if each.issuer.facts)
    wholes = {leaf, *(leaf + pem.encode(der) for der in cas)}
    return row if data in {text.encode() for text in wholes} else None


def _succeeds(candidate: Candidate, old: CertificateRow) -> bool:
    """Whether the candidate is the later one of the same device and context, or key and names."""
    good, wishes, prepared = candidate.good, candidate.source.wishes, candidate.prepared
    if good is not None and good.plan_id <= old.plan_id:
        return False
    if candidate.supersedes == old.plan_id:
        return True
    device = wishes.device or (good.device if good else None)
    context = wishes.context if good is None else good.context
    if device is not None and old.device is not None:
        same_place = device.casefold() == old.device.casefold() and context == old.context
        return same_place and (context is not None or candidate.profile.name == old.profile)
    facts = read_certificate(old.der)
    same_key = read_public_key(facts.spki).identity == prepared.key_identity
    return same_key and facts.subject == prepared.subject and facts.san == prepared.san
