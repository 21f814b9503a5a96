"""Today's settings, for two telephones on loopback: what recognises, translates and speaks, and nothing that reports
to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translink.settings.admin import AdminSettings
from translink.settings.legs import LegSettings
from translink.settings.placement import PlacementSettings
from translink.settings.process import DrainSettings, OtelSettings
from translink.settings.prompts import DtmfSettings, MenuSettings, NoticeSettings
from translink.settings.recording import RecordingSettings
from translink.settings.shared_port import SharedPortSettings
from translink.settings.telephony import AriSettings, AudioSocketSettings
from translink.settings.types import Address
from translink.settings.webhook import WebhookSettings
from translink.settings.websocket import WebSocketSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from translink.recording.transcript import RecordedLeg
    from translink.settings.model import Settings

LOOPBACK = "127.0.0.1"


def settings_for(
    today: Settings, legs: Sequence[RecordedLeg], ears: Mapping[str, tuple[str, int]]
) -> Settings:
    """`ears` = where each leg's telephone listens. A leg of that name in today's settings gives voice, vendors,
    key terms, mode and the like; the language is the one that was spoken."""
    made = tuple(_leg(today, each, ears[each.leg]) for each in legs)
    return today.model_copy(
        update={
            "legs": made,
            "pairs": (tuple(leg.name for leg in made),),
            "placement": PlacementSettings(),  # a node would be given real calls
            "admin": AdminSettings(port=0),
            "ari": AriSettings(),
            "audiosocket": AudioSocketSettings(),
            "websocket": WebSocketSettings(),
            "notice": NoticeSettings(),
            "menu": MenuSettings(),
            "dtmf": DtmfSettings(),
            "record": RecordingSettings(),
            "shared_port": SharedPortSettings(),
            "webhook": WebhookSettings(),
            "otel": OtelSettings(),
            "drain": DrainSettings(),
            "transcripts": today.transcripts.model_copy(
                update={"keep_calls": 10, "lines_per_call": 100_000, "retention": 86_400.0}
            ),
        }
    )


def _leg(today: Settings, recorded: RecordedLeg, ear: tuple[str, int]) -> LegSettings:
    places = {
        "name": recorded.leg,
        "language": recorded.language,
        "listen": Address(LOOPBACK, 0),
        "play_to": Address(*ear),
    }
    try:
        known = today.leg(recorded.leg)
    except KeyError:
        return LegSettings.model_validate(places)
    kept = (
        *("keyterm", "voice_for", "orders", "mode", "original"),
        *("ledger_seconds", "prebuffer_ms", "tail_ms"),
    )
    chosen = {name: getattr(known, name) for name in kept}
    if known.language == recorded.language:
        chosen["voice"] = known.voice
    return LegSettings.model_validate({**places, **chosen})
