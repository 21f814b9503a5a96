"""Settings that are read again: whatever comes of it is said, and what cannot be read changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog

from translink.commands import reloading
from translink.commands.reloading import read_again
from translink.errors import SettingsError
from translink.settings.model import Settings

NOW = Settings.load(environ={}, directory=Path("/nowhere"))


def reasons(lines: list[structlog.typing.EventDict]) -> list[tuple[str, str]]:
    return [(line["event"], line.get("reason", "")) for line in lines]


def failing(error: Exception) -> Callable[[], Settings]:
    def reread() -> Settings:
        raise error

    return reread


@pytest.mark.parametrize(
    ("error", "event", "reason"),
    [
        (SettingsError("mode: wrong"), "settings not reloaded", "mode: wrong"),
        (PermissionError("not ours"), "settings not reloaded", "not ours"),
        (KeyError("x"), "settings not reloaded: a bug in translink", ""),
    ],
)
async def test_what_cannot_be_read_is_said(error: Exception, event: str, reason: str) -> None:
    with structlog.testing.capture_logs() as lines:
        assert await read_again(failing(error), NOW) is None
    assert reasons(lines) == [(event, reason)]


async def test_a_file_that_hangs_is_waited_for_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reloading, "RELOAD", 0.05)
    hangs = threading.Event()
    with structlog.testing.capture_logs() as lines:
        assert await read_again(lambda: (hangs.wait() and NOW) or NOW, NOW) is None
    hangs.set()
    assert reasons(lines) == [("settings not reloaded", "reading them took more than 0.05 s")]


async def test_a_machine_without_memory_for_a_thread_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class NoMore(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr("translink.process.threads.threading", SimpleNamespace(Thread=NoMore))
    with structlog.testing.capture_logs() as lines:
        assert await read_again(lambda: NOW, NOW) is None
    assert reasons(lines) == [("settings not reloaded", "can't start new thread")]


async def test_files_in_which_nothing_was_edited_are_named(tmp_path: Path) -> None:
    """As where a service reads the copy of a file that was made when it started."""
    keys = tmp_path / ".env.externalmedia"
    keys.write_text("USE_DEEPGRAM_STREAMING=true\n")
    now = Settings.load(environ={}, directory=tmp_path)

    def reread() -> Settings:
        return Settings.load(environ={}, directory=tmp_path)

    with structlog.testing.capture_logs() as lines:
        assert await read_again(reread, now) is not None
        keys.write_text("USE_DEEPGRAM_STREAMING=false\n")
        edited = await read_again(reread, now)
    assert edited is not None
    assert edited.mode == "prerecorded"
    assert [(line["event"], line["files"]) for line in lines] == [
        ("settings read again: nothing in them was edited", [str(keys)])
    ]


async def test_what_beats_an_edited_file_is_said(tmp_path: Path) -> None:
    (tmp_path / ".env.externalmedia").write_text("USE_DEEPGRAM_STREAMING=false\n")

    def reread() -> Settings:
        return Settings.load(environ={"USE_DEEPGRAM_STREAMING": "true"}, directory=tmp_path)

    with structlog.testing.capture_logs() as lines:
        now = await read_again(reread, NOW)
    assert now is not None
    assert now.mode == "auto"
    (line,) = lines
    assert line["event"].startswith("USE_DEEPGRAM_STREAMING (environment) beats")
