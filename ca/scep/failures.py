"""Why a message is answered with FAILURE: one of the five words of RFC 8894, 3.2.1.4."""

from __future__ import annotations

from typing import Literal

from ca.errors import VerificationError

FailInfo = Literal["badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"]
FAIL_INFO: dict[FailInfo, str] = {
    "badAlg": "0",
    "badMessageCheck": "1",
    "badRequest": "2",
    "badTime": "3",
    "badCertId": "4",
}


class FailedCheckError(VerificationError):
    """A message that can be read does not hold; the device is told ``fail_info``."""

    def __init__(self, fail_info: FailInfo, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.fail_info = fail_info
