"""Of recordings: what of a call's sound is written to disk, where, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from translink.settings.part import Part
from translink.settings.types import Language, is_installed


class RecordingSettings(Part):
    """What was said and heard, written to disk. The law of most places wants the parties' consent."""

    on: bool = False
    """Record every call. `legs[].record` says otherwise for one leg, `record` in `POST /api/calls` for one call,
    and `PATCH /api/legs/{leg}` while a call runs."""
    folder: Path | None = None
    """Where recordings are written: a folder of translink's own, which only its user may read. None = nothing can be
    recorded."""
    notice: dict[Language, str] = Field(default_factory=dict)
    """By language: `en = "This call is recorded."`. Each party hears it when the recording begins; where
    their language is missing, the first one, translated. Empty = nothing is said."""
    tone: bool = False
    """Each party hears a tone when the recording begins, before the sentence, if there is one."""
    disk_limit: int = Field(10_000_000_000, ge=1_000_000)
    """Bytes that all recordings together may take; one hour of one leg takes 230 MB. Beyond it recordings end and
    none begins, until some are older than `record.retention`."""
    keep_free: int = Field(1_000_000_000, ge=0)
    """Bytes of that disk that stay free, likewise."""
    retention: float = Field(2_592_000.0, ge=60, le=315_360_000)
    """How long after its end a recording is deleted."""
    key_file: Path | None = None
    """A file with a key (`translink recording key FILE` makes one) that encrypts recordings; needs the extra
    `translink[record]`. None = they are not."""

    @model_validator(mode="after")
    def _can_encrypt(self) -> Self:
        if self.key_file is not None and not is_installed("cryptography"):
            raise ValueError("key_file: needs the extra: pip install 'translink[record]'")
        return self

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if self.on and self.folder is None:
            raise ValueError("folder: on = true needs it; say where recordings are written")
        return self
