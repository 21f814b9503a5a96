"""From one way or language to another, in mid-call: at a pause, or when no pause comes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from translink.recognition.stint import good_place
from translink.results import RATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from translink.recognition.languages import Languages
    from translink.recognition.pieces import Pieces
    from translink.recognition.rules import ListenRules
    from translink.recognition.speech_map import SpeechMap
    from translink.recognition.stint import Stint
    from translink.recognition.timeline import Timeline


class Handover:
    """Of one leg in one call."""

    def __init__(
        self,
        *,
        speech: SpeechMap,
        timeline: Timeline,
        pieces: Pieces,
        languages: Languages,
        rules: ListenRules,
        stint: Callable[[], Stint | None],
    ) -> None:
        """`stint` = the stream that covers what comes, if there is one."""
        self.over = False
        """The call is."""
        self._speech = speech
        self._timeline = timeline
        self._pieces = pieces
        self._languages = languages
        self._rules = rules
        self._stint = stint
        self._since: float | None = None

    @property
    def pending(self) -> bool:
        """A pause is waited for."""
        return self._since is not None

    def begin(self) -> None:
        """The stream is no longer wanted, or another language."""
        self._since = self._since or time.monotonic()
        self.look()
        # A silent talker sends no frames that would bring it about.
        asyncio.get_running_loop().call_later(self._rules.handover, self.look)

    def forget(self) -> None:
        """There is nothing left to hand over, unless another language was asked for."""
        if not self._languages.changing:
            self._since = None

    def look(self) -> None:
        """End the stream's span at a pause, or when no pause comes."""
        if self._since is None:
            return
        waited = time.monotonic() - self._since
        quiet = self._quiet()
        if not quiet and waited < self._rules.handover:
            return
        self._since = None
        stint = self._stint()
        if stint is not None and stint.open:
            self._change_language(stint.end_at(self._speech.between(), mid_word=not quiet))
        else:
            self._change_language(None)

    def _change_language(self, at: int | None) -> None:
        """What is spoken from `at` on (None = now) is in the language that was asked for."""
        if not self._languages.changing or self.over:
            return
        if at is None:
            at = self._speech.between()
            start = self._timeline.assigned
            if start is not None and not self._quiet():
                # In mid-word; both sides must be able to hear the word on the border whole.
                lap = int(self._rules.lap * RATE)
                at = (
                    start if at - lap <= start else good_place(self._speech, self._rules, start, at)
                )
            # What nobody was given yet was said in the language before.
            self._pieces.take(at)
        self._languages.change_at(at)

    def _quiet(self) -> bool:
        """Is the talker between two words? So is one that sends nothing at all (DTX, mute)."""
        idle = time.monotonic() - self._speech.captured(self._speech.head)
        return self._speech.quiet_for() > RATE // 5 or idle > 0.5
