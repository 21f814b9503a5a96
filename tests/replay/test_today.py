"""Which of today's settings a recorded call is run again with."""

from __future__ import annotations

from translink.recording.transcript import RecordedLeg
from translink.replay.today import settings_for
from translink.settings.model import Settings
from translink.settings.placement import PlacementSettings

TODAY = Settings.model_validate(
    {
        "legs": [
            {"name": "anna", "language": "en", "listen": 7_000, "send_from_listen": True}
            | {"orders": {"translate": ["openai"]}, "keyterm": ["Kowalski"]},
            {"name": "bob", "language": "fr", "listen": 7_001, "send_from_listen": True},
        ],
        "openai": {"api_key": "o"},
        "placement": {"nats": "nats://10.0.0.5:4222", "node": "berlin-2"},
        "admin": {"token": "t" * 32},
    }
)
RECORDED = [RecordedLeg("anna", "en", "anna.wav"), RecordedLeg("bob", "fr", "bob.wav")]
EARS = {"anna": ("127.0.0.1", 6_120), "bob": ("127.0.0.1", 6_121)}


def test_it_joins_no_fleet_that_would_give_it_real_calls() -> None:
    assert settings_for(TODAY, RECORDED, EARS).placement == PlacementSettings()


def test_a_leg_that_is_known_today_asks_the_vendors_of_its_own() -> None:
    settings = settings_for(TODAY, RECORDED, EARS)
    assert settings.leg("anna").orders.translate == ("openai",)
    assert settings.leg("anna").keyterm == ("Kowalski",)
    assert settings.leg("bob").orders.translate == ()
