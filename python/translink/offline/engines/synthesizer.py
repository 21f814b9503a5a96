"""Speech: by Pico for its languages wherever it is installed, else by flite (English) and espeak-ng
(French), a process per utterance.

Measured on an idle machine: 10–20 ms to the first byte for espeak-ng, 30–160 ms for flite, which makes the whole
utterance before it writes and begins with 0.2 s of silence; for Pico see `pico`. Closing the iterator kills
the process of a program.

The text goes by standard input only: a command line can be read by every user of the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass

from translink.audio import AudioError, WavDecoder
from translink.offline.engines.pico import INSTALL_PICO, PICO_VOICES, PicoVoices, has_pico
from translink.offline.engines.protocols import EngineFailed, EngineMissing
from translink.process.child import end

_VOICE_READ = 3_200
"""Bytes read at once: some 70 ms of espeak-ng's 22.05 kHz."""
_UTTERANCE_TIMEOUT = 20.0
"""Seconds an utterance may take."""
_VOICES_AT_ONCE = 8
"""Processes at once; further utterances wait."""


@dataclass(frozen=True, slots=True)
class SpeakerVoice:
    """A program that speaks one language."""

    program: str
    arguments: Sequence[str]
    """It reads the text from standard input."""
    install: str
    writes_file: bool = False
    """It goes back in its output, which is appended as the last argument; else it streams to
    standard output.
    """


# Klatt's synthesis: of espeak-ng's own French the recogniser gets a quarter right, of this 85 %.
SPEAKERS = {
    "en": SpeakerVoice(
        "flite",
        ("-voice", "slt", "-f", "/dev/stdin", "-o"),
        "apt-get install flite",
        writes_file=True,
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


def spoken_languages() -> frozenset[str]:
    """What is spoken here, or would be with the command that an error names."""
    return frozenset(SPEAKERS) | (frozenset(PICO_VOICES) if has_pico() else frozenset())


class ProgramSynthesizer:
    """Implements `SynthesizerEngine`."""

    name = "offline-voices"

    def __init__(self) -> None:
        """Nothing is started yet."""
        self._room = asyncio.Semaphore(_VOICES_AT_ONCE)
        self._pico = PicoVoices()

    async def warm(self) -> None:
        """Start what stays. Raises `EngineFailed`."""
        if has_pico():
            await self._pico.warm()

    async def close(self) -> None:
        """End it. Idempotent."""
        await self._pico.close()

    def languages(self) -> frozenset[str]:
        """Also those whose program is missing: asking for one then names the command to install it."""
        return spoken_languages()

    async def speak(self, text: str, language: str, rate: int) -> AsyncGenerator[bytes]:
        """s16le at `rate` as it is made. Raises `EngineMissing`, `EngineFailed`, `BusyError`."""
        if language in PICO_VOICES and has_pico():
            async with contextlib.aclosing(self._pico.speak(text, language, rate)) as sound:
                async for pcm in sound:
                    yield pcm
            return
        speaker = speaker_for(language)
        async with self._room, asyncio.timeout(_UTTERANCE_TIMEOUT):
            decoder = WavDecoder(rate)
            try:
                async with _output(speaker, text) as reader:
                    while data := await reader.read(_VOICE_READ):
                        if pcm := decoder.push(data):
                            yield pcm
                if pcm := decoder.finish():
                    yield pcm
            except AudioError as error:
                raise EngineFailed(f"{speaker.program} made no sound") from error


def speaker_for(language: str) -> SpeakerVoice:
    """The program to use where Pico does not speak. Raises `EngineMissing`."""
    first = SPEAKERS.get(language)
    for speaker in (first, _SPARE.get(language)):
        if speaker is not None and shutil.which(speaker.program):
            return speaker
    if language not in PICO_VOICES:
        raise EngineMissing(f"no offline voice for {language}")
    mends = [INSTALL_PICO, *([first.install] if first is not None else [])]
    raise EngineMissing(f"no voice for {language} is installed: {', or '.join(mends)}")


@contextlib.asynccontextmanager
async def _output(speaker: SpeakerVoice, text: str) -> AsyncGenerator[asyncio.StreamReader]:
    """What the program makes of the text."""
    with _memory("text", " ".join(text.split()).encode() + b"\n") as said:
        if speaker.writes_file:
            with _memory("speech") as made:
                # /dev/fd of the child's own: nobody else can open it.
                process = await _started(speaker, f"/dev/fd/{made}", said, keep=(made,))
                try:
                    await process.wait()
                finally:
                    await end(process)
                reader = asyncio.StreamReader()
                reader.feed_data(os.pread(made, os.fstat(made).st_size, 0))
                reader.feed_eof()
                yield reader
        else:
            async with _streamed(speaker, said) as reader:
                yield reader


@contextlib.asynccontextmanager
async def _streamed(speaker: SpeakerVoice, said: int) -> AsyncGenerator[asyncio.StreamReader]:
    """A pipe of our own: uvloop gives children a socket, which has no end for some programs."""
    out, theirs = os.pipe()
    try:
        process = await _started(speaker, None, said, stdout=theirs)
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
        yield reader
    finally:
        transport.close()
        await end(process)


async def _started(
    speaker: SpeakerVoice,
    output: str | None,
    said: int,
    *,
    stdout: int = asyncio.subprocess.DEVNULL,
    keep: Sequence[int] = (),
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        speaker.program,
        *speaker.arguments,
        *([output] if output else []),
        stdin=said,
        stdout=stdout,
        stderr=asyncio.subprocess.DEVNULL,
        pass_fds=keep,
    )


@contextlib.contextmanager
def _memory(name: str, content: bytes = b"") -> Iterator[int]:
    """A file without a name in any folder, at its beginning."""
    descriptor = os.memfd_create(name)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
