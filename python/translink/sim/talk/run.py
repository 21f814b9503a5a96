"""`translink sim --talk FILE`: talks through a real server, in real time, and what came of them.

Each talker has a call of their own, whose other side listens and says nothing; `--talks N` lets N
copies of the file talk at once, a little apart. When the talks are over, the run goes on until the
ears were quiet for `QUIET_AT_END` seconds.

Theory of operation
    Three processes, as in `sim`: the callers, `translink serve`, which is what is measured, and a server
    that stands for all providers (`server`). A talk (`words`) is a file of words with their times. Its
    talker (`mouth`) sends a tone where a word is, silence where none is, and in the lowest bits of each
    frame its place in the talk (`marks`). So the recogniser (`recognizer`) knows what was said; it
    answers as a recorded nova session did. The translator makes of each word one that has its number in
    its letters (`engines`), and the voice says that number as a chord (`chords`), which is found again
    at the listener's UDP socket however the sound was stretched there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop

from translink.callers.ports import free_port
from translink.callers.server_process import LegPlan
from translink.errors import TranslinkError
from translink.sim.lines import Lines, SimLine
from translink.sim.programs import Programs
from translink.sim.talk.ear import TalkEar
from translink.sim.talk.engines import (
    CommittedWords,
    TranslationRequest,
    VoiceRequest,
    language_of,
)
from translink.sim.talk.marks import MARKED_TALKS
from translink.sim.talk.measure import HeardTalk, TalkFigures, measure
from translink.sim.talk.mouth import SilentMouth, TalkMouth, sound
from translink.sim.talk.recognizer import NOVA_TIMING
from translink.sim.talk.server import TalkScene
from translink.sim.talk.simulstream import write_simulstream
from translink.sim.talk.words import TimedTalk

QUIET_AT_END = 6.0
LONGEST_END = 300.0
"""Seconds after the talks in which what is owed may still be said."""
APART = 19
"""Frames between the beginnings of two talks, so that not all pause at once."""
AS_SHIPPED = ("lag.fastest=1.5", "deepgram.early_finalize=0.1", "deepgram.finalize_flowing=2")
"""The defaults that a simulation with beacons switches off: a talk's words survive them."""
BROKEN = 3
"""Exit code: words were lost, doubled, out of order or taken back."""


@dataclass(slots=True)
class TalkEvents:
    """What the server said about itself."""

    segments: dict[str, list[str]] = field(default_factory=dict)
    """Texts by leg."""
    troubles: list[dict[str, Any]] = field(default_factory=list)
    """Untranslated and unspoken segments, losses, failed connections."""

    def see(self, event: Mapping[str, Any]) -> None:
        """One event of `/api/events`."""
        kind, state = event.get("type"), event.get("state")
        if kind == "segment":
            self.segments.setdefault(str(event["leg"]), []).append(str(event["text"]))
        elif kind in ("untranslated", "loss", "failover") or state == "failed":
            self.troubles.append(dict(event))


@dataclass(frozen=True, slots=True)
class TalkOutcome:
    """A run, with all that was measured."""

    scene: TalkScene
    directions: list[HeardTalk]
    figures: TalkFigures
    troubles: list[dict[str, Any]]
    stages: dict[str, Any]
    """The server's own: `/api/stats`, milliseconds."""
    worst_lateness_ms: float
    """Of the callers."""
    load: tuple[float, float, float]
    """When it ended."""

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "scene": asdict(self.scene),
            **asdict(self.figures),
            "stages_ms": self.stages,
            "troubles": self.troubles[:50],
            "callers_worst_lateness_ms": self.worst_lateness_ms,
            "load": self.load,
        }


def run_talk(
    *,
    files: Sequence[Path],
    longer: float,
    copies: int,
    seconds: float | None,
    seed: int,
    settings: Sequence[str] = (),
    report: Path | None = None,
    wav: Path | None = None,
    simulstream: Path | None = None,
    json: bool = False,
) -> int:
    """The command. `wav`: a folder for what each ear heard; `simulstream`: one for the run as
    OmniSTEval reads it. Returns its exit code: 0, or `BROKEN`. Raises `TranslinkError`, `OSError`."""
    scene = TalkScene(tuple(str(file.resolve()) for file in files), seconds, copies, longer, seed)
    if wav is not None:
        wav.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            outcome = runner.run(play_talks(scene, settings, wav))
        except ValueError as error:
            raise TranslinkError(str(error)) from error
    figures = outcome.as_dict()
    text = orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode() + "\n"
    sys.stdout.write(text if json else summary(outcome))  # whether files can be written or not
    if simulstream is not None:
        write_simulstream(simulstream, scene.talks(), outcome.directions)
    if report is not None:
        report.write_text(text)
    return 0 if outcome.figures.sound else BROKEN


async def play_talks(
    scene: TalkScene, settings: Sequence[str] = (), wav: Path | None = None
) -> TalkOutcome:
    """Run a scene. `settings`: of the server, `name=value`; `wav`: a folder for what each ear heard, which is there.

    Raises:
        ValueError: as `load_talks`, or too many talks.
        SimError, ServerError: one of the programs failed.
    """
    talks = scene.talks()
    if len(talks) > MARKED_TALKS // 2:
        raise ValueError(f"at most {MARKED_TALKS // 2} talkers at once, not {len(talks)}")
    ears = [
        TalkEar(wav / f"{talk.name}.{number}.wav" if wav is not None else None)
        for number, talk in enumerate(talks)
    ]
    lines = Lines(_lines(talks, ears))
    legs = [_leg(place, line) for place, line in enumerate(lines.lines)]
    flags = [part for setting in (*AS_SHIPPED, *settings) for part in ("--set", setting)]
    try:
        async with Programs(
            legs,
            seed=scene.seed,
            mode="streaming",
            extra=_voices(len(talks)),
            providers=scene.command(),
            flags=flags,
        ) as programs:
            for line, leg in zip(lines.lines, legs, strict=True):
                line.dial(leg.listen[1])
            return await _talk(scene, talks, lines, ears, programs)
    finally:
        lines.close()


