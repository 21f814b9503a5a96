"""Browser sessions: a token shown once becomes a cookie. Sans-IO; time and chance are arguments.

The page must not keep the token where a script could read it, nor write it into a URL; the cookie
is `HttpOnly` and `SameSite=Strict`. A session ends when it was idle for `idle` seconds, `LONGEST_SESSION`
seconds after it began, at log-out, and with the process: sessions are in memory only. Of an id only
its digest is kept, so that a dump of the memory opens no session.

Bounds: `MOST_SESSIONS` sessions; one more ends the one that was used least recently.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from translink.admin.http.route import Role

MOST_SESSIONS = 256
LONGEST_SESSION = 7 * 86_400.0
SHORTEST_ID = 32
"""Characters; an id is made of at least 128 random bits."""


@dataclass(slots=True)
class _Session:
    role: Role
    began: float
    used: float


class Sessions:
    """All that are open."""

    def __init__(self, idle: float) -> None:
        """`idle`: seconds without a request that end a session."""
        self.idle = idle
        self._open: OrderedDict[bytes, _Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, id_: str, role: Role, now: float) -> None:
        """Open one under a fresh, random id.

        Raises:
            ValueError: the id is too short to be random, or not fresh.
        """
        key = _key(id_)
        if len(id_) < SHORTEST_ID or key in self._open:
            raise ValueError("a session's id should be long, random and new")
        self._open[key] = _Session(role, now, now)
        while len(self._open) > MOST_SESSIONS:
            self._open.popitem(last=False)

    def role(self, id_: str, now: float) -> Role | None:
        """Whose it is; None when there is no such session (any more). Counts as use."""
        key = _key(id_)
        session = self._open.get(key)
        if session is None:
            return None
        if self._is_over(session, now):
            del self._open[key]
            return None
        session.used = now
        self._open.move_to_end(key)
        return session.role

    def is_open(self, id_: str, now: float) -> bool:
        """Whether it is still one. Does not count as use."""
        session = self._open.get(_key(id_))
        return session is not None and not self._is_over(session, now)

    def _is_over(self, session: _Session, now: float) -> bool:
        return now - session.used > self.idle or now - session.began > LONGEST_SESSION

    def end(self, id_: str) -> None:
        """Forget a session: its cookie counts no more. Idempotent."""
        self._open.pop(_key(id_), None)


def _key(id_: str) -> bytes:
    return hashlib.sha256(id_.encode(errors="surrogateescape")).digest()
