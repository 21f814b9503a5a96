"""What is kept of what was said: as it grows, within its bounds, and no longer than allowed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from tests.fakes.admin import ROW
from tests.support.virtual import run_virtually
from translink.observe.journal import Journal
from translink.observe.transcripts import Transcripts, redact_digits
from translink.process import clock


def said(
    journal: Journal, call: str, number: int, text: str = "hello", leg: str = "1", at: float = 0.0
) -> None:
    began = time.time() + at
    journal.emit(
        "segment",
        {"segment": number, "text": text, "language": "en", "began": began, "ended": began + 0.5},
        call=call,
        leg=leg,
    )


def begin(journal: Journal, call: str) -> None:
    journal.emit("call", {"state": "begun", "legs": ["1", "2"]}, call=call)


def end(transcripts: Transcripts, call: str) -> None:
    transcripts.close(replace(ROW, call=call), {})


@pytest.fixture
def journal() -> Journal:
    return Journal()


def test_a_line_follows_what_becomes_of_its_words(journal: Journal) -> None:
    transcripts = Transcripts(journal)
    begin(journal, "c")
    for number in (1, 2, 3, 4):
        said(journal, "c", number, at=number)

    def states() -> list[str]:
        return [line.state for line in transcripts["c"].in_order_at_once()]

    assert states() == ["final"] * 4
    for number in (1, 2, 3):
        journal.emit(
            "translation", {"segment": number, "text": "salut", "target": "fr"}, call="c", leg="1"
        )
    journal.emit("untranslated", {"segment": 4, "reason": "down"}, call="c", leg="1")
    for number, steps in ((1, ("started", "finished")), (2, ("started", "failed", "finished"))):
        for state in steps:
            journal.emit("speech", {"segment": number, "state": state}, call="c", leg="1")
    journal.emit("speech", {"segment": 3, "state": "flushed"}, call="c", leg="1")
    assert states() == ["spoken", "unspoken", "unspoken", "untranslated"]
    first = transcripts["c"].in_order_at_once()[0]
    assert (first.translation, first.target, first.language) == ("salut", "fr", "en")
    assert first.at["final"] <= first.at["translated"] <= first.at["spoken"]
    assert 0.9 < first.start_s < 1.1
    assert 0.49 < first.end_s - first.start_s < 0.51


def test_the_transcript_is_in_order_of_speech_and_not_of_recognition(
    journal: Journal,
) -> None:
    transcripts = Transcripts(journal)
    begin(journal, "c")
    said(journal, "c", 1, "second", leg="1", at=2)
    said(journal, "c", 1, "first", leg="2", at=1)
    assert [line.text for line in transcripts["c"].in_order_at_once()] == ["first", "second"]


def test_a_long_call_forgets_its_beginning_and_says_so(journal: Journal) -> None:
    transcripts = Transcripts(journal, lines=10)
    begin(journal, "c")
    for number in range(1, 26):
        said(journal, "c", number, at=number)
    kept = transcripts["c"]
    assert [line.segment for line in kept.in_order_at_once()] == list(range(16, 26))
    assert kept.dropped == 15
    # News of a line that is gone is no news.
    journal.emit("translation", {"segment": 1, "text": "x"}, call="c", leg="1")
    assert len(kept.lines) == 10


def test_only_so_many_ended_calls_are_kept_and_running_ones_always(journal: Journal) -> None:
    transcripts = Transcripts(journal, calls=3)
    for number in range(10):
        begin(journal, f"c{number}")
        said(journal, f"c{number}", 1)
        if number:
            end(transcripts, f"c{number}")
    assert [row.call for row in transcripts.ended()] == ["c7", "c8", "c9"]
    assert transcripts["c0"].lines
    with pytest.raises(KeyError):
        transcripts["c6"]


def test_after_its_time_nothing_is_left_of_a_call_in_the_journal_either(journal: Journal) -> None:
    transcripts = Transcripts(journal, retention=60.0)
    for call in ("old", "running"):
        begin(journal, call)
        said(journal, call, 1, "secret")
    end(transcripts, "old")
    transcripts.expire(time.monotonic() + 59)
    assert [row.call for row in transcripts.ended()] == ["old"]
    transcripts.expire(time.monotonic() + 61)
    assert transcripts.ended() == []
    assert {event.call for event in journal.events} == {"running"}


def test_what_nobody_asks_for_is_forgotten_in_time_as_well(journal: Journal) -> None:
    async def scenario() -> None:
        transcripts = Transcripts(journal, retention=100.0)
        watching = asyncio.create_task(transcripts.watch())
        begin(journal, "c")
        said(journal, "c", 1, "secret")
        end(transcripts, "c")
        await asyncio.sleep(95)
        assert len(journal.events) == 2
        await asyncio.sleep(20)
        assert not journal.events
        watching.cancel()

    run_virtually(scenario())


def test_nothing_is_forgotten_because_the_machines_clock_was_set(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcripts = Transcripts(journal, retention=60.0)
    begin(journal, "c")
    end(transcripts, "c")
    monkeypatch.setattr(clock._Offset, "seconds", clock._Offset.seconds + 40 * 86_400)
    assert [row.call for row in transcripts.ended()] == ["c"]


def test_nothing_is_kept_where_nothing_may_be(journal: Journal) -> None:
    transcripts = Transcripts(journal, calls=0)
    begin(journal, "c")
    said(journal, "c", 1)
    end(transcripts, "c")
    assert transcripts.ended() == []
    assert not journal.events


async def test_a_search_finds_what_was_said_and_what_it_became_in_any_case(
    journal: Journal,
) -> None:
    transcripts = Transcripts(journal)
    for call, text, translation in (("a", "Straße", "street"), ("b", "hello", "bonjour")):
        begin(journal, call)
        said(journal, call, 1, text)
        journal.emit("translation", {"segment": 1, "text": translation}, call=call, leg="1")
    end(transcripts, "a")
    assert await transcripts.search("STRASSE") == {"a"}
    assert await transcripts.search("Bonj") == {"b"}
    assert await transcripts.search("e") == {"a", "b"}
    assert await transcripts.search("nobody") == set()


async def test_a_search_through_much_lets_the_loop_breathe(journal: Journal) -> None:
    transcripts = Transcripts(journal, lines=20_000)
    begin(journal, "c")
    for number in range(20_000):
        said(journal, "c", number)
    breaths = 0

    async def breathe() -> None:
        nonlocal breaths
        while True:
            breaths += 1
            await asyncio.sleep(0)

    breathing = asyncio.create_task(breathe())
    assert await transcripts.search("nowhere") == set()
    breathing.cancel()
    assert breaths >= 9


def test_digits_are_redacted_before_anybody_sees_them() -> None:
    journal = Journal(redact=redact_digits)
    transcripts = Transcripts(journal)
    seen = []
    journal.listen(lambda event: seen.append(event.as_dict()))
    begin(journal, "c")
    said(journal, "c", 1, "my card is 4111 1111 and ٤٥")
    journal.emit(
        "translation",
        {"segment": 1, "source": "card 4111", "text": "carte 4111"},
        call="c",
        leg="1",
    )
    (line,) = transcripts["c"].in_order_at_once()
    assert (line.text, line.translation) == ("my card is #### #### and ##", "carte ####")
    assert seen[-1]["source"] == "card ####"
    assert seen[-1]["segment"] == 1