def summary(outcome: TalkOutcome) -> str:
    """Some lines for people."""
    f = outcome.figures
    theirs = f.providers
    lines = [
        f"EVS p50 / p95: {_pair(f.evs)} s, growing by {f.growth} s a minute",
        f"word → request p50 / p95: {_pair(f.word_to_request)} s",
        f"  of it the recogniser's {_pair(theirs['word_to_final'])} s, ours {_pair(f.final_to_request)} s",
        "of the mean EVS "
        + "; ".join(
            f"{whose}: " + ", ".join(f"{part} {value:.2f}" for part, value in parts.items())
            for whose, parts in f.evs_mean.items()
        ),
        f"end of a clause → sound, idle ear, p50 / p95: {_pair(f.clause_to_sound)} s",
        f"translation {_pair(theirs['translate'])} s, first sound {_pair(theirs['first_sound'])} s",
        f"segments: {f.segments_a_minute} a minute, {f.words_a_segment} words; end at a clause "
        f"{f.ends_at_clause}, on a function word {f.ends_on_function_word}",
        f"words: {f.words_said} said, {f.words_lost} lost, {f.words_doubled} doubled, "
        f"{f.words_revised} revised after being spoken, {f.words_out_of_order} out of order; "
        f"{f.sentences_never_said} segments never said",
        f"load {outcome.load[0]:.1f}, callers late by {outcome.worst_lateness_ms} ms at most"
        + (f", {len(outcome.troubles)} troubles (see --json)" if outcome.troubles else ""),
    ]
    return "\n".join(lines) + "\n"


def _pair(values: Mapping[str, float | None]) -> str:
    return " / ".join(
        "–" if values[key] is None else f"{values[key]:.2f}" for key in ("p50", "p95")
    )


def _lines(talks: Sequence[TimedTalk], ears: Sequence[TalkEar]) -> list[SimLine]:
    """Talkers at even places, their listeners behind them."""
    sounds = {talk.name: sound(talk) for talk in {talk.name: talk for talk in talks}.values()}
    lines = []
    for number, (talk, ear) in enumerate(zip(talks, ears, strict=True)):
        mouth = TalkMouth(talk, number, sounds[talk.name], later=number * APART)
        lines.append(SimLine(f"t{number}", mouth, listener=TalkEar()))
        lines.append(SimLine(f"e{number}", SilentMouth(), listener=ear))
    return lines


def _leg(place: int, line: SimLine) -> LegPlan:
    listen, play_to = (
        ("127.0.0.1", port) for port in (free_port(socket.SOCK_DGRAM), line.ear_port)
    )
    language = language_of(place // 2) if place % 2 else "en"
    return LegPlan(line.name, language, listen, play_to)


def _voices(talks: int) -> str:
    names = [language_of(talk) for talk in range(talks)]
    return "[voices]\n" + "".join(f'{name} = "aura-2-talk-{name}"\n' for name in names)


async def _talk(
    scene: TalkScene,
    talks: Sequence[TimedTalk],
    lines: Lines,
    ears: Sequence[TalkEar],
    programs: Programs,
) -> TalkOutcome:
    events = TalkEvents()
    watching = asyncio.create_task(_watch(programs, events))
    try:
        lines.start()
        longest = max(talk.seconds for talk in talks) + len(talks) * APART * 0.02
        await asyncio.sleep(longest)
        await _settle(ears)
        stats = await programs.stats()
        observed = await programs.get(f"{programs.beacons.url}/talk")
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    load = os.getloadavg()
    lines.close()
    directions = _directions(lines, ears, events, observed)
    minutes = max(talk.seconds for talk in talks) / 60
    stages = stats.get("stages_ms")
    return TalkOutcome(
        scene,
        directions,
        measure(directions, minutes, NOVA_TIMING.final_delay),
        events.troubles,
        stages if isinstance(stages, dict) else {},
        round(1000 * lines.worst_lateness, 1),
        load,
    )


async def _settle(ears: Sequence[TalkEar]) -> None:
    """Until nothing has come for a while."""
    began = time.monotonic()
    while (now := time.monotonic()) < began + LONGEST_END:
        if now > max(began, *(ear.newest for ear in ears)) + QUIET_AT_END:
            return
        await asyncio.sleep(0.2)


def _directions(
    lines: Lines, ears: Sequence[TalkEar], events: TalkEvents, observed: Mapping[str, Any]
) -> list[HeardTalk]:
    translations = [TranslationRequest(**each) for each in observed["translations"]]
    voices = [VoiceRequest(**each) for each in observed["voices"]]
    finals = [CommittedWords(**each) for each in observed["finals"]]
    return [
        HeardTalk(
            {word.number: word.at for word in line.said},
            [(word.number, word.at) for word in ear.heard],
            events.segments.get(line.name, []),
            [each for each in translations if each.talk == number],
            [each for each in voices if each.talk == number],
            [each for each in finals if each.talk == number],
        )
        for number, (line, ear) in enumerate(zip(lines.lines[::2], ears, strict=True))
    ]


async def _watch(programs: Programs, events: TalkEvents) -> None:
    with contextlib.suppress(aiohttp.ClientError):
        async with programs.http.ws_connect(f"{programs.serve_url}/api/events") as ws:
            async for message in ws:
                if message.type == aiohttp.WSMsgType.TEXT:
                    events.see(orjson.loads(message.data))
