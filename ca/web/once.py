"""Secrets of one run: the one-time token, the cookie, forms' nonces; and what was done by each."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable

TOKEN_LIFE = 300.0
"""Seconds in which the printed URL opens the page."""
SESSION_LIFE = 12 * 3600.0
"""Seconds without a request after which the page has to be opened anew."""
MOST_REMEMBERED = 10_000


class Secrets:
    """What proves that a request comes from the page that the operator opened."""

    def __init__(
        self,
        random_bits: Callable[[int], int],
        clock: Callable[[], float],
    ) -> None:
        self._random_bits = random_bits
        self._clock = clock
        self._until = clock() + TOKEN_LIFE
        self._last_seen = clock()
        self._lock = threading.Lock()
        self.token: str | None = self.fresh()
        self.cookie = self.fresh()
        self._key = self.fresh().encode()

    def fresh(self) -> str:
        """256 random bits in hex."""
        return f"{self._random_bits(256):064x}"

    def take(self, token: str) -> bool:
        """Use up the token; true for the first right one within its life."""
        with self._lock:
            if self.token is None or self._clock() > self._until:
                self.token = None
                return False
            right = hmac.compare_digest(self.token.encode(), token.encode("utf-8", "replace"))
            if right:
                self.token = None
                self._last_seen = self._clock()
            return right

    def is_session(self, cookie: str) -> bool:
        """Whether a cookie is that of this run's page, which was used within the last hours."""
        now = self._clock()
        right = hmac.compare_digest(self.cookie.encode(), cookie.encode("utf-8", "replace"))
        if not right or now - self._last_seen > SESSION_LIFE:
            return False
        self._last_seen = now
        return True

    def form_token(self, action: str, nonce: str) -> str:
        """What a form of one action carries beside its nonce."""
        return hmac.digest(self._key, f"{action} {nonce}".encode(), "sha256").hex()

    def is_form(self, action: str, nonce: str, token: str) -> bool:
        """Whether this run made a form with this nonce for this action."""
        right = self.form_token(action, nonce)
        return hmac.compare_digest(right.encode(), token.encode("utf-8", "replace"))


class Once:
    """Does what a form asks for once, however often it is sent, and says where that led."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[str, str] = {}

    def do(self, nonce: str, work: Callable[[], str]) -> str:
        """Where the form led, now or when it was first sent; an error leaves it to be sent again.

        One form works at a time: a second press waits for the first.
        """
        with self._lock:
            if nonce not in self._done:
                self._done[nonce] = work()
                if len(self._done) > MOST_REMEMBERED:
                    self._done.pop(next(iter(self._done)))
            return self._done[nonce]


class Unlock:
    """The passphrase, held in memory for a while if the operator says so; never written."""

    LIFE = 600.0

    def __init__(self, given: bytes | None, clock: Callable[[], float]) -> None:
        self._given = given
        self._clock = clock
        self._held: bytes | None = None
        self._until = 0.0

    def hold(self, passphrase: bytes) -> None:
        """Keep a passphrase that opened a key for ten minutes."""
        self._held, self._until = passphrase, self._clock() + self.LIFE

    def forget(self) -> None:
        """Lock again, also what was given at the start."""
        self._held = self._given = None

    @property
    def passphrase(self) -> bytes | None:
        """The passphrase while it is held."""
        if self._held is not None and self._clock() > self._until:
            self._held = None
        return self._held or self._given
