"""`translink demo`: a server, two callers who do not speak each other's language, half a minute.

Everything is real but the people: a `translink serve` process, UDP between it and the callers, the
recognisers, translators and voices that it starts itself when there are no keys. Each direction is
checked twice: by what the server says it translated, and by the energy that arrived at the other
caller's ear.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import uvloop
from rich.console import Console

from translink.callers.caller import Caller, Said
from translink.callers.captions import Captions, Event
from translink.callers.dialogue import DIALOGUE, DialogueLine, SpeechMissing, lines_of
from translink.callers.display import display_of
from translink.callers.ports import loopback
from translink.callers.server_process import LegPlan, ServerProcess
from translink.callers.summary import Summary, TalkDirection, summarise, tell
from translink.callers.wav import SAMPLE_BYTES, WavWriter, write_wav
from translink.errors import TranslinkError
from translink.results import RATE
from translink.settings.services import OFFLINE_QUALITY
from translink.settings.types import is_installed
from translink.text.language_names import ENGLISH_NAMES

Take = Callable[[Event], None]
Talk = Mapping[str, list[tuple[Said, DialogueLine]]]
"""Leg to what its caller said."""

SERVER_LOG = "server.log"
"""In the folder of a demonstration."""
HEARD, FAILED, MISSING, NOTHING_HEARD = 0, 1, 2, 3
"""Exit codes."""
DEMO_LANGUAGES = {"3333": "en", "4444": "fr"}
"""Leg to what its caller speaks, if nobody says otherwise."""
LAST_TRANSLATION = 6.0
"""Seconds kept at the end for the translation of the last line."""
ANSWER_AFTER = 1.6
"""Seconds until the other one answers, where they do not interrupt."""
EXCHANGE_PAUSE = 1.6
"""Seconds between two exchanges."""
SILENCE_AT_END = 2.5
"""Seconds of silence in both ears after which nothing more is expected."""
LAST_WAIT = 20.0
"""Seconds that a line is waited for after the last one was said; 1 or 2 are enough on an idle
machine."""


@dataclass(frozen=True, slots=True)
class Cue:
    """When a caller says a line."""

    at: float
    """Seconds from the beginning of the talk."""
    leg: str
    line: DialogueLine


def run_demo(
    out: str | Path = "demo-out",
    seconds: float = 30.0,
    json: bool = False,
    plain: bool = False,
    use_keys: bool = False,
    languages: tuple[str, str] = ("en", "fr"),
) -> int:
    """Let two simulated callers talk to each other for about `seconds`.

    Args:
        out: folder for `<leg>-said.wav`, `<leg>-heard.wav`, `transcript.jsonl` (all events), `summary.json`,
            `server.log`.
        seconds: how long, the last translation included.
        json: print the summary as JSON on standard output.
        plain: lines instead of the live display.
        use_keys: hand the keys in the environment on to the server. The services behind them
            charge.
        languages: what they speak, two of `DIALOGUE`.

    Returns:
        0 each heard every line of the other's; 3 a line was not understood, or one of them heard
        no translation; 2 something is missing on this machine; 1 the server failed; 130
        interrupted.
    """
    console = Console(stderr=True)
    folder = Path(out)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the server would go on
    try:
        make_private(folder)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            summary = runner.run(
                _demo(folder, seconds, console, languages, plain=plain, keys=use_keys)
            )
    except KeyboardInterrupt:
        console.print("Interrupted; the server was stopped.")
        return 130
    except (TranslinkError, OSError) as error:
        return fail(console, error)
    tell(console, summary)
    console.print(f"Listen to it: {folder}/ has what each caller said and heard.", markup=False)
    if json:
        sys.stdout.write(orjson.dumps(summary, option=orjson.OPT_APPEND_NEWLINE).decode())
    return HEARD if summary["ok"] and not summary["losses"]["lines"] else NOTHING_HEARD


def fail(console: Console, error: Exception) -> int:
    """Say what ended a demonstration. Returns its exit code."""
    console.print(f"translink demo: {error}", style="red", markup=False, soft_wrap=True)
    return MISSING if isinstance(error, SpeechMissing) else FAILED


def need_recogniser(*, keys: bool) -> None:
    """Raises `SpeechMissing`: without keys the local one is needed, and is not installed."""
    if not keys and not is_installed("pocketsphinx"):
        raise SpeechMissing(
            "no recogniser is installed: pip install 'translink[offline]' (114 MB), or --use-keys"
        )


def need_voices(languages: tuple[str, str], *, keys: bool) -> None:
    """Raises `SpeechMissing`: without keys Pico speaks German, Spanish and Italian, and is not installed."""
    lacking = [ENGLISH_NAMES[code] for code in languages if code not in DEMO_LANGUAGES.values()]
    if lacking and not keys and not is_installed("py_nanotts"):
        raise SpeechMissing(
            f"no voice for {' and '.join(lacking)} is installed: pip install 'translink[pico]' (5 MB), "
            "or --use-keys"
        )


def make_private(folder: Path) -> None:
    """What people said lies in it: nobody else on this machine may look. Raises `TranslinkError` for a folder that
    others use: it would be closed to them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        if any(folder.iterdir()) and not (folder / SERVER_LOG).exists():
            raise TranslinkError(
                f"{folder}: holds other things, and others may look at them; name a folder of its own "
                "with --out"
            )
        folder.chmod(0o700)


