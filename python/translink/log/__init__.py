"""Logging: structlog over the standard library, one handler, no secret in any line.

The message comes first and stays as it was given, so that operators can grep for the lines they
know; everything else stands behind it as fields. `call` and `leg` come from the context:

    log = structlog.get_logger(__name__)
    with log_context(call="3333-1", leg="3333"):
        log.info('[WEBSOCKET] FINAL transcript (3333): "hello world"', ms=212)

What comes from a peer (a transcript, a provider's reason, a name) can neither forge a line nor drive a
terminal (`rendering`), nor flood the log (`flood`); no secret gets through (`redaction`); a reader
that stopped does not stop the calls (`stream`). May import nothing of translink. Start reading at
`setup`.
"""

from translink.log.flood import SAME_A_MINUTE, RateLimit
from translink.log.redaction import MASK, Redaction
from translink.log.setup import configure, log_context
from translink.log.stream import BACKLOG, FLUSH_TIME, QueuedStream, close

__all__ = [
    "BACKLOG",
    "FLUSH_TIME",
    "MASK",
    "SAME_A_MINUTE",
    "QueuedStream",
    "RateLimit",
    "Redaction",
    "close",
    "configure",
    "log_context",
]
