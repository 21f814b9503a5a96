"""What the calls know of the recorder that writes them to disk, and what parties hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from translink.calls.lag import tone
from translink.calls.notice import NoticeMaker, SpokenNotice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from translink.calls.call import Call
    from translink.calls.leg import Leg

TONE_TEXT = "[tone]"
"""What is kept in the transcript of a tone."""


class CallRecorder(Protocol):
    """Records calls. Nothing here may block or raise."""

    notice: NoticeMaker
    """What each party hears when a recording begins."""

    def wants(self, leg: Leg) -> bool:
        """Whether what is said and heard on it is to be recorded in its next call."""
        ...

    def refuses(self) -> bool:
        """Whether no recording can begin now."""
        ...

    def begin(self, call: Call, legs: Sequence[Leg]) -> None:
        """A call begins; its first samples are still to come."""
        ...

    def switch(self, leg: Leg) -> None:
        """What is wanted of a leg that is in a call may have changed."""
        ...


class ToneNotice:
    """A tone, in every language."""

    wanted = True

    async def of(self, language: str, voice: str | None) -> SpokenNotice | None:
        return SpokenNotice(TONE_TEXT, language, tone())


class JoinedNotices:
    """One notice after the other, as one."""

    def __init__(self, *notices: NoticeMaker) -> None:
        self._notices = notices

    @property
    def wanted(self) -> bool:
        return any(each.wanted for each in self._notices)

    async def of(self, language: str, voice: str | None) -> SpokenNotice | None:
        found = [await each.of(language, voice) for each in self._notices if each.wanted]
        said = [each for each in found if each is not None]
        if not said:
            return None
        text = " ".join(each.text for each in said)
        return SpokenNotice(text, language, b"".join(each.pcm for each in said))


def recording_notice(sentence: NoticeMaker, *, with_tone: bool) -> NoticeMaker:
    """What each party hears when a recording begins: a tone, a sentence, or both."""
    return JoinedNotices(ToneNotice(), sentence) if with_tone else sentence


def with_recorder(
    notices: NoticeMaker | None, recorder: CallRecorder | None, legs: Sequence[Leg]
) -> NoticeMaker | None:
    """What the parties of a call hear first, if one of these legs is to be recorded and can be."""
    if recorder is None or recorder.refuses() or not any(map(recorder.wants, legs)):
        return notices
    return JoinedNotices(*([notices] if notices else []), recorder.notice)
