"""A real server records calls: every word on its side of the file, at its time, and nobody else's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
import pytest_asyncio
from pydantic import TypeAdapter
from structlog.testing import capture_logs

from tests.fakes.providers import FakeProviders
from tests.support.board import Board
from tests.support.serve import PATIENCE, Phone, Serve, call, pairs, serving, until
from translink._core import BeaconDecoder
from translink.admin.panel.event_types import RecordingEvent
from translink.calls.notice import Notices
from translink.calls.recorded import recording_notice
from translink.commands.control import Target
from translink.commands.rca import run_rca
from translink.observe.transcript_lines import TranscriptLines
from translink.observe.transcripts import CallTranscript, Transcripts
from translink.observe.views import NoticeLine
from translink.process.threads import in_thread
from translink.recording.file import SoundFile
from translink.recording.reader import read_recording
from translink.recording.recorder import Recorder
from translink.recording.recording import Recording
from translink.recording.stereo import unwoven
from translink.recording.transcript import RecordedLeg, recorded_transcript
from translink.settings.prompts import NoticeSettings
from translink.settings.recording import RecordingSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = """
idle_timeout = 0.8
[record]
folder = "{folder}"
notice = {{ en = "b901", fr = "b902" }}
keep_free = 0
"""


class Recorded(NamedTuple):
    """A server, where it writes, and the call that it recorded first."""

    server: Serve
    folder: Path
    began: float
    """When that call began, seconds since 1970."""
    events: list[dict[str, Any]]
    """What was said of its recording."""
    figures: dict[str, Any]
    """Of all recordings, after that one."""
    metrics: str

    def names(self) -> list[str]:
        return sorted(each.name for each in self.folder.iterdir())

    async def ended(self, many: int) -> list[dict[str, Any]]:
        """The newest recordings that have ended, once there are so many."""
        await until(lambda: len(self.server.happened("recording", state="ended")) >= many)
        return self.server.happened("recording", state="ended")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recorded(
    fake: FakeProviders, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Recorded]:
    folder = tmp_path_factory.mktemp("recorded")
    place = folder / "recordings"
    legs = pairs(("3333", "4444"))
    extra = SETTINGS.format(folder=place)
    env = ("TRANSLINK_LEGS__3333__RECORD=true", "TRANSLINK_LEGS__4444__RECORD=true")
    async with serving(folder, fake, legs, extra=extra, env=env) as server:
        began = await first_call(server)
        await until(lambda: server.happened("recording", state="ended"))
        figures = (await server.get("/api/stats"))["recording"]
        _, metrics = await server.ask("/metrics")
        yield Recorded(server, place, began, server.happened("recording"), figures, metrics)


async def first_call(server: Serve) -> float:
    """When it began."""
    async with call(server, "3333", "4444") as (one, two):
        before = time.time()
        await two.say(50)
        await one.hears(901, 50)
        await one.say(1, 2, 3)
        await two.hears(902, 1, 2, 3)
        leg = await server.get("/api/legs/3333")
        assert leg["recorded"]
        assert [row["recorded"] for row in (await server.get("/api/calls"))["calls"]] == [True]
    await server.idle()
    return before


def words(pcm: bytes) -> list[tuple[int, float]]:
    """Beacons and the second at which each begins."""
    return [(number, start / 16_000) for number, start, _ in BeaconDecoder().push(pcm)]


async def test_a_call_is_on_disk_with_all_that_was_said_and_heard(recorded: Recorded) -> None:
    ended = recorded.events[-1]
    found = read_recording(recorded.folder / ended["name"])
    assert [(each.leg, each.file) for each in found.transcript.legs] == [
        ("3333", "3333.wav"),
        ("4444", "4444.wav"),
    ]
    said, heard = (
        {leg: words(pcm) for leg, pcm in lane.items()} for lane in (found.said, found.heard)
    )
    assert [number for number, _ in said["3333"]] == [1, 2, 3]
    assert [number for number, _ in said["4444"]] == [50]
    assert [number for number, _ in heard["3333"]] == [901, 50]
    assert [number for number, _ in heard["4444"]] == [902, 1, 2, 3]
    # On one clock: what is heard lies as long behind what was said as the events say. That is within 0.12 s where
    # nothing else runs; 0.13 s were seen with both cores busy.
    for line in found.transcript.lines:
        other = "4444" if line.leg == "3333" else "3333"
        first = int(line.text.split()[0][1:])
        said_at = next(at for number, at in said[line.leg] if number == first)
        heard_at = next(at for number, at in heard[other] if number == first)
        assert line.start_s == pytest.approx(said_at, abs=0.5)
        assert line.spoken_s is not None
        assert line.spoken_s == pytest.approx(heard_at, abs=0.5)
    assert found.transcript.began == pytest.approx(recorded.began, abs=2.0)
    assert (found.transcript.problem, ended["lost_ms"]) == ("", 0)
    assert {note.text for note in found.transcript.notices} == {"b901", "b902"}


async def test_its_events_are_as_documented(recorded: Recorded) -> None:
    assert [event["state"] for event in recorded.events] == ["started", "ended"]
    for event in recorded.events:
        TypeAdapter(RecordingEvent).validate_json(orjson.dumps(event))
    ended = recorded.events[-1]
    assert ended["bytes"] > 2 * ended["seconds"] * 64_000 * 0.9


async def test_nobody_else_may_read_it(recorded: Recorded) -> None:
    place = recorded.folder / recorded.events[-1]["name"]
    assert [stat.S_IMODE(each.stat().st_mode) for each in (recorded.folder, place)] == [0o700] * 2
    files = sorted(place.iterdir())
    assert [each.name for each in files] == ["3333.wav", "4444.wav", "transcript.json"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert {each.stat().st_uid for each in files} == {os.getuid()}


async def test_the_summary_and_the_postmortem_name_it(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    server = recorded.server
    name = recorded.events[-1]["name"]
    (ended,) = server.happened("call", state="ended")[:1]
    assert ended["recording"] == name
    record = await server.get(f"/api/calls/{ended['call']}/record")
    assert record["recordings"][0]["legs"] == ["3333", "4444"]
    target = Target(server.url, "")
    await in_thread(lambda: run_rca(ended["call"], lambda: target), PATIENCE)
    assert f"recording {name}: " in capsys.readouterr().out
    figures = recorded.figures
    assert (figures["begun"], figures["ended"], figures["failed"]) == (1, 1, 0)
    assert 'translink_recordings_total{what="ended"} 1.0' in recorded.metrics


async def test_it_is_switched_while_the_call_runs_and_both_parties_hear_so(
    recorded: Recorded,
) -> None:
    server = recorded.server
    for leg in ("3333", "4444"):
        assert await server.patch(f"/api/legs/{leg}", {"record": False}) == 200
    before = len(recorded.names())
    over = len(server.happened("recording", state="ended"))
    async with call(server, "3333", "4444") as (one, two):
        await one.say(1)
        await two.hears(1)
        assert len(recorded.names()) == before
        assert await server.patch("/api/legs/3333", {"record": True}) == 200
        await until(lambda: 901 in one.words and 902 in two.words)
        await one.say(2)
        await two.hears(1, 902, 2)
        await two.say(60)
        await until(lambda: 60 in one.words)
        assert await server.patch("/api/legs/3333", {"record": False}) == 200
        ended = await recorded.ended(over + 1)
        await one.say(3)
        await until(lambda: 3 in two.words)
    await server.idle()
    found = read_recording(recorded.folder / ended[-1]["name"])
    assert list(found.said) == ["3333"], "the other leg is not recorded"
    assert [number for number, _ in words(found.said["3333"])] == [2]
    assert [number for number, _ in words(found.heard["3333"])] == [901, 60]
    lines = {(line.leg, line.text, line.translation) for line in found.transcript.lines}
    assert lines == {("3333", "b2", "t2"), ("4444", "", "t60")}, (
        "what they heard of the other, only"
    )


async def test_a_party_that_is_switched_off_is_not_in_the_other_ones_transcript_any_more(
    recorded: Recorded,
) -> None:
    server = recorded.server
    for leg in ("3333", "4444"):
        assert await server.patch(f"/api/legs/{leg}", {"record": True}) == 200
    over = len(server.happened("recording", state="ended"))
    async with call(server, "3333", "4444") as (one, two):
        await two.say(60)
        await one.hears(901, 60)
        assert await server.patch("/api/legs/4444", {"record": False}) == 200
        await two.say(61)
        await until(lambda: 61 in one.words)
        await one.say(4)
        await until(lambda: 4 in two.words)
        assert await server.patch("/api/legs/3333", {"record": False}) == 200
        ended = await recorded.ended(over + 1)
    await server.idle()
    found = read_recording(recorded.folder / ended[-1]["name"])
    said = {leg: [number for number, _ in words(pcm)] for leg, pcm in found.said.items()}
    assert said == {"3333": [4], "4444": [60]}
    lines = {(line.leg, line.text, line.translation) for line in found.transcript.lines}
    assert lines == {("4444", "b60", "t60"), ("4444", "", "t61"), ("3333", "b4", "t4")}, (
        "from then on what the other one heard of them, only"
    )


async def test_a_call_on_request_says_whether_it_is_recorded(recorded: Recorded) -> None:
    server = recorded.server
    legs: list[dict[str, object]] = [{"language": "en"}, {"language": "fr", "record": False}]
    before = len(server.happened("recording", state="ended"))
    made = await server.made("/api/calls", {"legs": legs, "record": True})
    one, two = (Phone.at(leg) for leg in made["legs"])
    async with one, two:
        await two.say(9)
        await one.say(5, 6)
        await until(lambda: 6 in two.words)
    await server.idle()
    ended = await recorded.ended(before + 1)
    found = read_recording(recorded.folder / ended[-1]["name"])
    (leg,) = found.said
    assert [number for number, _ in words(found.said[leg])] == [5, 6]


async def test_a_disk_that_breaks_ends_the_recording_and_not_the_call(recorded: Recorded) -> None:
    server = recorded.server
    assert await server.patch("/api/legs/4444", {"record": True}) == 200
    before = len(server.happened("recording", state="ended"))
    kept = recorded.folder.with_name("kept")
    recorded.folder.rename(kept)
    recorded.folder.write_text("no folder any more")
    try:
        async with call(server, "3333", "4444") as (one, two):
            await one.say(1, 2)
            await until(lambda: server.happened("recording", state="failed"))
            await one.say(3)
            await until(lambda: 3 in two.words)
            assert [each for each in two.words if each < 900] == [1, 2, 3]
        await server.idle()
        await recorded.ended(before + 1)
    finally:
        recorded.folder.unlink()
        kept.rename(recorded.folder)
    await server.says("a recording ended before its time; the call goes on")
    ended = server.happened("call", state="ended")[-1]
    assert "Not a directory" in ended["recording_problem"]
    assert ended["4444.lost_ms"] == ended["3333.lost_ms"] == 0
    assert await server.patch("/api/legs/4444", {"record": False}) == 200


async def test_what_is_written_while_the_call_runs_is_a_wav_file_already(
    recorded: Recorded,
) -> None:
    server = recorded.server
    assert await server.patch("/api/legs/3333", {"record": True}) == 200
    known = set(recorded.names())
    before = len(server.happened("recording", state="ended"))
    async with call(server, "3333", "4444") as (one, two):
        await one.say(7)
        await until(lambda: 7 in two.words)
        await until(lambda: set(recorded.names()) - known)
        (name,) = set(recorded.names()) - known
        file = recorded.folder / name / "3333.wav"
        await until(lambda: file.exists() and words(unwoven(file.read_bytes()[44:])[0]))
        found = file.read_bytes()
        left, _ = unwoven(found[44:])
        assert [number for number, _ in words(left)] == [7]
        # The header is written behind the sound: we may look between the two.
        assert 0 < int.from_bytes(found[40:44], "little") <= len(found) - 44
    await server.idle()
    await recorded.ended(before + 1)
    assert orjson.loads((recorded.folder / name / "transcript.json").read_bytes())["v"] == 1


@contextlib.asynccontextmanager
async def board_recorded(
    folder: Path, *, drain_timeout: float = 0.3, **settings: object
) -> AsyncIterator[tuple[Board, Recorder]]:
    """A switchboard in this process whose calls are recorded."""
    wanted = {"on": True, "folder": folder, "keep_free": 0, **settings}
    board = Board(idle_timeout=0.3, drain_timeout=drain_timeout, record=wanted)
    transcripts = Transcripts(board.journal)
    notice = recording_notice(Notices(NoticeSettings(), board.services), with_tone=True)
    chosen = RecordingSettings.model_validate(wanted)
    recorder = Recorder(chosen, board.journal, transcripts.__getitem__, notice)
    board.switchboard.recorder = recorder
    board.switchboard.on_ended = recorder.over
    watching = asyncio.create_task(board.switchboard.watch())
    try:
        yield board, recorder
    finally:
        await board.switchboard.close("test over")
        watching.cancel()
        await in_thread(recorder.close, PATIENCE)


async def test_what_does_not_fit_is_not_begun_and_said_once(tmp_path: Path) -> None:
    full = tmp_path / "20200101T000000Z-before"
    full.mkdir()
    (full / "1.wav").write_bytes(bytes(1_000_000))
    async with board_recorded(tmp_path, disk_limit=1_000_000, retention=10**8) as (board, recorder):
        await until(lambda: recorder._full)
        with capture_logs() as logs:
            for _ in range(2):
                await board.talk("1", 0.3)
                await board.no_calls()
                await asyncio.sleep(1.0)
        refusals = board.events("recording")
        assert [event["state"] for event in refusals] == ["refused", "refused"]
        assert "record.disk_limit" in refusals[0]["reason"]
        assert recorder.figures()["refused"] == 2
    assert [line["event"] for line in logs].count("calls are not recorded") == 1
    ended = [event for event in board.events("call") if event["state"] == "ended"]
    assert all("record.disk_limit" in event["recording_problem"] for event in ended)
    assert os.listdir(tmp_path) == [full.name]


async def test_a_disk_that_is_full_again_is_said_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("translink.recording.recorder.FULL_PERIOD", 0.1)
    problem = [""]
    async with board_recorded(tmp_path) as (board, recorder):
        recorder._store.full = lambda: problem[0]  # type: ignore[method-assign]
        with capture_logs() as logs:
            for now in ("no space left", "", "no space left"):
                problem[0] = now
                await until(lambda: recorder._full == problem[0])
                await board.talk("1", 0.3)
                await board.no_calls()
        assert (recorder.figures()["begun"], recorder.figures()["refused"]) == (1, 2)
    assert [line["event"] for line in logs].count("calls are not recorded") == 2


async def test_what_cannot_be_deleted_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "20200101T000000Z-old"
    old.mkdir()
    os.utime(old, (0, 0))
    tries: list[Path] = []

    def refused(path: Path, ignore_errors: bool) -> None:
        tries.append(path)

    monkeypatch.setattr(shutil, "rmtree", refused)
    monkeypatch.setattr("translink.recording.recorder.SWEEP_PERIOD", 0.0)
    with capture_logs() as logs:
        async with board_recorded(tmp_path):
            await until(lambda: len(tries) >= 3)
    said = [line for line in logs if "record.retention" in line["event"]]
    assert [(line["log_level"], line["first"]) for line in said] == [("error", old.name)]


@pytest.mark.parametrize("step", ["look", "write"])
async def test_an_error_that_is_not_the_disks_ends_one_recording_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    real, errors = getattr(Recording, step), [MemoryError()]

    def once(recording: Recording, *args: object) -> None:
        if errors:
            raise errors.pop()
        real(recording, *args)

    monkeypatch.setattr(Recording, step, once)
    with capture_logs() as logs:
        async with board_recorded(tmp_path) as (board, recorder):
            await board.talk("1", 0.6)
            await board.no_calls()
            await until(lambda: recorder.figures()["ended"] == 1)
            await board.talk("1", 0.6)
            await board.no_calls()
            await until(lambda: recorder.figures()["ended"] == 2)
    events = board.events("recording")
    states = [event["state"] for event in events]
    assert states == ["started", "failed", "ended", "started", "ended"]
    assert events[1]["reason"] == "a bug: MemoryError"
    assert "a bug in writing this recording; others go on" in [line["event"] for line in logs]
    (name,) = os.listdir(tmp_path)
    assert read_recording(tmp_path / name).said["1"]


async def test_a_bug_in_looking_through_the_folder_ends_no_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "20200101T000000Z-old").mkdir()

    def bug(path: Path) -> tuple[int, float]:
        raise RuntimeError("bug")

    monkeypatch.setattr("translink.recording.store._measure", bug)
    with capture_logs() as logs:
        async with board_recorded(tmp_path) as (board, recorder):
            await board.talk("1", 0.6)
            await board.no_calls()
            await until(lambda: recorder.figures()["ended"])
            assert recorder.figures()["failed"] == 0
    said = [line["event"] for line in logs]
    assert said.count("a bug in looking through the folder of recordings") == 1
    assert len(os.listdir(tmp_path)) == 2


def slow_folder(folder: Path, patch: pytest.MonkeyPatch) -> list[Path]:
    """A thousand recordings, each of which takes 10 ms to look at. Those that were."""
    for number in range(1_000):
        (folder / f"20200101T000000Z-{number}").mkdir()
    looked: list[Path] = []

    def slow(path: Path) -> tuple[int, float]:
        looked.append(path)
        time.sleep(0.01)
        return 0, time.time()

    patch.setattr("translink.recording.store._measure", slow)
    return looked


async def test_sound_does_not_wait_for_a_walk_through_many_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = slow_folder(tmp_path, monkeypatch)
    async with board_recorded(tmp_path) as (board, recorder):
        talking = asyncio.create_task(board.talk("1", 3.0))
        await until(lambda: recorder.figures()["bytes"] > 50_000)
        assert 0 < len(looked) < 1_000
        await talking


async def test_an_end_does_not_wait_for_a_walk_through_many_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = slow_folder(tmp_path, monkeypatch)
    with capture_logs() as logs:
        async with board_recorded(tmp_path):
            await until(lambda: looked)
    assert len(looked) < 1_000
    assert not [line for line in logs if "disk" in line["event"]]


async def test_a_recording_that_is_switched_on_in_silence_begins_with_the_newest_sound(
    tmp_path: Path,
) -> None:
    """It is placed by when it came: silence that nobody waited for must not make it late."""
    async with board_recorded(tmp_path, on=False) as (board, recorder):
        leg = board.legs["1"]
        await board.talk("1", 0.6)
        while len(leg.aside) < 3:
            leg.hear(speech=False)
            await asyncio.sleep(0.02)
        ours = board.switchboard.legs["1"]
        ours.set_record(True)
        recorder.switch(ours)
        assert ours.recorded
        assert not leg.aside


async def next_caller(board: Board) -> None:
    """The last call drains for two seconds when this returns, and the next one runs."""
    board.providers.delays["translate en"] = 2.0
    await board.talk("1", 0.6)
    await until(lambda: any(call.detached for call in board.switchboard.calls.values()))
    board.providers.delays["translate en"] = 0.01
    await board.talk("1", 0.02)
    assert len(board.switchboard.calls) == 2


async def test_a_call_goes_on_being_recorded_when_the_one_before_it_has_drained(
    tmp_path: Path,
) -> None:
    async with board_recorded(tmp_path, drain_timeout=5.0) as (board, recorder):
        await next_caller(board)
        while len(board.switchboard.calls) == 2:
            await board.talk("1", 0.1)
        legs = [board.switchboard.legs[name] for name in ("1", "2")]
        assert [leg.recorded for leg in legs] == [True, True]
        for leg in legs:
            leg.set_record(True)
            recorder.switch(leg)
        assert recorder.figures()["begun"] == 2, "it is recorded already"
        for leg in legs:
            leg.set_record(False)
            recorder.switch(leg)
        assert recorder.figures()["running"] == 0
        assert [leg.recorded for leg in legs] == [False, False]


async def test_a_recording_is_switched_while_the_call_before_still_drains(tmp_path: Path) -> None:
    async with board_recorded(tmp_path, drain_timeout=5.0) as (board, recorder):
        legs = [board.switchboard.legs[name] for name in ("1", "2")]
        talking = asyncio.create_task(next_caller(board))
        await until(lambda: recorder.figures()["running"])
        for leg in legs:
            leg.set_record(False)  # from the next call on: the recorder is not told
        await talking
        assert recorder.figures()["running"] == 1, "the last call is recorded, the next one is not"
        legs[0].set_record(True)
        recorder.switch(legs[0])
        assert recorder.figures()["running"] == 2
        legs[0].set_record(False)
        recorder.switch(legs[0])
        assert [leg.recorded for leg in legs] == [False, True]


async def test_nobody_is_told_of_a_recording_that_cannot_begin(tmp_path: Path) -> None:
    async with board_recorded(tmp_path) as (board, recorder):
        recorder._store.full = lambda: "no space left"  # type: ignore[method-assign]
        await until(lambda: recorder._full)
        await board.talk("1", 0.2)
        leg = board.switchboard.legs["2"]
        for record in (False, True):
            leg.set_record(record)
            recorder.switch(leg)
        assert [event["state"] for event in board.events("recording")] == ["refused", "refused"]
        await board.no_calls()
        assert not board.events("notice")
        assert not board.legs["1"].played


async def test_a_disk_that_fills_up_ends_the_recording_and_keeps_what_it_has(
    tmp_path: Path,
) -> None:
    async with board_recorded(tmp_path) as (board, recorder):
        talking = asyncio.create_task(board.talk("1", 6.0))
        await until(lambda: recorder.figures()["bytes"] > 50_000)
        recorder._store.full = lambda: "no space left"  # type: ignore[method-assign]
        await until(lambda: recorder.figures()["failed"])
        assert board.switchboard.calls, "the call goes on"
        assert not any(leg.recorded for leg in board.switchboard.legs.values())
        assert not any(leg.tapped for leg in board.legs.values()), "nobody keeps what they hear"
        readings = recorder._open[0].tracks["1"].track._alignment._readings
        before = len(readings)
        await talking
        assert len(readings) == before, "what nobody takes is not kept"
        await board.no_calls()
        await until(lambda: recorder.figures()["ended"])
    (name,) = os.listdir(tmp_path)
    found = read_recording(tmp_path / name)
    assert found.transcript.problem == "no space left"
    assert len(found.said["1"]) >= 40_000 - 44
    states = [event["state"] for event in board.events("recording")]
    assert states == ["started", "failed", "ended"]
    (ended,) = [event for event in board.events("call") if event["state"] == "ended"]
    assert ended["recording_problem"] == "no space left"


async def test_a_notice_that_was_over_before_a_recording_began_is_not_in_its_transcript() -> None:
    kept = CallTranscript("c", 1_000.0, TranscriptLines(0))
    for text, start in (("interpreted", 0.5), ("recorded", 61.0)):
        note = NoticeLine("1", "en", text, "finished", start, start + 2.0)
        kept.notices["1", text] = note
    legs = [RecordedLeg("1", "en", "1.wav", 30.0)]
    made = recorded_transcript(kept, began=1_060.0, seconds=30.0, legs=legs, problem="")
    assert [(note.text, note.start_s) for note in made.notices] == [("recorded", 1.0)]


async def test_a_language_that_changes_in_mid_call_is_in_its_transcript(tmp_path: Path) -> None:
    async with board_recorded(tmp_path) as (board, recorder):
        await board.talk("1", 0.3)
        board.switchboard.set_language("1", "it")
        await board.talk("1", 0.3)
        await board.no_calls()
        await until(lambda: recorder.figures()["ended"])
    (name,) = os.listdir(tmp_path)
    found = read_recording(tmp_path / name)
    assert [(each.leg, each.language) for each in found.transcript.legs] == [
        ("1", "it"),
        ("2", "fr"),
    ]


async def test_a_disk_that_does_not_answer_keeps_no_call_and_no_end_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    def stuck(file: SoundFile, pcm: bytes) -> None:
        answers.wait(PATIENCE)

    monkeypatch.setattr(SoundFile, "write", stuck)
    monkeypatch.setattr("translink.recording.recorder.LAST_WRITES_TIME", 0.2)
    try:
        async with board_recorded(tmp_path) as (board, _):
            await board.talk("1", 1.0)
            await board.no_calls()
            assert board.events("translation")
        (ended,) = [event for event in board.events("call") if event["state"] == "ended"]
        assert ended["1.lost_ms"] == 0
    finally:
        answers.set()
