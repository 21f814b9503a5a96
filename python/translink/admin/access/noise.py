"""aiohttp's messages about malformed requests: counted, and logged once a minute.

Its messages come with a traceback and with the bytes that were sent. Anybody who reaches the port
could fill the disk with them, or write into the log, without a token. Bugs of ours are not among
them: the guard logs those itself.
"""

from __future__ import annotations

import logging
import time

from translink.log import RateLimit


class Noise(logging.Filter):
    """Filter of one server's logger."""

    def __init__(self) -> None:
        super().__init__()
        self.bad_requests = 0
        """Broken requests, and such as broke off, since the start."""
        self._limit = RateLimit()
        self.logger = logging.Logger("translink.admin.http", logging.DEBUG)
        self.logger.parent = logging.getLogger()
        self.logger.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let one of them through now and then, and nothing of what was sent."""
        error = record.exc_info[1] if record.exc_info else None
        record.exc_info = record.exc_text = None
        self.bad_requests += 1
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        unlogged = self._limit.due("request", time.monotonic())
        record.msg = "a request that is none: %s (unlogged: %d)"
        record.args = (type(error).__name__ if error else "noise", unlogged or 0)
        return unlogged is not None
