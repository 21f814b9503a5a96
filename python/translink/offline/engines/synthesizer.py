"""Speech from espeak-ng (French) and flite (English): a process per utterance, streamed.

Measured: 10–20 ms to the first byte for French, 30–160 ms for English (flite makes the whole
utterance before it writes). Closing the iterator kills the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from translink.audio import AudioError, WavDecoder
from translink.offline.engines.processes import end
from translink.offline.engines.protocols import EngineFailed, EngineMissing

_PIECE = 3_200
"""Bytes read at once: some 70 ms of espeak-ng's 22.05 kHz."""
_TIMEOUT = 20.0
"""Seconds an utterance may take."""
_AT_ONCE = 8
"""Processes at once; further utterances wait."""


@dataclass(frozen=True, slots=True)
class SpeakerVoice:
    """A program that speaks one language."""

    program: str
    arguments: Sequence[str]
    """`{text}` is replaced; without it the text goes to the program's standard input."""
    install: str


# Klatt's synthesis: of espeak-ng's own French the recogniser gets a quarter right, of this 85 %.
SPEAKERS = {
    "en": SpeakerVoice(
        "flite", ("-voice", "slt", "-t", "{text}", "-o", "/dev/stdout"), "apt-get install flite"
    ),
    "fr": SpeakerVoice(
        "espeak-ng",
        ("-v", "fr+klatt", "-s", "155", "--stdout", "--stdin", "-b", "1"),
        "apt-get install espeak-ng",
    ),
}
_SPARE = {
    "en": SpeakerVoice(
        "espeak-ng",
        ("-v", "en-us", "-s", "155", "--stdout", "--stdin", "-b", "1"),
        "apt-get install espeak-ng",
    )
}
"""Taken when the first choice is not installed."""


class ProgramSynthesizer:
    """Implements `SynthesizerEngine`."""

    name = "offline-flite-espeak"

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)

    def languages(self) -> frozenset[str]:
        """Also those whose program is missing: asking for one then names the command to install it."""
        return frozenset(SPEAKERS)

    async def speak(self, text: str, language: str, rate: int) -> AsyncGenerator[bytes]:
        """s16le at `rate` as it is made. Raises `EngineMissing`, `EngineFailed`."""
        speaker = speaker_for(language)
        async with self._room, asyncio.timeout(_TIMEOUT):
            decoder = WavDecoder(rate)
            try:
                async with _running(speaker, text) as reader:
                    while data := await reader.read(_PIECE):
                        if pcm := decoder.push(data):
                            yield pcm
                if pcm := decoder.finish():
                    yield pcm
            except AudioError as error:
                raise EngineFailed(f"{speaker.program} made no sound") from error


def speaker_for(language: str) -> SpeakerVoice:
    """The program to use. Raises `EngineMissing`."""
    first = SPEAKERS.get(language)
    if first is None:
        raise EngineMissing(f"no offline voice for {language}")
    for speaker in (first, _SPARE.get(language)):
        if speaker is not None and shutil.which(speaker.program):
            return speaker
    raise EngineMissing(f"{first.program} is not installed: {first.install}")


@contextlib.asynccontextmanager
async def _running(speaker: SpeakerVoice, text: str) -> AsyncGenerator[asyncio.StreamReader]:
    """The program's standard output.

    A pipe of our own: uvloop gives children a socket, which `/dev/stdout` cannot be opened on.
    """
    text = " ".join(text.split())
    by_argument = "{text}" in speaker.arguments
    # A leading blank keeps a text that begins with a dash from being taken for an option.
    arguments = [" " + text if a == "{text}" else a for a in speaker.arguments]
    out, theirs = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            speaker.program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL if by_argument else asyncio.subprocess.PIPE,
            stdout=theirs,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except BaseException:
        os.close(out)
        raise
    finally:
        os.close(theirs)
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(out, "rb", buffering=0)
    )
    try:
        if process.stdin is not None:
            process.stdin.write(text.encode() + b"\n")
            process.stdin.close()
        yield reader
    finally:
        transport.close()
        await end(process)
