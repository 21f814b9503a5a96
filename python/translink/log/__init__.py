"""Logging: structlog over the standard library, one handler. The message comes first, then its fields.

What a peer sends cannot forge a line or drive a terminal (`rendering`), nor flood the log (`flood`); no
secret gets through (`redaction`); a reader that stopped does not stop the calls (`stream`). May import
`errors`. Start reading at `setup`.
"""

from translink.log.flood import SAME_A_MINUTE, RateLimit
from translink.log.redaction import MASK, Redaction
from translink.log.setup import configure, log_context
from translink.log.stream import FLUSH_TIME, LOG_BACKLOG, QueuedStream, close

__all__ = [
    "FLUSH_TIME",
    "LOG_BACKLOG",
    "MASK",
    "SAME_A_MINUTE",
    "QueuedStream",
    "RateLimit",
    "Redaction",
    "close",
    "configure",
    "log_context",
]
