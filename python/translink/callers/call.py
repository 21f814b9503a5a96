"""`translink call`: one caller from the command line."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import orjson
import uvloop
from rich.console import Console

from translink.callers.caller import DATAGRAM, Address, Caller, fixed_size, random_sizes
from translink.callers.ear import BYTES_PER_SECOND
from translink.callers.wav import WavError, WavWriter, read_wav
from translink.credentials import known_host
from translink.errors import SettingsError, TranslinkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEARD, WRONG_ARGUMENTS, NOTHING_HEARD = 0, 2, 3
"""Exit codes."""
LINGER = 4.0
"""Seconds of silence in the ear, after everything was said, that end the call."""
CALL_PATIENCE = 12.0
"""Seconds after the last word in which a first sound must be heard: prerecorded recognition,
translation and speech took 3 s together on a bad day; a starting offline engine takes longer."""


class CallReport(TypedDict):
    """What `--json` prints."""

    to: str
    ear: str
    said_seconds: float
    datagrams_sent: int
    bytes_sent: int
    datagrams_heard: int
    bytes_heard: int
    heard_seconds: float
    """Audible sound."""
    utterances_heard: int
    first_audio_seconds: float | None
    """From the first sample said to the first sound heard; None = nothing heard."""
    after_last_word_seconds: float | None
    """From the last sample said to the last sound heard."""
    gaps: int
    jitter_p50_ms: float
    jitter_p99_ms: float
    late_sends: int
    send_errors: int
    record: str | None


@dataclass(frozen=True, slots=True)
class LegRoute:
    """Where a call goes and where its caller listens."""

    to: Address
    ear: Address
    hint: str = ""
    """Where the caller's own words can be heard, for one who telephones alone."""


def run_call(
    *,
    leg: str | None = None,
    to: str | None = None,
    ear: str | None = None,
    play: Path | None = None,
    record: Path | None = None,
    datagram: str = str(DATAGRAM),
    seconds: float | None = None,
    linger: float = LINGER,
    mute: bool = False,
    json: bool = False,
    config: Path | None = None,
    env_file: Path | None = None,
) -> int:
    """Call a leg: say a WAV file in real time, record what its ear is sent.

    Args:
        leg: a leg's name in the settings; gives both addresses.
        to: `host:port` to send to, instead of `leg`.
        ear: `host:port` or `port` to listen on, instead of the leg's.
        play: WAV file to say, any rate; None = say silence and listen.
        record: WAV file to write; keeps real time, silence where nothing came.
        datagram: bytes of each datagram, or `random` for sizes from 1 to 1,600.
        seconds: hang up after this long, whatever happens.
        linger: hang up when everything is said and the ear was silent this long.
        mute: send nothing after the file's end, instead of silence.
        json: print the report as JSON on standard output.
        config: `translink.toml` to find `leg` in.
        env_file: the Node.js server's settings file, likewise.

    Returns:
        0 something was heard, 3 nothing was heard, 2 wrong arguments (the reason is on standard error).
    """
    console = Console(stderr=True)
    try:
        sizes = _sizes(datagram)
        route = _route(leg, to, ear, config, env_file)
        pcm = read_wav(play) if play is not None else b""
        with contextlib.ExitStack() as stack:
            tape = stack.enter_context(WavWriter(record)) if record is not None else None
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                report = runner.run(_call(route, pcm, sizes, tape, seconds, linger, mute, console))
    except (WavError, SettingsError, _ArgumentError) as error:
        console.print(
            f"translink call: {error}", style="red", highlight=False, soft_wrap=True, markup=False
        )
        return WRONG_ARGUMENTS
    except KeyboardInterrupt:
        console.print("hung up")
        return 130
    report["record"] = str(record) if record is not None else None
    if json:
        sys.stdout.write(orjson.dumps(report, option=orjson.OPT_APPEND_NEWLINE).decode())
    else:
        _tell(console, route, report)
    return HEARD if report["utterances_heard"] else NOTHING_HEARD


async def _call(
    route: LegRoute,
    pcm: bytes,
    sizes: Iterator[int],
    tape: WavWriter | None,
    seconds: float | None,
    linger: float,
    mute: bool,
    console: Console,
) -> CallReport:
    try:
        caller = Caller(
            route.to,
            ear=route.ear,
            sizes=sizes,
            open_mic=not mute,
            record=tape.write if tape is not None else None,
        )
    except OSError as error:
        raise _ArgumentError(
            f"cannot listen on {_text(route.ear)}: {error.strerror or error}; "
            "is another caller or a gateway using it?"
        ) from error
    began = time.monotonic()
    ended = began
    async with caller:
        watch = asyncio.create_task(_progress(caller, len(pcm) / BYTES_PER_SECOND, console))
        try:
            async with asyncio.timeout(seconds):
                said = await caller.say(pcm)
                began, ended = said.began, said.ended
                if pcm or seconds is None:
                    await caller.quiet(linger, max(linger, CALL_PATIENCE))
                else:
                    await asyncio.sleep(seconds)
        except TimeoutError:
            if ended == began:  # in the middle of the file
                ended = time.monotonic()
        finally:
            watch.cancel()
    return _report(route, caller, began, ended, len(pcm) / BYTES_PER_SECOND)


