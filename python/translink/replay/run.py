"""Runs a recorded call again, in real time, and compares."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvloop
from rich.console import Console

from translink.app import App
from translink.callers.call import LINGER
from translink.callers.caller import Caller, Said
from translink.commands.printing import print_json
from translink.errors import conceal
from translink.process.clock import unix
from translink.recording.cipher import SealError
from translink.recording.reader import ReadRecording, RecordingError, read_recording
from translink.replay.compare import ComparedSegment, LegComparison, compare_legs
from translink.replay.prose import lines_of
from translink.replay.today import LOOPBACK, settings_for
from translink.results import RATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from translink.settings.model import Settings

SAME, DIFFER, WRONG_ARGUMENTS, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""
PICK_UP = 0.3
"""Seconds from the first datagram to the first sample of the recording."""
LAST_SOUND_WITHIN = 15.0
"""Seconds after the last word within which a first sound of its translation must be heard."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it; what `--json` prints."""

    recording: str
    call: str
    seconds: float
    same: bool
    legs: tuple[LegComparison, ...]
    incomplete: str
    """What the recording lacks; empty: nothing."""


def run_replay(folder: Path, settings: Settings, key: bytes | None, *, json: bool = False) -> int:
    """Print how today's settings understand a recorded call. Returns the exit code."""
    console = Console(stderr=True)
    conceal(settings.secrets())
    try:
        recording = read_recording(folder, key)
        if not recording.said:
            raise RecordingError(f"{folder}: has no sound in it")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(_replayed(folder.name, recording, settings, console))
    except (RecordingError, SealError) as error:
        console.print(f"translink replay: {error}", style="red", soft_wrap=True, markup=False)
        return WRONG_ARGUMENTS
    except KeyboardInterrupt:
        return INTERRUPTED
    if json:
        print_json(found)
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines_of(found))
    return SAME if found.same else DIFFER


async def _replayed(
    name: str, recording: ReadRecording, settings: Settings, console: Console
) -> Replayed:
    transcript = recording.transcript
    callers = {each.leg: Caller((LOOPBACK, 0)) for each in transcript.legs}
    ears = {leg: caller.address for leg, caller in callers.items()}
    todays = settings_for(settings, transcript.legs, ears)
    app = App(todays, lambda: todays)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.running())
        for leg, caller in callers.items():
            caller.to = app.switchboard.legs[leg].media.listen_address
        said = await _talk(recording, callers, console)
        now = await _understood(app, said, todays.drain_timeout)
    legs = tuple(compare_legs(leg, list(_then(recording, leg)), now[leg]) for leg in recording.said)
    return Replayed(
        recording=name,
        call=transcript.call,
        seconds=transcript.seconds,
        same=all(each.same for each in legs),
        legs=legs,
        incomplete=_incomplete(recording),
    )


async def _talk(
    recording: ReadRecording, callers: Mapping[str, Caller], console: Console
) -> dict[str, Said]:
    """All say what they said then, at the same time. When each began."""
    async with AsyncExitStack() as stack:
        for caller in callers.values():
            await stack.enter_async_context(caller)
        await asyncio.sleep(PICK_UP)
        length = max(map(len, recording.said.values())) / 2 / RATE
        watch = asyncio.create_task(_progress(length, console))
        try:
            talkers = {leg: callers[leg] for leg in recording.said}
            said = await asyncio.gather(
                *(caller.say(recording.said[leg]) for leg, caller in talkers.items())
            )
            await asyncio.gather(
                *(caller.quiet(LINGER, LAST_SOUND_WITHIN) for caller in callers.values())
            )
        finally:
            watch.cancel()
    return dict(zip(talkers, said, strict=True))


async def _understood(
    app: App, said: Mapping[str, Said], drain: float
) -> dict[str, list[ComparedSegment]]:
    """What the server made of it, by leg, on the recording's clock."""
    for call in tuple(app.switchboard.calls):
        app.console.end_call(call)
    bound = time.monotonic() + drain + 5.0
    while app.switchboard.calls and time.monotonic() < bound:  # noqa: ASYNC110 - within bounds
        await asyncio.sleep(0.05)
    found: dict[str, list[ComparedSegment]] = {leg: [] for leg in said}
    for row in tuple(app.console.calls("all")):
        with contextlib.suppress(KeyError):
            detail = await app.console.call(row.call)
            for line in detail["transcript"]:
                if line.leg in said:
                    shift = row.began - unix(said[line.leg].began)
                    spoken = line.at.get("spoken")
                    found[line.leg].append(
                        ComparedSegment(
                            start_s=line.start_s + shift,
                            end_s=line.end_s + shift,
                            text=line.text,
                            translation=line.translation or "",
                            spoken_s=None if spoken is None else spoken - row.began + shift,
                        )
                    )
    return found


def _then(recording: ReadRecording, leg: str) -> Iterable[ComparedSegment]:
    """Up to where the leg was recorded: it may have been switched off before the other one."""
    until = next(each.seconds for each in recording.transcript.legs if each.leg == leg)
    for line in recording.transcript.lines:
        if line.leg == leg and line.start_s < until:
            yield ComparedSegment(
                start_s=line.start_s,
                end_s=line.end_s,
                text=line.text,
                translation=line.translation or "",
                spoken_s=line.spoken_s,
            )


def _incomplete(recording: ReadRecording) -> str:
    transcript, missing = recording.transcript, []
    if transcript.problem:
        missing.append(transcript.problem)
    if not recording.whole:
        missing.append("a file is cut off")
    if lost := sum(leg.lost_ms for leg in transcript.legs):
        missing.append(f"{lost / 1000:.1f} s of sound are missing")
    if transcript.dropped_lines:
        missing.append(f"its {transcript.dropped_lines} oldest segments were not kept")
    if silent := [leg.leg for leg in transcript.legs if leg.file is None]:
        missing.append(f"leg {silent[0]} was not recorded, and is silent")
    return "; ".join(missing)


async def _progress(length: float, console: Console) -> None:
    """A line that shows progress; nothing where no terminal is."""
    if not console.is_terminal:
        return
    began = time.monotonic()
    with console.status("") as status:
        while True:
            done = time.monotonic() - began
            rest = "waiting for the last words" if done > length else f"of {length:.0f} s"
            status.update(f"replayed {min(done, length):.0f} {rest}")
            await asyncio.sleep(0.2)
