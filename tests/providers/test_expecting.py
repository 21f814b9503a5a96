"""What becomes of key terms: sent with a connection, on an open stream, by a new one, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from tests.support.virtual import run_virtually
from translink.errors import Kind, ProviderError
from translink.providers.expecting import UNANSWERED, Expecting, connected, transcribed
from translink.providers.protocols import LiveStream, LiveTranscriber, Transcriber
from translink.results import Result

REFUSED = ProviderError("Keyterm limit exceeded", provider="fake", kind=Kind.REFUSED, status=400)


class TermStream:
    """Takes terms if `answers`; None = gives no answer."""

    def __init__(self, takes: bool = True, answer: str | None = "none yet") -> None:
        self.takes = takes
        self.answer = answer
        self.terms: list[tuple[str, ...]] = []

    def expect(self, terms: tuple[str, ...], answered: Callable[[str | None], None]) -> bool:
        if self.takes:
            self.terms.append(terms)
            if self.answer != "none yet":
                asyncio.get_running_loop().call_later(0.1, answered, self.answer)
        return self.takes


class Live:
    name = "fake"

    def __init__(self, stream: TermStream | None = None) -> None:
        self.stream = stream or TermStream()
        self.asked: list[tuple[str, ...]] = []
        self.refuses: Callable[[tuple[str, ...]], bool] = lambda _: False
        self.handshake = 0.0

    async def connect(self, language: str) -> LiveStream:
        return await self.connect_expecting(language, ())

    async def connect_expecting(self, language: str, terms: tuple[str, ...]) -> LiveStream:
        self.asked.append(terms)
        await asyncio.sleep(self.handshake)
        if self.refuses(terms):
            raise REFUSED
        return cast("LiveStream", self.stream)


class TermsDesk:
    """A leg's recogniser and what it said."""

    def __init__(self, live: Live, terms: tuple[str, ...] = ()) -> None:
        self.renewed = 0
        self.reports: list[str] = []
        self.expecting = Expecting(
            cast("LiveTranscriber", live),
            self._transcribe,
            self._transcribe_expecting,
            terms,
            renew=self._renew,
            report=lambda state, reason: self.reports.append(f"{state}: {reason}"),
        )
        self.pieces: list[tuple[str, ...]] = []

    def _renew(self) -> None:
        self.renewed += 1

    async def _transcribe(self, pcm: bytes, language: str) -> Result:
        return await self._transcribe_expecting(pcm, language, ())

    async def _transcribe_expecting(
        self, pcm: bytes, language: str, terms: tuple[str, ...]
    ) -> Result:
        self.pieces.append(terms)
        return Result(0, 1, "x", (), final=True)


def test_connections_and_pieces_have_the_terms_and_a_change_reaches_the_open_stream() -> None:
    async def scenario() -> None:
        stream = TermStream(answer=None)
        live = Live(stream)
        desk = TermsDesk(live, ("Anna",))
        await desk.expecting.connect("en")
        await desk.expecting.transcribe(b"", "en")
        desk.expecting.expect(("Anna",))
        assert stream.terms == [], "nothing new"
        desk.expecting.expect(("Bob",))
        await asyncio.sleep(1.0)
        assert stream.terms == [("Bob",)]
        assert desk.reports == ["applied: while the stream goes on"]
        await desk.expecting.transcribe(b"", "en")
        desk.expecting.expect(())
        await asyncio.sleep(1.0)
        await desk.expecting.transcribe(b"", "en")
        assert stream.terms == [("Bob",), ()]
        assert desk.pieces == [("Anna",), ("Bob",), ()]
        assert (live.asked, desk.renewed) == ([("Anna",)], 0)

    run_virtually(scenario())


@pytest.mark.parametrize(
    "stream",
    [TermStream(takes=False), TermStream(answer="no"), TermStream()],
    ids=["takes none", "refuses", "never answers"],
)
def test_a_stream_that_does_not_take_them_is_followed_by_one_that_has_them(
    stream: TermStream,
) -> None:
    async def scenario() -> None:
        desk = TermsDesk(live := Live(stream))
        await desk.expecting.connect("en")
        desk.expecting.expect(("Bob",))
        await asyncio.sleep(UNANSWERED + 1)
        assert (desk.renewed, desk.reports) == (1, [])
        await desk.expecting.connect("en")
        assert live.asked == [(), ("Bob",)]
        assert desk.reports == ["applied: by a new stream"]
        await desk.expecting.connect("en")
        assert len(desk.reports) == 1, "reported once"

    run_virtually(scenario())


