"""What went wrong in a call is kept with it, without what was said, and forgotten with it."""

from __future__ import annotations

import pytest

from translink.observe.incidents import OF_ALL, PER_CALL, Incidents
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


def test_what_happened_to_the_whole_program_stays_with_a_call_that_has_ended() -> None:
    journal, incidents = a_journal()
    journal.emit("breaker", {"provider": "deepl", "state": "open", "reason": "503"})
    journal.emit("call", {"state": "ended"}, call="c")
    for _ in range(OF_ALL + 1):
        journal.emit("failover", {"provider": "deepgram", "reason": "503"})
    kept, dropped = incidents.of("c", 0, 1e12)
    assert ([one.type for one in kept], dropped) == (["breaker"], 0)


def test_what_is_forgotten_of_the_whole_program_while_a_call_runs_is_counted() -> None:
    journal, incidents = a_journal()
    for _ in range(OF_ALL + 7):
        journal.emit("failover", {"provider": "deepgram", "reason": "503"})
    assert incidents.of("c", 0, 1e12)[1] == 7
    journal.emit("call", {"state": "ended"}, call="c")
    kept, dropped = incidents.of("c", 0, 1e12)
    assert (len(kept), dropped) == (PER_CALL, OF_ALL + 7 - PER_CALL)


def test_what_had_lasted_when_a_call_began_is_the_calls_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def at(seconds: float, type_: str, data: dict[str, Value], call: str | None = None) -> None:
        monkeypatch.setattr("translink.observe.journal.unix", lambda: seconds)
        journal.emit(type_, data, call=call)

    def down(provider: str, state: str, until: float | None = None) -> dict[str, Value]:
        return {"provider": provider, "state": state, "reason": "456", "until": until}

    journal = Journal()
    incidents = Incidents(journal)
    at(1_000, "breaker", down("deepl", "open", 1_010))
    at(1_001, "breaker", down("deepgram", "open", 1_011))
    at(1_010, "breaker", down("deepl", "half-open"))
    at(1_011, "breaker", down("deepl", "open", 1_300))
    at(1_012, "pressure", {"level": "coalesce", "before": "calm", "busy": 0.8})
    at(1_060, "call", {"state": "begun"}, "c")
    kept, _ = incidents.of("c", 1_055, 1_200)
    assert [(one.at, one.data.get("provider")) for one in kept] == [(1_000, "deepl"), (1_012, None)]
    at(1_070, "breaker", down("deepl", "closed"))
    at(1_070, "pressure", {"level": "shed", "before": "coalesce", "busy": 0.6})
    at(1_080, "call", {"state": "begun"}, "d")
    assert incidents.of("d", 1_075, 1_200) == ((), 0)


def test_they_are_forgotten_with_the_transcript() -> None:
    journal = Journal()
    transcripts = Transcripts(journal, calls=0)
    journal.emit("call", {"state": "begun", "legs": []}, call="c")
    journal.emit("loss", {"ms": 1.0}, call="c", leg="1")
    assert kinds(transcripts.incidents) == ["loss"]
    transcripts.incidents.forget({"c"})
    assert kinds(transcripts.incidents) == []
