"""The page for people at ``/``: the CA's certificates, fingerprints, CRLs, and how to trust them.

One static HTML text without scripts, forms or anything from elsewhere; links are relative, so that
it works below any path of a proxy. All text of the register is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from pathlib import Path

from ca.authority.home import CA, Home
from ca.authority.lineage import trusted
from ca.authority.reports.trust_export import TrustFile, commands, root_record, steps, trust_files
from ca.authority.status.crl import all_needed, crl_record
from ca.documents.trust import TrustCommand
from ca.encoding.fingerprints import in_pairs
from ca.model.certificates import subject_text
from ca.model.escaping import escape_hidden
from ca.profiles.anchor import Anchor

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;color:#1b1b1b;
background:#fff}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}h3{font-size:1rem;margin:1rem 0 .2rem}
code,pre{font:13px/1.5 ui-monospace,monospace}
pre{background:#f2f2f2;padding:.6rem;white-space:pre-wrap;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.2rem 0}
dd{margin:0;overflow-wrap:anywhere}dt{color:#555}
summary{cursor:pointer;padding:.3rem 0}details{border-top:1px solid #ddd}
.note{background:#fff6d6;border-left:4px solid #b58900;padding:.5rem .8rem}
a{color:#0645ad}
@media(prefers-color-scheme:dark){body{background:#161616;color:#e6e6e6}pre{background:#262626}
a{color:#8ab4f8}dt{color:#aaa}details{border-color:#444}.note{background:#332b00}}
"""
POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy: nothing but this style."""
SOMEWHERE = Path("/path/to")
"""Where the reader may have put a file; nothing of this machine's folders is told."""


def page_of(home: Home) -> str:
    """The page as HTML."""
    name = _text(home.name)
    cas = trusted(home)
    roots = [ca for ca in cas if ca.role == "root"]
    others = [ca for ca in cas if ca.role != "root"]
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{name}</title><style>{STYLE}</style></head><body>",
        f"<h1>{name}</h1>",
        "<p>The certificates of a private CA. No key is here, and nothing can be changed.</p>",
        '<p class="note">This page comes unprotected, so anybody on the way may have altered it. '
        "Before you trust a root, compare its fingerprint with the one that the operator of the "
        "CA reads to you (<code>sipca trust export</code> shows it).</p>",
        f"<h2>{'Root' if len(roots) == 1 else 'Roots'}: what people and machines trust</h2>",
        *(_certificate(ca) for ca in roots),
        "<h2>Issuing CA: between the root and the devices</h2>",
        "<p>Devices have it beside the root; never trust it as a root.</p>",
        *(_certificate(ca) for ca in others),
        "<h2>All CA certificates in one file</h2><p>",
        f"{_link('ca/chain.pem', 'PEM')}, {_link('ca/chain.p7b', 'P7B')} (issuing first, root "
        "last)</p>",
        *_crls(home),
        "<h2>How to trust the root</h2>",
        *(_store(home, home.library.anchor(kind)) for kind in home.library.anchors.shipped()),
        "</body></html>\n",
    ]
    return "".join(parts)


def _certificate(ca: CA) -> str:
    record, facts = root_record(ca), ca.facts
    place = f"ca/{ca.issuer.ca_id}"
    rows = [
        ("Subject", _text(subject_text(facts.subject))),
        ("Valid", f"{facts.validity.not_before:%Y-%m-%d} to {facts.validity.not_after:%Y-%m-%d}"),
        ("Key", _text(ca.issuer.key.label)),
        ("SHA-256", f"<code>{in_pairs(record.sha256)}</code>"),
        ("SHA-1", f"<code>{in_pairs(record.sha1)}</code>"),
        ("Files", f"{_link(f'{place}.pem', 'PEM')}, {_link(f'{place}.cer', 'DER')}"),
    ]
    return f"<h3>{_text(ca.issuer.name)}</h3>{_rows(rows)}"


def _crls(home: Home) -> Iterable[str]:
    yield "<h2>Certificate revocation lists</h2>"
    whole = True
    rows = []
    for ca in all_needed(home):
        held = crl_record(home, ca)
        if held.number is None or held.this_update is None or held.next_update is None:
            whole = False
            rows.append((_text(ca.issuer.name), "none yet"))
            continue
        link = _link(f"crl/{ca.issuer.ca_id}.crl", "DER")
        rows.append(
            (
                _text(ca.issuer.name),
                f"{link}, number {held.number}, of {held.this_update:%Y-%m-%d}, next by "
                f"{held.next_update:%Y-%m-%d}, {held.entries} revoked",
            )
        )
    yield _rows(rows)
    if whole:
        all_of_them = _link("crl/all.pem", "All in one PEM")
        yield f"<p>{all_of_them}, for servers that check the whole chain.</p>"


def _store(home: Home, anchor: Anchor) -> str:
    files = trust_files(home, anchor)
    places = [(file, SOMEWHERE / file.name) for file in files]
    parts = [
        f"<details><summary>{_text(anchor.description)}</summary><p>File: ",
        ", ".join(_link(_place_of(anchor, file), file.name) for file in files),
        "</p>",
        _commands("Run", commands(anchor, anchor.run, places)),
    ]
    if anchor.steps:
        said = "".join(f"<li>{_text(each)}</li>" for each in steps(anchor, files))
        parts.append(f"<p>By hand:</p><ol>{said}</ol>")
    parts.append(_commands("Undo", commands(anchor, anchor.undo, places)))
    parts += [f"<p>Note: {_text(each)}</p>" for each in anchor.notes]
    parts.append(f"<p>Source: {_text(anchor.source)}</p></details>")
    return "".join(parts)


def _place_of(anchor: Anchor, file: TrustFile) -> str:
    return f"trust/{anchor.name}/{file.name}"


def _commands(heading: str, said: list[TrustCommand]) -> str:
    if not said:
        return ""
    lines = [
        ("sudo " if each.as_root and each.shell == "sh" else "") + _text(each.text) for each in said
    ]
    return f"<p>{heading}:</p><pre>{chr(10).join(lines)}</pre>"


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{key}</dt><dd>{value}</dd>" for key, value in rows) + "</dl>"


def _link(place: str, text: str) -> str:
    return f'<a href="{escape(place)}">{_text(text)}</a>'


def _text(text: str) -> str:
    return escape(escape_hidden(text))