async def _progress(caller: Caller, length: float, console: Console) -> None:
    """A line that shows progress; nothing where no terminal is."""
    if not console.is_terminal:
        return
    began = time.monotonic()
    with console.status("") as status:
        for _ in itertools.count():
            said = min(length, time.monotonic() - began)
            heard = caller.heard.sound_seconds
            status.update(f"said {said:.1f} of {length:.1f} s · heard {heard:.1f} s")
            await asyncio.sleep(0.2)


def _report(
    route: LegRoute, caller: Caller, began: float, ended: float, length: float
) -> CallReport:
    heard = caller.heard
    return CallReport(
        to=_text(route.to),
        ear=_text(route.ear),
        said_seconds=round(length, 3),
        datagrams_sent=caller.sent.datagrams,
        bytes_sent=caller.sent.bytes,
        datagrams_heard=heard.datagrams,
        bytes_heard=heard.bytes,
        heard_seconds=round(heard.sound_seconds, 3),
        utterances_heard=len(heard.bursts),
        first_audio_seconds=_since(began, heard.first_sound),
        after_last_word_seconds=_since(ended, heard.last_sound),
        gaps=heard.gaps,
        jitter_p50_ms=round(heard.deviation_ms(0.50), 2),
        jitter_p99_ms=round(heard.deviation_ms(0.99), 2),
        late_sends=caller.sent.late,
        send_errors=caller.sent.errors,
        record=None,
    )


def _tell(console: Console, route: LegRoute, report: CallReport) -> None:
    console.print(
        f"said {report['said_seconds']:.1f} s to {report['to']} "
        f"in {report['datagrams_sent']} datagrams",
        highlight=False,
        soft_wrap=True,
    )
    if not report["utterances_heard"]:
        console.print(
            f"heard nothing on {report['ear']}. Is `translink serve` running, and did the other "
            f"caller speak? {route.hint}",
            style="yellow",
            highlight=False,
            soft_wrap=True,
        )
        return
    console.print(
        f"heard {report['heard_seconds']:.1f} s in {report['utterances_heard']} utterances; "
        f"first sound after {report['first_audio_seconds']:.2f} s, "
        f"{report['gaps']} gaps, jitter p99 {report['jitter_p99_ms']:.1f} ms",
        highlight=False,
        soft_wrap=True,
    )
    if report["record"]:
        console.print(
            f"recorded in {report['record']}", highlight=False, soft_wrap=True, markup=False
        )


def _route(
    leg: str | None, to: str | None, ear: str | None, config: Path | None, env_file: Path | None
) -> LegRoute:
    if (leg is None) == (to is None):
        raise _ArgumentError("say either --leg NAME or --to HOST:PORT")
    if to is not None:
        return LegRoute(_address(to, "--to"), _address(ear or "127.0.0.1:0", "--ear"))
    from translink.settings.model import Settings

    settings = Settings.load(config=config, env_file=env_file)
    try:
        found = settings.leg(str(leg))
    except KeyError:
        names = ", ".join(each.name for each in settings.legs)
        raise _ArgumentError(f"there is no leg {leg}; the settings have {names}") from None
    if found.at_pbx:
        raise _ArgumentError(f"a telephone system brings the audio of leg {leg}: telephone there")
    if found.transport == "rtp":
        raise _ArgumentError(f"leg {leg} expects RTP, and this caller sends headerless PCM")
    if not found.listen.port:
        raise _ArgumentError(f"leg {leg} listens on any free port; say which with --to HOST:PORT")
    if ear is not None:
        return LegRoute(found.listen, _address(ear, "--ear"))
    other = settings.other(found.name)
    hint = f"Your words, translated, go to the ear of {other.name}"
    if other.play_to is not None:
        hint += f": to hear them yourself, add --ear {other.play_to}"
    # A leg without an ear of its own answers to where the microphone's datagrams come from.
    return LegRoute(found.listen, found.play_to or ("127.0.0.1", 0), hint + ".")


def _address(text: str, name: str) -> Address:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535:
        raise _ArgumentError(f"{name} is {text}; it should be HOST:PORT, as in 127.0.0.1:6120")
    try:
        return known_host(host.strip("[]") or "127.0.0.1"), int(port)
    except ValueError as error:
        raise _ArgumentError(f"{name} is {text}: {error}") from None


def _sizes(text: str) -> Iterator[int]:
    if text == "random":
        return random_sizes(seed=1)
    try:
        return fixed_size(int(text))
    except ValueError as error:
        raise _ArgumentError(
            f"--datagram is {text}; it should be a number of bytes from 1 to 65507, or `random`"
        ) from error


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"


def _since(began: float, at: float | None) -> float | None:
    return None if at is None else round(at - began, 3)


class _ArgumentError(TranslinkError):
    """The command was called wrongly; the message says what would be right."""