def server_for(
    folder: Path, plans: Sequence[LegPlan], stack: contextlib.AsyncExitStack, *, keys: bool
) -> ServerProcess:
    """A server that is not started yet. Its log is `folder/server.log`, its settings go with `stack`."""
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="translink-")))
    log = folder / SERVER_LOG
    log.unlink(missing_ok=True)
    return ServerProcess(plans, folder=scratch, log=log, keys=keys)


def schedule(lines: Mapping[str, Sequence[DialogueLine]], seconds: float) -> list[Cue]:
    """Which line is said when. Every other exchange overlaps: the second answers while the first still
    speaks.

    Args:
        lines: leg to its lines; the first leg leads the talk and the second answers.
        seconds: when the last line must be over. The talk begins anew when it is shorter and is cut
            between lines when it is longer; the first exchange is always there.
    """
    cues: list[Cue] = []
    at = 0.5
    for turn in range(10_000):
        begins = at
        for leg, own in lines.items():
            line = own[turn % len(own)]
            if turn and begins + line.seconds > seconds:
                return cues
            cues.append(Cue(begins, leg, line))
            begins += 0.4 * line.seconds if turn % 2 == 0 else line.seconds + ANSWER_AFTER
        at = max(cue.at + cue.line.seconds for cue in cues) + EXCHANGE_PAUSE
    return cues


def two_languages(text: str) -> tuple[str, str]:
    """`de,es` as two languages of the dialogue. Raises `ValueError`."""
    codes = tuple(code.strip().lower() for code in text.split(","))
    if len(codes) != 2 or codes[0] == codes[1] or not set(codes) <= DIALOGUE.keys():
        raise ValueError(f"should be two of {', '.join(DIALOGUE)}, as in de,es")
    return codes[0], codes[1]


async def _demo(
    folder: Path,
    seconds: float,
    console: Console,
    languages: tuple[str, str],
    *,
    plain: bool,
    keys: bool,
) -> Summary:
    need_recogniser(keys=keys)
    need_voices(languages, keys=keys)
    spoken = dict(zip(DEMO_LANGUAGES, languages, strict=True))
    lines = {
        leg: await lines_of(language, answers=bool(side), offline=not keys)
        for side, (leg, language) in enumerate(spoken.items())
    }
    _explain(console, folder, seconds, spoken, keys=keys)
    _tell_voices(console, [own[0].voice for own in lines.values()], keys=keys)
    cues = schedule(lines, seconds - LAST_TRANSLATION)
    captions = Captions(tuple(spoken))
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        plans, callers = _callers(folder, spoken, stack)
        server = await _server(folder, plans, console, stack, keys=keys)
        events = stack.enter_context((folder / "transcript.jsonl").open("wb"))
        display = stack.enter_context(display_of(console, captions, spoken, plain=plain))

        def take(event: Event) -> None:
            events.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
            captions.take(event)
            display.show(event)

        following = asyncio.create_task(_follow(server, take))
        try:
            said = await _talk(callers, cues, take, stack)
            display.tell("waiting for the last translation …")
            await _until_heard(callers, captions, said)
            for caller in callers.values():
                await caller.close()
            await asyncio.sleep(0.2)  # the last datagrams are still being counted
            stats = await server.get("/api/stats")
            display.tell("")
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    _write_said(folder, callers, said)
    one, two = spoken
    summary = summarise(
        [
            TalkDirection(
                leg, said[leg], callers[leg].sent, callers[ear].heard, captions.sides[leg]
            )
            for leg, ear in ((one, two), (two, one))
        ],
        stats,
        losses=captions.losses,
        seconds=time.monotonic() - began,
    )
    (folder / "summary.json").write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    return summary


