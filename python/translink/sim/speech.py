"""What the callers of the demo say, and the voices that say it.

A caller needs a voice that the recogniser of *this* machine understands. Measured with
pocketsphinx: flite's voices 5-9 % word errors in open English, espeak-ng's 52-68 %; offline French
is held to a phrasebook and its dictionary comes from espeak-ng, so espeak-ng is understood there.
With the real services any of these is understood.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from translink.errors import TranslinkError
from translink.events import RATE
from translink.sim.ear import AUDIBLE, loudest
from translink.sim.wav import SAMPLE_BYTES, parse_wav

INSTALL = "install one with: apt-get install -y --no-install-recommends flite espeak-ng"

DIALOGUE: dict[str, tuple[str, ...]] = {
    "en": (
        "Hello, can you hear me?",
        "I would like to make an appointment.",
        "Tomorrow morning, please.",
        "How much does it cost?",
        "Thank you very much. Goodbye.",
    ),
    "fr": (
        "Bonjour, je vous entends très bien.",
        "Quel jour vous convient ?",
        "C'est possible à dix heures.",
        "Cela coûte vingt euros.",
        "Je vous en prie. Au revoir.",
    ),
}
"""Language to lines; line n of one answers line n of the other."""


class SpeechMissing(TranslinkError):
    """No program on this machine can speak a language; the message has the command that installs
    one."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence and its sound."""

    text: str
    language: str
    pcm: bytes
    """16 kHz s16le mono."""
    voice: str
    """Which program and voice made it."""

    @property
    def seconds(self) -> float:
        """How long it takes to say."""
        return len(self.pcm) / SAMPLE_BYTES / RATE


async def lines_of(language: str) -> list[Line]:
    """The dialogue's lines in one language, spoken. Raises `SpeechMissing`."""
    return [await speak(text, language) for text in DIALOGUE[language]]


async def speak(text: str, language: str) -> Line:
    """One sentence, by the best program there is. Raises `SpeechMissing`."""
    if language == "en" and shutil.which("flite"):
        pcm, voice = await _flite(text, "rms"), "flite rms"
    elif shutil.which("espeak-ng"):
        pcm, voice = await _espeak(text, language), f"espeak-ng {language}"
    else:
        name = _NAMES.get(language, language)
        raise SpeechMissing(f"no program on this machine speaks {name}; {INSTALL}")
    return Line(text, language, trimmed(pcm), voice)


def trimmed(pcm: bytes) -> bytes:
    """Without the silence that engines put before and after: what is left ends where speech
    ends."""
    loud = [at for at in range(0, len(pcm), _STEP) if loudest(pcm[at : at + _STEP]) >= AUDIBLE]
    return pcm[loud[0] : loud[-1] + _STEP] if loud else pcm


async def _flite(text: str, voice: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="translink-") as folder:  # flite writes to files only
        path = Path(folder) / "said.wav"
        await _run("flite", "-voice", voice, "-t", text, "-o", str(path))
        return parse_wav(path.read_bytes(), "flite's answer").at(RATE)


async def _espeak(text: str, language: str) -> bytes:
    made = await _run("espeak-ng", "-v", language, "-s", "150", "--stdout", "--", text)
    return parse_wav(made, "espeak-ng's answer").at(RATE)


async def _run(*command: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, complaint = await process.communicate()
    if process.returncode:
        says = complaint.decode(errors="replace").strip()
        raise SpeechMissing(f"{command[0]} failed with exit code {process.returncode}: {says}")
    return out


_STEP = RATE // 100 * SAMPLE_BYTES
"""10 ms."""
_NAMES = {"en": "English", "fr": "French"}
