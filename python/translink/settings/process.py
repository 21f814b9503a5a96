"""Of the process: its load, its log, its traces, what it keeps."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from translink.settings.part import Part
from translink.settings.types import BaseUrl, is_installed


class PressureSettings(Part):
    """When the machine has too little time: what is given up, and from when on. Busy = running or
    waiting for a processor."""

    max_calls: int = Field(0, ge=0, le=100_000)
    """Calls at once; more are refused, whatever the load. 0 = no such limit."""
    shed: float = Field(0.7, gt=0, le=2)
    """Share of its time that the loop is busy, from which on captions of unfinished speech are left
    out and the dashboard is updated less often; above 1 = never."""
    coalesce: float = Field(0.8, gt=0, le=2)
    """Likewise: audio goes to the recogniser in messages of 40 to 100 ms instead of 20."""
    refuse: float = Field(0.9, gt=0, le=2)
    """Likewise: no new calls; those that run go on."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.shed <= self.coalesce <= self.refuse:
            raise ValueError("shed: should be at most coalesce, and coalesce at most refuse")
        return self


class DrainSettings(Part):
    """When the process is to end without cutting a call: `translink drain`, SIGUSR1."""

    limit: float = Field(3_600.0, ge=0, le=604_800)
    """Seconds that running calls may go on. Then they are ended as on a shutdown: at a pause, and what was said
    is still spoken (`drain_timeout`)."""


class TranscriptSettings(Part):
    """What is kept of what was said: in memory; on disk only beside a recording (`record`)."""

    keep_calls: int = Field(200, ge=0, le=10_000)
    """Ended calls whose transcript can still be read."""
    lines_per_call: int = Field(2_000, ge=10, le=100_000)
    """Segments kept of one call; a longer one forgets its beginning, and says so."""
    retention: float = Field(86_400.0, ge=0, le=31_536_000)
    """How long after a call's end its transcript is forgotten."""
    redact_digits: bool = False
    """Show every digit as `#`: in transcripts, exports, events and the log (what is spoken has
    them)."""


class LogSettings(Part):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    format: Literal["auto", "console", "json"] = "auto"
    """`auto` = console; colours on a terminal only."""
    text: bool = True
    """Write what people say into the log, as the Node.js server did; false leaves it out."""


class OtelSettings(Part):
    """Traces of utterances, with the extra `translink[otel]`."""

    endpoint: BaseUrl | None = None
    """OTLP over HTTP, as in http://127.0.0.1:4318; `/v1/traces` is added. None = no traces."""
    service: str = "translink"
    """`service.name` in the traces."""

    @model_validator(mode="after")
    def _can_export(self) -> Self:
        if self.endpoint is not None and not is_installed("opentelemetry.exporter"):
            raise ValueError("endpoint: needs the extra: pip install 'translink[otel]'")
        return self
