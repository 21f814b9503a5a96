"""Makes the recorder, where the settings say where recordings are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translink.calls.notice import Notices
from translink.calls.recorded import recording_notice
from translink.settings.prompts import NoticeSettings

if TYPE_CHECKING:
    from translink.observe.journal import Journal
    from translink.observe.transcripts import Transcripts
    from translink.providers.services import Services
    from translink.recording.recorder import Recorder
    from translink.settings.model import Settings


def open_recorder(
    settings: Settings, journal: Journal, transcripts: Transcripts, services: Services
) -> Recorder | None:
    """None: nothing can be recorded. Raises `SettingsError`."""
    if settings.record.folder is None:
        return None
    from translink.recording.recorder import Recorder

    sentence = Notices(NoticeSettings(text=settings.record.notice), services)
    notice = recording_notice(sentence, with_tone=settings.record.tone)
    return Recorder(settings.record, journal, transcripts.__getitem__, notice)
