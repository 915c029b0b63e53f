"""Screen four: phones that enrol by themselves, who waits, and what approving would issue."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ca.authority.enrolment.scep import approve, deny, list_requests, show_request
from ca.authority.enrolment.signing import Choices
from ca.documents.scep import EnrolmentDecisionDocument
from ca.errors import ConflictError
from ca.web.answers import keep_if_opened, once, typed_passphrase
from ca.web.desk import Desk
from ca.web.forms import Fields

LONGEST_REASON = 200


def phones(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """Screen four: the queue."""
    every = "all" in request.query_params
    with desk.home() as home:
        queue = list_requests(home, everything=every)
        return desk.page("phones.html", home, queue=queue, every=every)


def phone(desk: Desk, request: Request, fields: Fields) -> Response:  # noqa: ARG001
    """One request, with the account of what would be or was issued."""
    with desk.home() as home:
        seen = show_request(home, request.path_params["number"])
        return desk.page("phone.html", home, seen=seen, asked=seen.request)


def do_approve(desk: Desk, request: Request, fields: Fields) -> Response:
    """Sign one request, as the account on its page says."""
    number, typed = request.path_params["number"], typed_passphrase(fields)

    def work() -> str:
        with desk.home(typed) as home:
            done = approve(home, [number], Choices())
            keep_if_opened(desk, home, fields, typed)
        return _decided(done)

    return once(desk, fields, work)


def do_deny(desk: Desk, request: Request, fields: Fields) -> Response:
    """Deny one request."""
    number = request.path_params["number"]
    reason = fields.get("reason", [""])[0].strip()[:LONGEST_REASON]
    if "sure" not in fields:
        raise ConflictError(
            "the box beside the button was not ticked", hint="go back, and tick it to deny"
        )

    def work() -> str:
        with desk.home() as home:
            return _decided(deny(home, [number], reason or "the operator denied it"))

    return once(desk, fields, work)


def _decided(done: EnrolmentDecisionDocument) -> str:
    """Where the decision is shown.

    Raises:
        CAError: there was none.
    """
    for refused in done.refused:
        raise refused.error()
    (record,) = done.decided
    return f"/phone/{record.id}"
