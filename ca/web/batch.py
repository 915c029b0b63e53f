"""Several CSRs signed together, in a thread of their own, so that a reload shows how far it is."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Sequence

from ca.authority.home import Home
from ca.authority.signing.batch import Watch
from ca.authority.signing.candidates import Source
from ca.authority.signing.sign import sign
from ca.authority.upload_files import Delivery, chain_of, device_name, file_safe
from ca.documents.sign import Signed, SigningDocument
from ca.errors import BugError, CAError
from ca.files import make_zip
from ca.web.desk import Desk


class Work:
    """One batch: how many sources are done, and in the end its document or its error."""

    def __init__(self, desk: Desk, sources: Sequence[Source], typed: bytes | None) -> None:
        self.total = len(sources)
        self.done = 0
        self.document: SigningDocument | None = None
        self.error: CAError | None = None
        self.zip = b""
        self._thread = threading.Thread(target=self._sign, args=(desk, sources, typed))
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether there is no answer yet."""
        return self.document is None and self.error is None

    def _advance(self, count: int) -> None:
        self.done += count

    def _sign(self, desk: Desk, sources: Sequence[Source], typed: bytes | None) -> None:
        try:
            with desk.home(typed) as home:
                document = sign(
                    home, sources, delivery=Delivery(), watch=Watch(progress=self._advance)
                )
                self.zip = _zip(home, [*document.signed, *document.skipped])
                self.document = document
        except CAError as error:
            self.error = error
        except Exception as error:  # the page must not wait for ever
            desk.environment.bug("".join(traceback.format_exception(error)))
            self.error = BugError(
                "the batch was ended by a bug of sipca", hint="sipca list --all shows the rest"
            )


def _zip(home: Home, entries: Sequence[Signed]) -> bytes:
    """One archive: each device's certificate, and the trust files that all share."""
    files = {name: text.encode() for name, text in chain_of(home).trust.items()}
    for entry in entries:
        stem = file_safe(entry.source.rpartition(".")[0] or entry.source)
        name = device_name(stem, entry.context)
        if name in files:
            name = device_name(f"{stem}-{entry.serial}", entry.context)
        files[name] = (entry.certificate_pem or "").encode()
    return make_zip(files)
