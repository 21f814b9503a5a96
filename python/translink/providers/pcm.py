"""Sound and text cut to size: a byte stream into whole samples, a long text into requests."""

from __future__ import annotations

import re
from collections.abc import Iterator

from translink.audio import AudioError, read_wav_header, wav_header
from translink.errors import printable
from translink.results import RATE

LOWEST_RATE, HIGHEST_RATE = 8_000, 96_000
"""Samples per second that a voice may have."""


class WrongFormat(Exception):
    """The bytes are not s16le mono of the rate asked for; the message says what they are."""


class Pcm:
    """Turns the body of a synthesis into whole samples: strips a WAV header, carries an odd byte
    over."""

    def __init__(self, content_type: str = "", *, rate: int = RATE, fixed: bool = True) -> None:
        """Raises WrongFormat when `content_type` names something else. An unknown or missing one is
        let pass.

        Args:
            rate: what was asked for. fixed: another one, named by the content type or a WAV header,
                is wrong; else it is taken.
        """
        self.rate = rate
        """Of the sound; final once there are samples."""
        self._fixed = fixed
        self.samples = 0
        """Samples returned so far."""
        self._head: bytearray | None = bytearray()
        self._odd = b""
        self._left: int | None = None
        self._check(content_type)

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes in any lengths; returns what is ready. Raises WrongFormat."""
        if self._head is not None:
            self._head += chunk
            start = self._sound_at(self._head)
            if start is None:
                return b""
            chunk, self._head = bytes(self._head[start:]), None
        if self._left is not None:
            chunk = chunk[: self._left]
            self._left -= len(chunk)
        data = self._odd + chunk
        whole = len(data) & ~1
        self._odd = data[whole:]
        self.samples += whole // 2
        return data[:whole]

    def end(self) -> None:
        """The body is complete. Raises WrongFormat when all of it was an unfinished header."""
        if self._head:
            raise WrongFormat(f"{len(self._head)} bytes that are no sound")

    def _sound_at(self, head: bytearray) -> int | None:
        """Where the sound begins; None: not known yet."""
        if other := compressed(head):
            raise WrongFormat(other)
        if not b"RIFF".startswith(head[:4]) and head[:4] != b"RIFF":
            unsure = any(magic.startswith(bytes(head)) for magic in _COMPRESSED_HEADS)
            if head[0] == 0xFF and len(head) < _TWO_FRAMES:
                unsure = len(head) < 4 or _mp3_frame(head, 0) > 0
            return None if unsure else 0
        try:
            header = read_wav_header(head)
        except AudioError as error:
            raise WrongFormat(f"WAV: {error}") from None
        if header is None:
            return None
        if (header.tag, header.channels, header.bits) != (1, 1, 16) or not self._takes(header.rate):
            raise WrongFormat(
                f"WAV format {header.tag}, {header.channels} channels, {header.rate} Hz, "
                f"{header.bits} bits"
            )
        self._left = header.size
        return header.start

    def _check(self, content_type: str) -> None:
        kind, _, parameters = content_type.lower().partition(";")
        kind = kind.strip()
        rate = re.search(r"rate=(\d+)", parameters)
        if kind in _OTHER or kind.startswith("text/") or (rate and not self._takes(int(rate[1]))):
            raise WrongFormat(printable(content_type))

    def _takes(self, rate: int) -> bool:
        if self._fixed or not LOWEST_RATE <= rate <= HIGHEST_RATE:
            return rate == self.rate
        self.rate = rate
        return True


def wav(pcm: bytes) -> bytes:
    """16 kHz s16le mono with the 44 bytes of header in front (RIFF WAVE, PCM)."""
    return wav_header(RATE, size=len(pcm)) + pcm


def compressed(head: bytes | bytearray) -> str | None:
    """The name of the compressed format that begins with `head`; None: none that is known."""
    for magic, name in _COMPRESSED_HEADS.items():
        if head.startswith(magic):
            return name
    length = _mp3_frame(head, 0)
    return "MP3" if length and _mp3_frame(head, length) else None


def _mp3_frame(data: bytes | bytearray, at: int) -> int:
    """Length of the layer III frame whose header stands at `at`, or 0. The header alone might be two
    samples; the next one in its place is no accident (ISO 11172-3 section 2.4.1.3)."""
    if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return 0
    version, rate, bits = data[at + 1] >> 3 & 3, data[at + 2] >> 2 & 3, data[at + 2] >> 4
    if version == 1 or rate == 3 or not 0 < bits < 15:
        return 0
    full = version == 3
    kbits = (_MP3_KBITS if full else _MP3_KBITS_LOW)[bits - 1]
    hertz = _MP3_HERTZ[rate] >> (0 if full else 1 if version == 2 else 2)
    return (144 if full else 72) * kbits * 1000 // hertz + (data[at + 2] >> 1 & 1)


def pieces(text: str, longest: int) -> Iterator[str]:
    """Cut `text` into parts of at most `longest` characters: at ends of sentences, else at blanks,
    else anywhere."""
    rest = text.strip()
    while len(rest) > longest:
        window = rest[: longest + 1]
        ends = [match.end() for match in _SENTENCE_END.finditer(window) if match.end() <= longest]
        blank = window.rfind(" ")
        cut = ends[-1] if ends else blank if blank > 0 else longest
        yield rest[:cut].strip()
        rest = rest[cut:].strip()
    if rest:
        yield rest


_SENTENCE_END = re.compile(r"[.!?…][\"'»”’)\]]*(?=\s|$)|[。！？][」』）]*")
_OTHER = frozenset(
    f"audio/{name}" for name in ["mpeg", "mulaw", "basic", "alaw", "ogg", "opus", "flac", "aac"]
) | {"application/json"}
_COMPRESSED_HEADS = {b"ID3": "MP3", b"OggS": "Ogg", b"fLaC": "FLAC"}
_MP3_KBITS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_KBITS_LOW = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MP3_HERTZ = (44100, 48000, 32000)
_TWO_FRAMES = 1445
"""Bytes in which the longest MP3 frame and the next one's header fit."""
