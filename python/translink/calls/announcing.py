"""The announcements of one call: what each party hears at its beginning, or when a recording begins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from translink.calls.notice import Announcement, NoticeMaker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from translink._core import Playout
    from translink.calls.call import Party
    from translink.observe.journal import Journal
    from translink.settings.legs import LegSettings

THERE_AFTER = 1.0
"""Seconds after the first audio of one party after which the other one is taken to be there, too, and to
have nothing to send."""


class Announcements:
    """What each party hears, and when."""

    def __init__(
        self,
        call: str,
        parties: Mapping[str, Party],
        journal: Journal,
        first: NoticeMaker | None,
    ) -> None:
        """`first` = what each party hears before any translation."""
        self._call = call
        self._parties = parties
        self.languages = {leg: each.settings.languages[0] for leg, each in parties.items()}
        """What each party speaks, as far as is known by now."""
        self._journal = journal
        self._first = self._of(first) if first is not None and first.wanted else {}
        self._later: list[tuple[str, Announcement]] = []
        self._group: asyncio.TaskGroup | None = None
        self._tasks: list[asyncio.Task[None]] = []
        for leg, announcement in self._first.items():
            if parties[leg].there:
                announcement.present.set()

    def before_speech(self, hearer: str) -> list[asyncio.Event]:
        """What translations for this leg wait for."""
        announced = self._first.get(hearer)
        return [announced.queued] if announced else []

    def begin(self, group: asyncio.TaskGroup, after: Sequence[asyncio.Event]) -> None:
        """Have them said, after these events, by tasks of the call's group."""
        self._group = group
        self._tasks += [
            group.create_task(each.run(after), name=f"notice-{leg}")
            for leg, each in self._first.items()
        ]

    def announce(self, notices: NoticeMaker) -> None:
        """Have this said now, in the middle of a call that runs."""
        if self._group is None or not notices.wanted:
            return
        for leg, each in self._of(notices).items():
            each.present.set()
            self._later.append((leg, each))
            self._tasks.append(self._group.create_task(each.run(), name=f"notice-{leg}"))

    def came(self, leg: str) -> None:
        """A party is on the line, or heard: they hear, too."""
        if leg in self._first and not self._first[leg].present.is_set():
            present = self._first[leg].present
            present.set()
            other = next(name for name in self._parties if name != leg)
            if not self._parties[other].awaited:
                there = self._first[other].present.set
                asyncio.get_running_loop().call_later(THERE_AFTER, there)

    def playout(self, leg: str, event: Playout) -> None:
        """A step in the ear of `leg`."""
        if leg in self._first:
            self._first[leg].playout(event)
        for hearer, each in self._later:
            if hearer == leg:
                each.playout(event)

    def give_up(self) -> None:
        """The call ends: those who never came hear nothing."""
        for each, task in zip(self._first.values(), self._tasks, strict=False):
            if not each.present.is_set():
                task.cancel()

    def close(self) -> None:
        """The call is over."""
        self._group = None
        for task in self._tasks:
            task.cancel()

    def _of(self, notices: NoticeMaker) -> dict[str, Announcement]:
        return {
            leg: Announcement(
                notices,
                call=self._call,
                leg=leg,
                language=self.languages[leg],
                voice=self._voice(each.settings),
                ear=each.media,
                hearing=each.hearing,
                journal=self._journal,
            )
            for leg, each in self._parties.items()
        }

    def _voice(self, settings: LegSettings) -> str | None:
        """The one that is set for it is of the language it began with."""
        same = self.languages[settings.name] == settings.language
        return settings.voice if same else None