def test_a_new_stream_that_knows_them_is_not_followed_by_another_for_want_of_an_answer() -> None:
    async def scenario() -> None:
        desk = TermsDesk(live := Live(TermStream()))
        await desk.expecting.connect("en")
        desk.expecting.expect(("Bob",))
        await asyncio.sleep(UNANSWERED / 2)
        await desk.expecting.connect("en")  # the first one has ended
        await asyncio.sleep(UNANSWERED + 1)
        assert live.asked == [(), ("Bob",)]
        assert (desk.renewed, desk.reports) == (0, ["applied: by a new stream"])

    run_virtually(scenario())


def test_an_old_answer_says_nothing_of_a_newer_list() -> None:
    async def scenario() -> None:
        stream = TermStream(answer="no")
        desk = TermsDesk(Live(stream))
        await desk.expecting.connect("en")
        desk.expecting.expect(("Bob",))
        stream.answer = None
        desk.expecting.expect(("Eve",))
        await asyncio.sleep(UNANSWERED + 1)
        assert (desk.renewed, desk.reports) == (0, ["applied: while the stream goes on"])

    run_virtually(scenario())


def test_what_changes_during_the_handshake_is_sent_after_it() -> None:
    async def scenario() -> None:
        live = Live(stream := TermStream(answer=None))
        live.handshake = 0.5
        desk = TermsDesk(live)
        opening = asyncio.create_task(desk.expecting.connect("en"))
        await asyncio.sleep(0.2)
        desk.expecting.expect(("Bob",))
        await opening
        await asyncio.sleep(1.0)
        assert stream.terms == [("Bob",)]
        assert desk.reports == ["applied: while the stream goes on"]

    run_virtually(scenario())


def test_a_list_that_is_refused_costs_no_stream_and_is_not_tried_again() -> None:
    async def scenario() -> None:
        live = Live()
        live.refuses = bool
        desk = TermsDesk(live, ("too", "many"))
        await desk.expecting.connect("en")
        await desk.expecting.connect("en")
        assert live.asked == [("too", "many"), (), ()]
        assert len(desk.reports) == 1
        assert desk.reports[0].startswith("refused: ")
        assert "limit" in desk.reports[0]
        desk.expecting.expect(("few",))
        live.refuses = lambda terms: len(terms) > 1
        await desk.expecting.connect("en")
        assert desk.reports[1:] == ["applied: by a new stream"]

    run_virtually(scenario())


def test_a_refusal_that_is_not_about_the_terms_stays_one() -> None:
    async def scenario() -> None:
        live = Live()
        live.refuses = lambda _: True
        desk = TermsDesk(live, ("Anna",))
        with pytest.raises(ProviderError, match="limit"):
            await desk.expecting.connect("xx")
        assert desk.reports == []

    run_virtually(scenario())


async def test_a_piece_whose_terms_are_refused_is_recognised_without_them() -> None:
    class RefusingPieces:
        name = "fake"

        def __init__(self) -> None:
            self.asked: list[tuple[str, ...] | None] = []

        async def transcribe(self, pcm: bytes, language: str) -> Result:
            self.asked.append(None)
            return Result(0, 1, "heard", (), final=True)

        async def transcribe_expecting(
            self, pcm: bytes, language: str, terms: tuple[str, ...]
        ) -> Result:
            self.asked.append(terms)
            raise REFUSED

    pieces = RefusingPieces()
    one = cast("Transcriber", pieces)
    assert (await transcribed(one, b"", "en", ("Anna",))).text == "heard"
    assert pieces.asked == [("Anna",), None]
    await transcribed(one, b"", "en", ())
    assert pieces.asked[2:] == [None]


async def test_a_provider_that_takes_no_terms_is_asked_without() -> None:
    class Deaf:
        name = "deaf"

        async def connect(self, language: str) -> LiveStream:
            return cast("LiveStream", TermStream())

    assert await connected(cast("LiveTranscriber", Deaf()), "en", ("Anna",))
