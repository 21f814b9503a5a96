"""The notice at the start of a call: "this call is translated by a machine", to each party in their language.

It is spoken before any translation, and what was said and whether it was heard is an event (`notice`), which
the transcript keeps.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog

from translink.audio import AudioError, WavDecoder
from translink.calls.speaker import Ear, next_utterance
from translink.errors import ProviderError, SettingsError
from translink.results import RATE

if TYPE_CHECKING:
    from translink._core import Playout
    from translink.calls.hearing import Hearing
    from translink.observe.journal import Journal, Value
    from translink.providers.services import Services
    from translink.settings.prompts import NoticeSettings

log = structlog.get_logger("translink")
T = TypeVar("T")

NOTICE_TIME = 8.0
"""Seconds that translating and speaking it may take; translations wait for it meanwhile."""
LONGEST_FILE = 30.0
"""Seconds."""
SOUNDS_KEPT = 32
"""Notices in different languages and voices."""


@dataclass(frozen=True, slots=True)
class SpokenNotice:
    """A notice in one language."""

    text: str
    language: str
    pcm: bytes
    """s16le of 16 kHz."""


class NoticeMaker(Protocol):
    """What is said to whom, as `Notices` has it."""

    @property
    def wanted(self) -> bool:
        """Whether there is any."""
        ...

    async def of(self, language: str, voice: str | None) -> SpokenNotice | None:
        """What a party hears; None: there is nothing for them. Raises `ProviderError`."""
        ...


class Notices:
    """What is said to whom. Each is made once and kept."""

    def __init__(self, settings: NoticeSettings, services: Services) -> None:
        """Reads the files. Raises `SettingsError`."""
        self._texts = settings.text
        self._files = {
            language: SpokenNotice(
                in_language(self._texts, language) or f"[{path.name}]", language, wav_of(path)
            )
            for language, path in settings.file.items()
        }
        self._services = services
        self._made: OrderedDict[tuple[str, str | None], SpokenNotice] = OrderedDict()

    @property
    def wanted(self) -> bool:
        """Whether there is any."""
        return bool(self._texts or self._files)

    async def of(self, language: str, voice: str | None) -> SpokenNotice | None:
        """What a party hears; None: there is nothing for them. Raises `ProviderError`."""
        if (file := in_language(self._files, language)) is not None:
            return file
        if not self._texts:
            return None
        made = self._made.get((language, voice))
        if made is None:
            text = in_language(self._texts, language)
            if text is None:
                source_language, original = next(iter(self._texts.items()))
                text = (
                    await self._services.translate(original, source_language, language, "")
                ).text
            pcm = b"".join([part async for part in self._services.speak(text, language, voice)])
            made = self._made[language, voice] = SpokenNotice(text, language, pcm)
            while len(self._made) > SOUNDS_KEPT:
                self._made.popitem(last=False)
        return made


class Announcement:
    """A notice in one ear of one call."""

    def __init__(
        self,
        notices: NoticeMaker,
        *,
        call: str,
        leg: str,
        language: str,
        voice: str | None,
        ear: Ear,
        hearing: Hearing,
        journal: Journal,
    ) -> None:
        self.present = asyncio.Event()
        """Somebody is there to hear it."""
        self.queued = asyncio.Event()
        """It is in the ear's queue, or will never be: translations may follow."""
        self._notices = notices
        self._call = call
        self._leg = leg
        self._language = language
        self._voice = voice
        self._ear = ear
        self._hearing = hearing
        self._journal = journal
        self._number = next_utterance()
        self._said: SpokenNotice | None = None
        self._failed = False

    async def run(self, after: Sequence[asyncio.Event] = ()) -> None:
        """Have it said, once the events of `after` have come and somebody is there. A failure is reported,
        not raised."""
        try:
            for event in (*after, self.present):
                await event.wait()
            async with asyncio.timeout(NOTICE_TIME):
                self._said = await self._notices.of(self._language, self._voice)
            if self._said is not None:
                await self._play(self._said)
        except (ProviderError, TimeoutError, LookupError, RuntimeError) as error:
            reason = str(error) or f"it took more than {NOTICE_TIME:.0f} s"
            log.error("the notice was not said", call=self._call, leg=self._leg, reason=reason)
            self._tell("failed", reason=reason)
            self._failed = True
        finally:
            self.queued.set()

    def playout(self, event: Playout) -> None:
        """A step of an utterance in this ear."""
        if event.utterance != self._number or self._said is None:
            return
        # As all that an ear is played: it may come back through the microphone.
        if event.kind == "started":
            self._hearing.played.begin(self._number, self._said.text, event.at / 1e9)
        else:
            self._hearing.played.end(self._number, event.at / 1e9)
        if not self._failed:
            self._tell(event.kind)

    async def _play(self, said: SpokenNotice) -> None:
        if not said.pcm:
            raise RuntimeError("no sound came")
        rest, deadline = said.pcm, time.monotonic() + NOTICE_TIME
        while rest := rest[self._ear.play(self._number, rest, True) :]:
            if time.monotonic() > deadline:
                if len(rest) < len(said.pcm):
                    # What never ends holds up all that follows.
                    self._ear.play(self._number, b"", True)
                raise RuntimeError("the ear is full")
            await asyncio.sleep(0.1)

    def _tell(self, state: str, **more: Value) -> None:
        said = self._said
        data: dict[str, Value] = {
            "state": state,
            "text": said.text if said else "",
            "language": self._language,
            **more,
        }
        self._journal.emit("notice", data, call=self._call, leg=self._leg)


def in_language(things: Mapping[str, T], language: str) -> T | None:
    """The one in that language, or else in the same without its region."""
    return things.get(language) or things.get(language.partition("-")[0])


def wav_of(path: Path) -> bytes:
    """A file's sound, s16le of 16 kHz. Raises `SettingsError`."""
    try:
        decoder = WavDecoder(mix=True)
        pcm = decoder.push(path.read_bytes()) + decoder.finish()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from error
    except AudioError as error:
        raise SettingsError(f"{path}: {error}") from error
    if not 0 < len(pcm) <= LONGEST_FILE * 2 * RATE:
        raise SettingsError(f"{path}: should be at most {LONGEST_FILE:.0f} s long")
    return pcm
