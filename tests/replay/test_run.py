"""A call is recorded under a key by a real server, and run again: the same words at the same seconds."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
import pytest_asyncio

from tests.fakes.providers import FakeProviders
from tests.support.serve import PATIENCE, Serve, call, pairs, serving, until
from translink.recording.cipher import SUFFIX, new_key, read_key
from translink.recording.reader import ReadRecording, read_recording
from translink.recording.transcript import RecordedLeg, RecordedSegment, RecordedTranscript
from translink.replay.run import _then

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.alone]


class RecordedOnce(NamedTuple):
    """One recording, its key, and the folder with the settings that made it."""

    place: Path
    key: Path
    home: Path
    again: tuple[int, str]
    """Exit code and output of its replay."""
    changed: tuple[int, str]
    """And of one whose transcript was changed."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recorded_once(
    fake: FakeProviders, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RecordedOnce]:
    home = tmp_path_factory.mktemp("replay")
    key = home / "key"
    key.write_text(new_key())
    record = f'[record]\non = true\nkeep_free = 0\nfolder = "{home}/all"\nkey_file = "{key}"\n'
    extra = f"idle_timeout = 0.8\n{record}"
    server: Serve
    async with serving(home, fake, pairs(("3333", "4444")), extra=extra) as server:
        async with call(server, "3333", "4444") as (one, two):
            await one.say(1, 2, 3)
            await two.hears(1, 2, 3)
            await two.say(60, 61)
            await one.hears(60, 61)
        await server.idle()
        await until(lambda: server.happened("recording", state="ended"))
    (place,) = (home / "all").iterdir()
    changed = _changed(place, home / "changed", read_key(key))
    # Both at once: they take as long as people talk.
    again = await asyncio.gather(_replay(home, place, "--json"), _replay(home, changed))
    yield RecordedOnce(place, key, home, *again)


def _changed(place: Path, to: Path, key: bytes) -> Path:
    """The same recording, with one word of its transcript changed."""
    to.mkdir()
    for file in place.glob(f"*.wav{SUFFIX}"):
        (to / file.name).write_bytes(file.read_bytes())
    text = orjson.dumps(read_recording(place, key).transcript).replace(b"b1 b2 b3", b"b1 b2 b4")
    (to / "transcript.json").write_bytes(text)
    return to


async def _replay(home: Path, place: Path, *more: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "translink", "replay", str(place), *more),
        cwd=home,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 2 * PATIENCE)
    assert process.returncode is not None
    return process.returncode, out.decode() + err.decode()


async def test_a_recorded_call_is_understood_alike(recorded_once: RecordedOnce) -> None:
    assert all(each.name.endswith(SUFFIX) for each in recorded_once.place.iterdir())
    code, said = recorded_once.again
    assert code == 0, said
    found: dict[str, Any] = orjson.loads(said)
    assert found["same"]
    assert found["incomplete"] == ""
    words = {leg["leg"]: leg["said"] for leg in found["legs"]}
    assert {leg: (each["then"], each["now"], each["same"]) for leg, each in words.items()} == {
        "3333": (3, 3, 3),
        "4444": (2, 2, 2),
    }
    # A machine that is busy sends late; the words of one utterance are 0.2 s apart.
    assert all(each["shift_max_s"] < 1.5 for each in words.values()), words


async def test_words_that_differ_are_shown_with_their_second(recorded_once: RecordedOnce) -> None:
    code, said = recorded_once.changed
    assert code == 1, said
    assert 's: then "b4", now "b3"' in said
    assert "leg 4444 said: 2 words then, 2 now, 2 the same" in said
    assert said.rstrip().endswith("Words differ.")


async def test_what_was_said_once_a_leg_was_switched_off_is_not_missed() -> None:
    lines = tuple(
        RecordedSegment("4444", number, start, start + 1.0, text, "fr", "hello", "en", "spoken")
        for number, start, text in ((1, 2.0, "bonjour"), (2, 7.0, ""))
    )
    legs = (RecordedLeg("3333", "en", "3333.wav", 9.0), RecordedLeg("4444", "fr", "4444.wav", 5.0))
    transcript = RecordedTranscript(1, "1", "3333-7", 0.0, 9.0, legs, (), lines, 0, "")
    recording = ReadRecording(transcript, {"3333": b"", "4444": b""}, {}, whole=True)
    assert [each.text for each in _then(recording, "4444")] == ["bonjour"]


async def test_what_is_no_recording_and_a_wrong_key_are_refused_at_once(
    recorded_once: RecordedOnce, tmp_path: Path
) -> None:
    code, said = await _replay(recorded_once.home, tmp_path)
    assert (code, "No such file" in said) == (2, True)
    (tmp_path / "key").write_text(new_key())
    wrong = ("--key-file", str(tmp_path / "key"))
    code, said = await _replay(recorded_once.home, recorded_once.place, *wrong)
    assert (code, "another key" in said) == (2, True)
