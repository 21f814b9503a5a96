"""A caller is asked for their language: "1, English. 2, français.", each said by a voice of that language."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import structlog

from translink.calls.notice import wav_of
from translink.calls.speaker import next_utterance
from translink.errors import ProviderError
from translink.results import RATE
from translink.settings.prompts import LANGUAGE_NAMES

if TYPE_CHECKING:
    from translink.media import MediaLeg
    from translink.settings.prompts import MenuSettings

log = structlog.get_logger("translink")

Speak = Callable[[str, str, str | None], AsyncIterator[bytes]]
"""(text, language, voice); 16 kHz s16le mono as it is made. Raises `ProviderError`."""

MENU_TIME = 8.0
"""Seconds that a caller waits while it is made, once in the life of a process."""
MENU_PAUSE = bytes(2 * RATE * 3 // 10)
"""Between two languages: 0.3 s."""


class LanguageMenu:
    """What is asked, the same for everybody; made for the first caller."""

    def __init__(self, settings: MenuSettings, speak: Speak) -> None:
        """Raises `SettingsError` for a file that cannot be used."""
        self.settings = settings
        self._speak = speak
        self._sound = b"" if settings.file is None else wav_of(settings.file)
        self._making = asyncio.Lock()

    def language_of(self, key: str) -> str | None:
        """None: the key is none of the menu."""
        place = int(key) if key.isascii() and key.isdigit() else 0
        languages = self.settings.languages
        return languages[place - 1] if 0 < place <= len(languages) else None

    async def sound(self) -> bytes:
        """s16le of 16 kHz. Raises `ProviderError`, `TimeoutError`."""
        # Each caller's time runs while others try, too: a voice that hangs keeps them in a queue.
        async with asyncio.timeout(MENU_TIME), self._making:
            if not self._sound:
                parts = [await self._item(*each) for each in self._items()]
                self._sound = MENU_PAUSE.join(parts)
        return self._sound

    def _items(self) -> list[tuple[str, str]]:
        return [
            (f"{key}, {LANGUAGE_NAMES[language.partition('-')[0]]}.", language)
            for key, language in enumerate(self.settings.languages, 1)
        ]

    async def _item(self, text: str, language: str) -> bytes:
        return b"".join([part async for part in self._speak(text, language, None)])


class LanguageChoice:
    """One caller before the menu. `done` is called once, unless they are gone first (`stop`)."""

    def __init__(
        self, menu: LanguageMenu, media: MediaLeg, done: Callable[[str | None], None]
    ) -> None:
        """`done(None)`: they pressed nothing."""
        self._menu = menu
        self._media = media
        self._done = done
        self._asking: asyncio.Task[None] | None = asyncio.create_task(
            self._ask(), name=f"menu-{media.name}"
        )

    def pressed(self, key: str) -> None:
        """They pressed a key; one that is none of the menu counts for nothing."""
        if self._asking is not None and (language := self._menu.language_of(key)) is not None:
            self.stop()
            self._done(language)

    def stop(self) -> None:
        """Ask no longer. Idempotent."""
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
            with contextlib.suppress(LookupError, RuntimeError):
                self._media.flush()

    async def _ask(self) -> None:
        try:
            sound = await self._menu.sound()
            for _ in range(self._menu.settings.times):
                with contextlib.suppress(LookupError, RuntimeError):
                    self._media.play(next_utterance(), sound, last=True)
                await asyncio.sleep(len(sound) / (2 * RATE) + self._menu.settings.wait)
        except (ProviderError, TimeoutError) as error:
            log.error("the language menu could not be spoken", reason=str(error) or "in time")
        self._asking = None
        self._done(None)
