"""What went wrong in a call is kept with it, without what was said, and forgotten with it."""

from __future__ import annotations

import pytest

from translink.observe.incidents import PER_CALL, Incidents
from translink.observe.journal import Journal, Value
from translink.observe.transcripts import Transcripts


def a_journal() -> tuple[Journal, Incidents]:
    journal = Journal()
    incidents = Incidents(journal)
    journal.emit("call", {"state": "begun", "legs": ["1", "2"]}, call="c")
    return journal, incidents


def kinds(incidents: Incidents, call: str = "c") -> list[str]:
    return [one.type for one in incidents.of(call, 0, 1e12)[0]]


def test_a_call_keeps_its_own_and_what_happened_to_the_whole_program() -> None:
    journal, incidents = a_journal()
    journal.emit("call", {"state": "begun", "legs": ["3", "4"]}, call="d")
    journal.emit("loss", {"ms": 1.0, "start": 0, "end": 1}, call="c", leg="1")
    journal.emit("replay", {"ms": 1.0, "by": "stream", "reason": ""}, call="d", leg="3")
    journal.emit("breaker", {"provider": "deepl", "state": "open", "reason": "503"})
    assert kinds(incidents) == ["loss", "breaker"]
    assert kinds(incidents, "d") == ["replay", "breaker"]


def test_what_happened_before_or_after_is_not_the_calls() -> None:
    journal, incidents = a_journal()
    journal.emit("breaker", {"provider": "deepl", "state": "open", "reason": "503"})
    at = incidents.of("c", 0, 1e12)[0][0].at
    assert incidents.of("c", at + 1, at + 9)[0] == ()
    assert incidents.of("c", at - 9, at - 1)[0] == ()


def test_no_word_of_what_was_said_is_kept() -> None:
    journal, incidents = a_journal()
    data: dict[str, Value] = {"segment": 1, "text": "my number is 4711", "reason": "no"}
    journal.emit("untranslated", data, call="c", leg="1")
    ((one,), _) = incidents.of("c", 0, 1e12)
    assert one.data == {"segment": 1, "reason": "no"}


@pytest.mark.parametrize(
    ("type_", "state", "kept"),
    [
        ("speech", "started", False),
        ("speech", "failed", True),
        ("connection", "closed", False),
        ("connection", "failed", True),
        ("interim", None, False),
    ],
)
def test_what_goes_well_is_not_kept(type_: str, state: str | None, kept: bool) -> None:
    journal, incidents = a_journal()
    journal.emit(type_, {"state": state}, call="c", leg="1")
    assert bool(kinds(incidents)) is kept


def test_a_call_in_which_everything_goes_wrong_stays_within_bounds() -> None:
    journal, incidents = a_journal()
    for _ in range(PER_CALL + 7):
        journal.emit("loss", {"ms": 1.0}, call="c", leg="1")
    kept, dropped = incidents.of("c", 0, 1e12)
    assert (len(kept), dropped) == (PER_CALL, 7)


def test_they_are_forgotten_with_the_transcript() -> None:
    journal = Journal()
    transcripts = Transcripts(journal, calls=0)
    journal.emit("call", {"state": "begun", "legs": []}, call="c")
    journal.emit("loss", {"ms": 1.0}, call="c", leg="1")
    assert kinds(transcripts.incidents) == ["loss"]
    transcripts.incidents.forget({"c"})
    assert kinds(transcripts.incidents) == []
