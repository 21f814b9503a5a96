"""The programs under a simulation."""

from __future__ import annotations

import os
from pathlib import Path

from translink.callers.server_process import LegPlan, resources_of, settings_file
from translink.settings.model import Settings
from translink.sim.programs import beacon_settings


def test_the_settings_file_is_what_translink_reads(tmp_path: Path) -> None:
    at = [("127.0.0.1", port) for port in range(40_000, 40_004)]
    legs = [LegPlan("1000", "en", at[0], at[1], 30.0), LegPlan("1001", "fr", at[2], at[3])]
    path = tmp_path / "translink.toml"
    extra = beacon_settings("http://127.0.0.1:9", "prerecorded") + "[segment]\nmax_wait = 1.0\n"
    path.write_text(settings_file(legs, 3, extra))
    settings = Settings.load(config=path, environ={}, directory=tmp_path)
    assert settings.mode == "prerecorded"
    assert settings.pairs == (("1000", "1001"),)
    assert [settings.leg(leg.name).ledger_seconds for leg in legs] == [30.0, 60.0]
    assert str(settings.leg("1001").play_to) == "127.0.0.1:40003"
    assert settings.deepgram.base_url == "http://127.0.0.1:9"
    assert settings.fallback.deepl[0].server_url == "http://127.0.0.1:9"
    assert settings.segment.max_wait == 1.0


def test_a_second_vendor_is_the_same_beacons_by_another_protocol(tmp_path: Path) -> None:
    at = [("127.0.0.1", port) for port in range(40_000, 40_004)]
    legs = [LegPlan("1000", "en", at[0], at[1]), LegPlan("1001", "fr", at[2], at[3])]
    path = tmp_path / "translink.toml"
    path.write_text(
        settings_file(legs, 3, beacon_settings("http://h:9", "auto", second_vendor=True))
    )
    settings = Settings.load(config=path, environ={}, directory=tmp_path)
    assert settings.listen == settings.speak == ("deepgram", "openai")
    assert settings.translate == ("deepl", "openai")
    assert settings.openai.base_url == settings.deepgram.base_url


def test_what_a_process_used_is_read_from_proc() -> None:
    used = resources_of(os.getpid())
    assert used.cpu_seconds > 0
    assert used.rss_bytes >= used.rss_now_bytes > 10_000_000
    assert used.descriptors > 2
    assert used.threads >= 1
