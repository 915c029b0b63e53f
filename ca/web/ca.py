"""Screen four: the chain, its health, what ends when, the audit trail; and locking again."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ca.authority.reports.chain import chain, chain_document
from ca.authority.reports.list import ends_by_month
from ca.authority.reports.log import recent_events
from ca.authority.status.check import check
from ca.authority.status.crl import crl_octets, crl_record
from ca.authority.upload_files import chain_of
from ca.errors import NotFoundError
from ca.web.answers import download
from ca.web.desk import Desk
from ca.web.forms import Fields

EVENTS_A_PAGE = 50


def ca(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Screen four."""
    asked = request.query_params.get("before", "")
    before = int(asked) if re.fullmatch(r"[0-9]{1,15}", asked, re.ASCII) else None
    with desk.home() as home:
        return desk.page(
            "ca.html",
            home,
            chain=chain_document(home),
            checked=check(home),
            crls=[crl_record(home, each) for each in home.cas()],
            events=recent_events(home, before=before, most=EVENTS_A_PAGE).events,
            earlier=before is not None,
            year=[(f"{month:%Y-%m}", count) for month, count in ends_by_month(home)],
        )


def ca_file(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """A file of the CA's: the chain as PEM or PKCS#7, a trust file, a CRL."""
    kinds = {"chain.pem": "pem", "chain.p7b": "p7b"}
    name = request.path_params["name"]
    with desk.home() as home:
        if name in kinds:
            data = chain(home, format=kinds[name])  # type: ignore[arg-type]
            return download(name, data, "application/octet-stream")
        for each in home.cas():
            if name == f"{each.issuer.ca_id}.crl":
                return download(name, b"".join(crl_octets(home, each)), "application/pkix-crl")
        texts = chain_of(home).trust
        if name not in texts:
            raise NotFoundError("there is no such file", hint="open the page of the CA")
        return download(name, texts[name].encode(), "application/x-pem-file")


def do_lock(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Forget the passphrase."""
    desk.unlock.forget()
    return RedirectResponse("/", 303)
