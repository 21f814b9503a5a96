"""The log of a program that serves calls, as its settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translink import log

if TYPE_CHECKING:
    from translink.settings.model import Settings


def configure_log(settings: Settings, *, worker: str | None = None) -> None:
    """Set it up for this process. `worker`: its name, in every line; None = there is one process only."""
    log.configure(
        level=settings.log.level,
        format=settings.log.format,
        secrets=settings.secrets(),
        text=settings.log.text,
        digits=not settings.transcripts.redact_digits,
        worker=worker,
    )
