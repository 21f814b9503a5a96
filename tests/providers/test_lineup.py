"""The providers in line, as an interpreter sees them: one error for all, a bound, nothing left
open. Real time, short limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from tests.support.virtual import run_virtually
from translink.errors import Kind, ProviderError
from translink.observe.journal import Journal
from translink.providers.attempts import AllFailed
from translink.providers.lineup import Lineup, LineupLimits
from translink.providers.protocols import LiveStream, LiveTranscriber
from translink.providers.streams import Streams
from translink.results import Detected, Result, Translation

LIMITS = LineupLimits(transcribe=0.2, translate=0.1, first_audio=0.1, prerecorded=3, speech=3)
SECOND = bytes(32_000)


@dataclass
class Provider:
    """Any kind of provider: answers, fails or hangs."""

    name: str
    fails: list[Kind | Exception | None] = field(default_factory=list)
    """What comes of each call; the last one for ever. None = an answer."""
    delay: float = 0.0
    retry_after: float | None = None
    calls: int = 0
    active: int = 0
    most: int = 0
    voice: str | None = None

    async def _do(self) -> None:
        fate = self.fails[min(self.calls, len(self.fails) - 1)] if self.fails else None
        self.calls += 1
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.active -= 1
        if isinstance(fate, Exception):
            raise fate
        if fate is not None:
            raise ProviderError(
                f"{self.name} says no", provider=self.name, kind=fate, retry_after=self.retry_after
            )

    async def connect(self, language: str) -> LiveStream:
        await self._do()
        raise AssertionError("no stream is opened here")

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        await self._do()
        return Result(0, len(pcm) // 2, f"{self.name} {language}", (), True)

    async def translate(
        self, text: str, *, source: str, target: str, context: str = ""
    ) -> Translation:
        await self._do()
        return Translation(f"{context}|{text}|{source}>{target}", self.name, 0.0)

    async def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
        await self._do()
        self.active += 1
        try:
            for _ in range(20):
                # Loud, then quiet enough for a pause.
                yield b"\x00\x40" * 1600 + bytes(3200)
        finally:
            self.active -= 1


def lineup(
    *,
    live: LiveTranscriber | None = None,
    transcribers: Sequence[Provider] = (),
    translators: Sequence[Provider] = (),
    voices: Sequence[Provider] = (),
) -> tuple[Lineup, Journal]:
    journal = Journal()
    speakers = voices or [Provider("voice")]

    def choose(voice: str | None) -> Sequence[Provider]:
        for one in speakers:
            one.voice = voice
        return speakers

    made = Lineup(
        live=live or Provider("listen", [Kind.DENIED]),
        transcribers=transcribers or [Provider("prerecorded")],
        translators=translators or [Provider("deepl")],
        voices=choose,
        journal=journal,
        limits=LIMITS,
    )
    return made, journal


def reported(journal: Journal, type_: str) -> list[tuple[object, object]]:
    return [
        (event.data["provider"], event.data.get("kind", event.data.get("state")))
        for event in journal.events
        if event.type == type_
    ]


async def test_the_next_in_line_answers_when_the_first_one_cannot_and_the_journal_knows() -> None:
    first, second = Provider("first", [Kind.DENIED]), Provider("second")
    made, journal = lineup(translators=[first, second])
    translate = made.services().translate
    answer = await translate("hello", "en", "fr", "before")
    assert (answer.text, answer.provider) == ("before|hello|en>fr", "second")
    await translate("again", "en", "fr", "")
    assert (first.calls, second.calls) == (1, 2), "one that was denied is not asked again soon"
    assert reported(journal, "failover") == [("first", "denied")]
    assert reported(journal, "breaker") == [("first", "open")]
    (opened,) = [event for event in journal.events if event.type == "breaker"]
    assert (opened.number("until") or 0) > opened.at
    state = made.breakers()["first"]
    since, until = state.pop("since"), state.pop("until")
    assert state == {
        "state": "open",
        "down": True,
        "reason": "first says no",
        "attempts": 1,
        "opened": 1,
        "kind": "denied",
        "status": None,
    }
    assert isinstance(since, float)
    assert isinstance(until, float)
    assert time.time() - 60 < since < until
    well = made.breakers()["second"]
    assert [well[key] for key in ("kind", "status", "since", "until")] == [None] * 4
    assert made.in_line()["translation"] == ["first", "second"]
    assert made.down() == []


async def test_a_failure_is_logged_with_its_request_id_where_it_has_one() -> None:
    known = ProviderError("no", provider="first", kind=Kind.REFUSED, request_id="req-9")
    asked = Provider("first", [known]), Provider("second", [Kind.REFUSED]), Provider("third")
    made, _ = lineup(translators=asked)
    with capture_logs() as lines:
        await made.services().translate("hello", "en", "fr", "")
    failures = [line for line in lines if line["event"] == "a provider failed"]
    assert [line.get("request_id") for line in failures] == ["req-9", None]


@dataclass
class Choosy(Provider):
    """Has one language."""

    only: str = "en"

    def hears(self, language: str) -> bool:
        return language == self.only

    def speaks(self, language: str) -> bool:
        return language == self.only

    def translates(self, source: str, target: str) -> bool:
        return target == self.only


async def test_who_has_not_the_language_is_passed_over_without_a_request() -> None:
    first = {kind: Choosy(f"{kind}.first") for kind in ("hear", "translate", "speak")}
    second = {kind: Provider(f"{kind}.second") for kind in first}
    made, journal = lineup(
        transcribers=[first["hear"], second["hear"]],
        translators=[first["translate"], second["translate"]],
        voices=[first["speak"], second["speak"]],
    )
    services = made.services()
    for language, who in (("pl", "second"), ("en", "first")):
        assert (await services.transcribe(SECOND, language)).text.startswith(f"hear.{who}")
        answer = await services.translate("x", "fr", language, "")
        assert answer.provider == f"translate.{who}"
        assert [piece async for piece in services.speak("Hello.", language, None)]
    assert [one.calls for one in (*first.values(), *second.values())] == [1] * 6
    assert not journal.events, "nothing failed"


async def test_one_who_has_the_language_refuses_for_all() -> None:
    made, _ = lineup(translators=[Choosy("first"), Provider("second", [Kind.DENIED])])
    with pytest.raises(ProviderError) as caught:
        await made.services().translate("x", "en", "pl", "")
    assert caught.value.kind is Kind.DENIED
    nobody, _ = lineup(translators=[Choosy("first", [Kind.REFUSED])])
    with pytest.raises(ProviderError, match="first says no"):
        await nobody.services().translate("x", "en", "pl", "")


async def test_a_provider_that_hangs_is_left_for_the_next() -> None:
    hanging = Provider("first", delay=60)
    made, _ = lineup(translators=[hanging, Provider("second")])
    async with asyncio.timeout(2):
        answer = await made.services().translate("hello", "en", "fr", "")
    assert answer.provider == "second"
    assert hanging.active == 0, "and is not left hanging"


@pytest.mark.parametrize(
    ("one", "two", "all_together"),
    [
        (Kind.REFUSED, Kind.REFUSED, Kind.REFUSED),
        (Kind.DENIED, Kind.DENIED, Kind.DENIED),
        (Kind.REFUSED, Kind.DENIED, Kind.TRANSIENT),
    ],
)
async def test_all_failing_is_one_error_as_bad_as_its_mildest(
    one: Kind, two: Kind, all_together: Kind
) -> None:
    made, _ = lineup(translators=[Provider("a", [one]), Provider("b", [two])])
    with pytest.raises(ProviderError) as caught:
        await made.services().translate("hello", "en", "fr", "")
    assert caught.value.kind is all_together
    assert caught.value.provider == "translation"
    assert "a says no" in str(caught.value)
    assert "b says no" in str(caught.value)


async def test_a_refusal_is_not_final_while_another_could_not_even_be_asked() -> None:
    """Else the piece would be given up as lost although the other one may be back in time."""
    made, _ = lineup(transcribers=[Provider("prerecorded", [Kind.REFUSED])])
    transcribe = made.services().transcribe
    with pytest.raises(ProviderError) as first:
        await transcribe(SECOND, "en")
    assert first.value.kind is Kind.TRANSIENT, "refused by one, denied by the other"
    with pytest.raises(ProviderError) as second:
        await transcribe(SECOND, "en")
    assert second.value.kind is Kind.TRANSIENT, "refused by one; the other's breaker is open"


async def test_how_long_to_wait_is_passed_on() -> None:
    busy = Provider("prerecorded", [Kind.BUSY], retry_after=30.0)
    made, _ = lineup(transcribers=[busy], live=Provider("listen", [Kind.DENIED]))
    with pytest.raises(ProviderError) as caught:
        await made.services().transcribe(SECOND, "en")
    assert caught.value.retry_after == 30.0


async def test_when_the_prerecorded_api_is_down_a_stream_recognises_the_piece() -> None:
    live = Provider("listen", [Kind.DENIED])
    made, _ = lineup(live=live, transcribers=[Provider("prerecorded", [Kind.DENIED])])
    with pytest.raises(ProviderError, match="listen says no"):
        await made.services().transcribe(SECOND, "en")
    assert live.calls == 1


async def test_many_pieces_at_once_wait_their_turn() -> None:
    prerecorded = Provider("prerecorded", delay=0.01)
    made, _ = lineup(transcribers=[prerecorded])
    transcribe = made.services().transcribe
    results = await asyncio.gather(*(transcribe(SECOND, "en") for _ in range(50)))
    assert len(results) == prerecorded.calls == 50
    assert prerecorded.most == made.gate.peak == LIMITS.prerecorded
    assert made.gate.waited == 47


async def test_a_cancelled_piece_gives_its_place_to_the_next() -> None:
    prerecorded = Provider("prerecorded", delay=0.1)
    made, _ = lineup(transcribers=[prerecorded])
    pieces = [asyncio.create_task(_transcribe(made)) for _ in range(3 * LIMITS.prerecorded)]
    await asyncio.sleep(0.02)
    for piece in pieces[:6]:
        piece.cancel()
    done = await asyncio.gather(*pieces, return_exceptions=True)
    assert [isinstance(each, Result) for each in done] == [False] * 6 + [True] * 3
    assert made.gate.active == made.gate.waiting == 0


async def _transcribe(made: Lineup) -> Result:
    return await made.services().transcribe(SECOND, "en")


async def test_speech_comes_from_the_next_voice_and_its_name_is_asked_for() -> None:
    mute, clear = Provider("mute", [Kind.REFUSED]), Provider("clear")
    made, journal = lineup(voices=[mute, clear])
    pcm = b"".join([piece async for piece in made.services().speak("Hello.", "en", "thalia")])
    assert len(pcm) == 20 * 6400
    assert clear.voice == "thalia"
    assert reported(journal, "failover") == [("mute", "refused")]


async def test_many_texts_at_once_wait_their_turn_to_be_spoken() -> None:
    voice = Provider("voice")
    made, _ = lineup(voices=[voice])

    async def say() -> int:
        return sum([len(piece) async for piece in made.services().speak("Hello.", "en", None)])

    assert await asyncio.gather(*(say() for _ in range(50))) == [20 * 6400] * 50
    assert voice.calls == 50
    assert made.speech_gate.peak == LIMITS.speech
    assert made.speech_gate.active == made.speech_gate.waiting == 0


@pytest.mark.parametrize(("language", "kind"), [("en", Kind.TRANSIENT), ("xx", Kind.REFUSED)])
def test_pieces_that_are_refused_where_others_were_recognised_are_asked_for_again(
    language: str, kind: Kind
) -> None:
    async def refused() -> None:
        prerecorded = Provider("prerecorded", [None, Kind.REFUSED])
        made, _ = lineup(transcribers=[prerecorded], live=Provider("listen", [Kind.DENIED]))
        transcribe = made.services().transcribe
        await transcribe(SECOND, "en")
        with pytest.raises(ProviderError) as caught:
            await transcribe(SECOND, language)
        failure = caught.value.__cause__
        assert isinstance(failure, AllFailed)
        assert {c.kind for c in failure.causes if c.provider == "prerecorded"} == {kind}

    run_virtually(refused())


@pytest.mark.parametrize(
    ("status", "target", "passes"),
    [
        (404, "fr", True),
        (405, "fr", True),
        (302, "fr", True),
        (400, "fr", False),
        (404, "de", False),
    ],
)
def test_a_text_that_finds_no_way_where_others_were_translated_is_asked_for_again(
    status: int, target: str, passes: bool
) -> None:
    async def refused() -> None:
        lost = ProviderError("no such route", provider="deepl", kind=Kind.REFUSED, status=status)
        made, _ = lineup(translators=[Provider("deepl", [None, lost, None])])
        translate = made.services().translate
        await translate("one", "en", "fr", "")
        if passes:
            assert (await translate("two", "en", target, "")).text == f"|two|en>{target}"
            return
        with pytest.raises(ProviderError) as caught:
            await translate("two", "en", target, "")
        assert caught.value.kind is Kind.REFUSED

    run_virtually(refused())


async def test_who_has_to_wait_for_long_is_down() -> None:
    busy = Provider("deepl", [Kind.BUSY], retry_after=3600.0)
    made, _ = lineup(translators=[busy])
    assert made.down() == []
    with pytest.raises(ProviderError):
        await made.services().translate("hello", "en", "fr", "")
    assert not made.breakers()["deepl"]["down"], "for a moment"


async def test_a_recogniser_that_asks_for_an_hour_is_asked_within_a_third_of_the_ledger() -> None:
    busy = Provider("prerecorded", [Kind.BUSY], retry_after=3600.0)
    made, _ = lineup(transcribers=[busy], live=Provider("listen", [Kind.BUSY], retry_after=3600.0))
    with pytest.raises(ProviderError):
        await made.services().transcribe(SECOND, "en")
    until = made.breakers()["prerecorded"]["until"]
    assert isinstance(until, float)
    assert until - time.time() < 20.1
    assert made.down() == ["recognition"], "nobody will be asked for more than a few seconds"


async def test_no_voice_at_all_is_one_error() -> None:
    made, _ = lineup(voices=[Provider("a", [Kind.DENIED]), Provider("b", [Kind.DENIED])])
    with pytest.raises(ProviderError) as caught:
        await anext(aiter(made.services().speak("Hello.", "en", None)))
    assert caught.value.kind is Kind.DENIED
    assert made.down() == ["speech"]


async def test_leaving_early_ends_the_request_for_speech_at_once() -> None:
    voice = Provider("voice")
    made, _ = lineup(voices=[voice])
    speech = made.services().speak("Hello.", "en", None)
    async with aclosing(speech):  # type: ignore[type-var]
        async for _ in speech:
            break
        assert voice.active == 1
    assert voice.active == 0


async def test_a_bug_in_a_provider_is_not_taken_for_an_outage() -> None:
    made, journal = lineup(
        transcribers=[Provider("prerecorded", [ZeroDivisionError("a bug")])],
        translators=[Provider("deepl", [ZeroDivisionError("a bug")])],
        voices=[Provider("voice", [ZeroDivisionError("a bug")])],
    )
    services = made.services()
    with pytest.raises(ZeroDivisionError):
        await services.transcribe(SECOND, "en")
    with pytest.raises(ZeroDivisionError):
        await services.translate("hello", "en", "fr", "")
    with pytest.raises(ZeroDivisionError):
        await anext(aiter(services.speak("Hello.", "en", None)))
    assert not journal.events
    assert made.gate.active == 0


async def test_a_kind_of_service_is_down_when_nobody_of_its_line_up_is_up() -> None:
    made, _ = lineup(
        transcribers=[Provider("prerecorded", [Kind.DENIED])],
        translators=[Provider("deepl", [Kind.DENIED])],
    )
    services = made.services()
    assert made.down() == []
    with pytest.raises(ProviderError):
        await services.translate("hello", "en", "fr", "")
    assert made.down() == ["translation"]
    with pytest.raises(ProviderError):
        await services.transcribe(SECOND, "en")
    assert made.down() == ["recognition", "translation"]


async def test_where_nobody_streams_recognition_is_down_with_those_who_recognise_pieces() -> None:
    denied = Provider("openai", [Kind.DENIED])
    made, _ = lineup(live=Streams(None, [denied]), transcribers=[denied])
    services = made.services()
    with pytest.raises(ProviderError):
        await services.transcribe(SECOND, "en")
    assert made.down() == ["recognition"]
    assert made.in_line()["recognition"] == ["openai"]
    assert services.breaker.name not in made.breakers()


class Discerning(Provider):
    """A recogniser that tells English and French from each other."""

    def detects(self, languages: Sequence[str]) -> bool:
        return set(languages) <= {"en", "fr"}

    async def detect(self, pcm: bytes, languages: Sequence[str]) -> Detected | None:
        await self._do()
        return Detected("fr", 0.9)


async def test_a_language_is_found_by_the_first_recogniser_that_can_tell() -> None:
    deaf, broken, able = Provider("deaf"), Discerning("broken", [Kind.DENIED]), Discerning("able")
    made, journal = lineup(transcribers=[deaf, broken, able])
    detect = made.services().detect
    assert await detect(b"ab", ("en", "fr")) == Detected("fr", 0.9)
    assert (deaf.calls, broken.calls, able.calls) == (0, 1, 1)
    assert ("broken", "denied") in reported(journal, "failover")


async def test_languages_that_nobody_tells_from_each_other_are_refused_without_a_request() -> None:
    able = Discerning("able")
    made, _ = lineup(transcribers=[able])
    with pytest.raises(ProviderError, match="nobody in line tells en, de") as caught:
        await made.services().detect(b"ab", ("en", "de"))
    assert (caught.value.kind, able.calls) == (Kind.REFUSED, 0)