def _explain(
    console: Console, folder: Path, seconds: float, spoken: Mapping[str, str], *, keys: bool
) -> None:
    one, two = (ENGLISH_NAMES[language] for language in spoken.values())
    phrases = " and ".join(name for name in (one, two) if name != "English")
    quality = (
        "With your keys the real services hear, translate and speak, and charge for it."
        if keys
        else "No key is used: engines on this machine hear, translate and speak. That is\n"
        f"  {OFFLINE_QUALITY}: {phrases} {'are' if ' and ' in phrases else 'is'} held to a phrasebook, "
        "the voices are synthetic."
    )
    console.print(
        f"Two simulated callers telephone through a real server for about {seconds:.0f} s.\n"
        f"  3333 speaks {one} and hears the other's {two} in {one},\n"
        f"  4444 speaks {two} and hears the other's {one} in {two}.\n"
        "  At times both speak at once.\n"
        f"  {quality}\n"
        f"  Recordings and transcript go to {folder}/. Ctrl-C ends it cleanly.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _tell_voices(console: Console, callers: Sequence[str], *, keys: bool) -> None:
    """The best that is installed is taken, and named."""
    pico = is_installed("py_nanotts")
    theirs = "the services' own" if keys else "Pico" if pico else "flite and espeak-ng"
    console.print(
        f"  Voices: of the callers {' and '.join(dict.fromkeys(callers))}, of the translations {theirs}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _callers(
    folder: Path, spoken: Mapping[str, str], stack: contextlib.AsyncExitStack
) -> tuple[list[LegPlan], dict[str, Caller]]:
    plans: list[LegPlan] = []
    callers: dict[str, Caller] = {}
    for leg, language in spoken.items():
        microphone = loopback()
        tape = stack.enter_context(WavWriter(folder / f"{leg}-heard.wav"))
        callers[leg] = Caller(microphone, record=tape.write)
        stack.push_async_callback(callers[leg].close)
        plans.append(LegPlan(leg, language, microphone, callers[leg].address))
    return plans, callers


async def _server(
    folder: Path,
    plans: Sequence[LegPlan],
    console: Console,
    stack: contextlib.AsyncExitStack,
    *,
    keys: bool,
) -> ServerProcess:
    server = server_for(folder, plans, stack, keys=keys)
    began = time.monotonic()
    async with _clock(console, "Starting the server and its engines"):
        await stack.enter_async_context(server)
    took = time.monotonic() - began
    console.print(
        f"The server was ready after {took:.1f} s. Look at it: http://127.0.0.1:{server.admin}/",
        highlight=False,
    )
    return server


@contextlib.asynccontextmanager
async def _clock(console: Console, doing: str) -> AsyncIterator[None]:
    """Tell what takes so long, and on a terminal how long it has taken."""
    if not console.is_terminal:
        console.print(f"{doing}: some seconds, more the first time ever", highlight=False)
        yield
        return
    with console.status(f"{doing} …") as status:

        async def tick() -> None:
            for seconds in itertools.count(1):
                await asyncio.sleep(1.0)
                status.update(f"{doing}: {seconds} s (some seconds; more the first time ever)")

        ticking = asyncio.create_task(tick())
        try:
            yield
        finally:
            ticking.cancel()


async def _follow(server: ServerProcess, take: Take) -> None:
    """Hand on the server's events. Without them there are no captions, but the call goes on."""
    try:
        async for event in server.events():
            take(event)
    except aiohttp.ClientError as error:
        take({"type": "trouble", "at": time.time(), "text": f"no captions: {error}"})


async def _talk(
    callers: Mapping[str, Caller], cues: Sequence[Cue], take: Take, stack: contextlib.AsyncExitStack
) -> Talk:
    """Say every line at its time. Returns when the last one is said."""
    for caller in callers.values():
        await stack.enter_async_context(caller)
    began = time.monotonic()
    said: dict[str, list[tuple[Said, DialogueLine]]] = {leg: [] for leg in callers}

    async def play(cue: Cue) -> None:
        await asyncio.sleep(max(0.0, began + cue.at - time.monotonic()))
        take({"type": "said", "at": time.time(), "leg": cue.leg, "text": cue.line.text})
        said[cue.leg].append((await callers[cue.leg].say(cue.line.pcm), cue.line))

    async with asyncio.TaskGroup() as group:
        for cue in cues:
            group.create_task(play(cue))
    return said


async def _until_heard(callers: Mapping[str, Caller], captions: Captions, said: Talk) -> None:
    """Wait until every line was understood and both ears are silent, on a busy machine for long.

    A line that is not understood at all is given up `LAST_WAIT` seconds after the last one was said.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_WAIT):
            while any(captions.sides[leg].segments < len(said[leg]) for leg in said):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    await asyncio.gather(*(each.quiet(SILENCE_AT_END, SILENCE_AT_END) for each in callers.values()))


def _write_said(folder: Path, callers: Mapping[str, Caller], said: Talk) -> None:
    """What each said, on the same timeline as what they heard: the two can be played side by
    side."""
    for leg, lines in said.items():
        tape = bytearray()
        for when, line in lines:
            place = round((when.began - callers[leg].heard.began) * RATE) * SAMPLE_BYTES
            tape += bytes(max(0, place - len(tape)))
            tape += line.pcm
        write_wav(folder / f"{leg}-said.wav", bytes(tape))
