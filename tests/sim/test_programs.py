"""The programs under a simulation."""

from __future__ import annotations

import os
from pathlib import Path

from translink.callers.server_process import usage_of
from translink.settings.model import Settings
from translink.sim.programs import LegPorts, settings_file


def test_the_settings_file_is_what_translink_reads(tmp_path: Path) -> None:
    legs = [LegPorts("1000", "en", 40_000, 40_001), LegPorts("1001", "fr", 40_002, 40_003)]
    path = tmp_path / "translink.toml"
    text = settings_file(legs, url="http://127.0.0.1:9", port=3, mode="prerecorded")
    path.write_text(text + "[segment]\nmax_wait = 1.0\n")
    settings = Settings.load(config=path, environ={}, directory=tmp_path)
    assert settings.mode == "prerecorded"
    assert settings.pairs == (("1000", "1001"),)
    assert str(settings.leg("1001").play_to) == "127.0.0.1:40003"
    assert settings.deepgram.base_url == "http://127.0.0.1:9"
    assert settings.fallback.deepl[0].server_url == "http://127.0.0.1:9"
    assert settings.segment.max_wait == 1.0


def test_usage_is_read_from_the_process() -> None:
    usage = usage_of(os.getpid())
    assert usage.cpu_seconds > 0
    assert usage.rss_bytes >= usage.rss_now_bytes > 10_000_000
    assert usage.descriptors > 2
    assert usage.threads >= 1
