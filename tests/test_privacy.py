"""What people say stays in memory, for as long as the settings say, without what they leave out.

A real server process; the fake recogniser hears the beacons as `b17`, so that words are digits.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.fakes.providers import fake_providers
from tests.support.serve import Serve, call, pairs, serving

SAID = re.compile(r"\b[bt](\d+)\b")
"""A word as the fake recogniser or translator writes it."""


async def test_text_is_left_out_where_the_settings_say_so_and_forgotten_in_time(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "runs-here"
    folder.mkdir()
    extra = "idle_timeout = 0.6\ndrain_timeout = 2.0\n[transcripts]\nredact_digits = true\n"
    extra += "retention = 3.0\n[log]\ntext = false\nlevel = 'debug'\n"
    async with (
        fake_providers() as fake,
        serving(folder, fake, pairs(("3333", "4444")), extra=extra) as server,
    ):
        before = _files(folder)
        async with call(server, "3333", "4444") as (one, two):
            await one.say(17, 18, 19)
            await two.hears(17, 18, 19)  # what is spoken is whole
            name = (await server.get("/api/calls"))["calls"][0]["call"]
            written = _open_for_writing(server)
        await server.idle()
        path = f"/api/calls/{name}/transcript"
        transcripts = [await server.ask(f"{path}?format={kind}") for kind in _FORMATS]
        transcripts.append(await server.ask(f"/api/calls/{name}"))
        for status, text in transcripts:
            assert status == 200
            assert "##" in text
            assert not SAID.search(text)
        events = str(server.journal)
        assert "b##" in events
        assert not SAID.search(events)
        log = "\n".join(server.log())
        assert "FINAL transcript (3333): " in log
        assert "b##" not in log
        assert not SAID.search(log)
        # On the disk there is the log, and it was there before.
        assert _files(folder) == before
        assert written <= {str(folder / "log")}
        assert await _once_gone(server, path) == 404


async def test_the_log_has_the_text_unless_set_otherwise(tmp_path: Path) -> None:
    async with (
        fake_providers() as fake,
        serving(tmp_path, fake, pairs(("3333", "4444"))) as server,
    ):
        async with call(server, "3333", "4444") as (one, two):
            await one.say(17)
            await two.hears(17)
        await server.says('FINAL transcript (3333): "b17"')
        (line,) = server.lines(" translated ")
        assert all(part in line for part in ("by=deepl", "leg=3333", "text=t17", "to=fr")), line


_FORMATS = ("json", "srt", "vtt", "txt")


async def _once_gone(server: Serve, path: str) -> int:
    for _ in range(100):
        status, _ = await server.ask(path)
        if status != 200:
            return status
        await asyncio.sleep(0.1)
    return 200


def _files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def _open_for_writing(server: Serve) -> set[str]:
    """Regular files that the process could write to."""
    found = set()
    for fd in Path(f"/proc/{server.pid}/fd").iterdir():
        try:
            path = fd.resolve()
            flags = int(Path(f"/proc/{server.pid}/fdinfo/{fd.name}").read_text().split()[3], 8)
        except OSError:
            continue
        if path.is_file() and flags & 0b11:
            found.add(str(path))
    return found
