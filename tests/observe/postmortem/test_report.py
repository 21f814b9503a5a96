"""From a record to what is said of it: one scenario for each thing that can go wrong in a call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from translink.observe.postmortem.finding import Cause
from translink.observe.postmortem.prose import lines_of
from translink.observe.postmortem.report import explain_call
from translink.observe.record import (
    CallRecord,
    Incident,
    LineFigures,
    SaidFigures,
    StageFigures,
    UtteranceTimes,
)

BEGAN = 1_000_000.0


def stage(count: int, mean: float, p95: float = 0.0) -> StageFigures:
    p95 = p95 or mean
    return StageFigures(count, count * mean, mean * 1000, p95 * 1000, p95 * 1000)


GOOD_STAGES = {
    "speech_to_final": stage(10, 0.4),
    "commit_wait": stage(10, 0.1),
    "commit_to_request": stage(10, 0.001),
    "translate": stage(10, 0.2),
    "request_to_audio": stage(10, 0.3),
    "own": stage(8, 0.002),
    "queued": stage(2, 0.5),
    "mouth_to_ear": stage(10, 1.1016, 1.6),
}
GOOD_LINE = LineFigures(
    datagrams=1_500, seconds=30.0, speech_s=12.0, level_db=-26.0, peak_db=-10.0, jitter_ms=1.0
)
NOT_HEARD: dict[str, Any] = {"seconds": 0.0, "speech_s": 0.0, "level_db": None, "peak_db": None}
"""Datagrams came, and no sound of them."""
GOOD_SAID = SaidFigures(words=40, segments=10, translated=10, spoken=10, characters=200)


def a_record(**changes: Any) -> CallRecord:
    good = CallRecord(
        v=1,
        version="0",
        call="1-1",
        state="ended",
        began=BEGAN,
        seconds=30.0,
        reason="idle",
        legs=("1", "2"),
        languages=("en", "fr"),
        stages=GOOD_STAGES,
        lines={"1": GOOD_LINE, "2": GOOD_LINE},
        said={"1": GOOD_SAID, "2": GOOD_SAID},
    )
    return replace(good, **changes)


def on_leg_1(line: dict[str, Any] | None = None, said: dict[str, Any] | None = None) -> CallRecord:
    return a_record(
        lines={"1": replace(GOOD_LINE, **(line or {})), "2": GOOD_LINE},
        said={"1": replace(GOOD_SAID, **(said or {})), "2": GOOD_SAID},
    )


def incident(type_: str, after: float, leg: str | None = "1", **data: Any) -> Incident:
    return Incident(BEGAN + after, type_, leg, data)


def causes(record: CallRecord) -> dict[str, Cause]:
    return {cause.kind: cause for cause in explain_call(record).causes}


def the_cause(record: CallRecord) -> Cause:
    (cause,) = explain_call(record).causes
    return cause


def test_a_good_call_has_nothing_wrong_with_it() -> None:
    found = explain_call(a_record())
    assert (found.causes, found.good, found.incomplete) == ([], True, "")
    assert (found.words, found.segments, found.spoken) == (80, 20, 20)
    assert "Nothing wrong was found." in list(lines_of(found))


# --- Delay ---


def test_the_parts_of_the_delay_add_up_to_the_whole_and_say_whose_they_are() -> None:
    found = explain_call(a_record())
    parts = {part.part: (part.owner, part.seconds) for part in found.delay}
    assert parts == {
        "recognition": ("provider", 0.4),
        "waiting for the sentence's end": ("policy", 0.1),
        "translation": ("provider", 0.2),
        "voice": ("provider", 0.3),
        "translink": ("own", 0.002),  # 8 of 10 segments had 2 ms
        "waiting for the ear": ("talker", 0.1),  # and 2 of 10 waited for half a second
    }
    whole = GOOD_STAGES["mouth_to_ear"]
    assert sum(part.seconds for part in found.delay) == pytest.approx(
        whole.total_s / whole.count, abs=0.002
    )
    assert sum(part.share for part in found.delay) == pytest.approx(1.0, abs=0.005)


@pytest.mark.parametrize(
    ("name", "part", "setting"),
    [
        ("speech_to_final", "recognition", "endpointing"),
        ("commit_wait", "waiting for the sentence's end", "segment.max_wait"),
        ("translate", "translation", "translate"),
        ("request_to_audio", "voice", "speak"),
        ("queued", "waiting for the ear", "lag.fastest"),
    ],
)
def test_a_late_call_names_the_part_that_made_it_late(name: str, part: str, setting: str) -> None:
    slow = {**GOOD_STAGES, name: stage(10, 6.0), "mouth_to_ear": stage(10, 7.0)}
    late = causes(a_record(stages=slow))["late"]
    assert (late.severity, late.figures["part"]) == ("bad", part)
    assert setting in late.advice


def test_a_call_that_is_late_now_and_then_is_a_warning() -> None:
    slow = {**GOOD_STAGES, "mouth_to_ear": stage(10, 1.1, 5.0)}
    assert the_cause(a_record(stages=slow)).severity == "warn"


def test_a_slow_machine_is_distinguished_from_slow_providers() -> None:
    cause = the_cause(a_record(stages={**GOOD_STAGES, "own": stage(8, 0.01, 0.3)}))
    assert (cause.kind, cause.topic) == ("slow_machine", "machine")


def test_an_ear_that_was_far_behind_is_reported() -> None:
    cause = the_cause(on_leg_1({"behind_max_s": 14.2, "behind_p95_s": 11.0}))
    assert (cause.kind, cause.leg) == ("far_behind", "1")
    assert "14.2 s" in cause.said


def test_a_call_without_a_translation_has_no_delay() -> None:
    found = explain_call(a_record(stages={}))
    assert (found.delay, found.mouth_to_ear) == ([], None)
    assert any("no delay to explain" in line for line in lines_of(found))


def test_the_slowest_segments_are_taken_apart() -> None:
    slow = UtteranceTimes("1", 3, 4.0, 6.0, "spoken", 9.0, 9.5, 11.0)
    quick = UtteranceTimes("2", 1, 0.0, 1.0, "spoken", 1.2, 1.3, 1.5)
    never = UtteranceTimes("2", 2, 2.0, 3.0, "untranslated", 3.1)
    found = explain_call(a_record(utterances=(quick, slow, never))).slowest
    assert [(each.segment, each.delay_s) for each in found] == [(3, 5.0), (1, 0.5)]
    assert (found[0].recognition_s, found[0].translation_s, found[0].voice_s) == (3.0, 0.5, 1.5)


# --- Providers ---


def test_an_outage_lasts_from_its_beginning_to_its_end() -> None:
    record = a_record(
        incidents=(
            incident(
                "breaker", 5, None, provider="deepl", state="open", reason="deepl answered 503"
            ),
            incident("breaker", 6, None, provider="deepl", state="half-open", reason=""),
            incident("breaker", 7, None, provider="deepl", state="open", reason="again"),
            incident("breaker", 12, None, provider="deepl", state="closed", reason=""),
        )
    )
    cause = the_cause(record)
    assert (cause.kind, cause.figures["seconds"]) == ("outage", 7.0)
    assert "deepl answered 503" in cause.said


def test_an_outage_that_was_over_before_the_call_is_not_the_calls() -> None:
    record = a_record(
        incidents=(
            incident("breaker", -4, None, provider="deepl", state="open", reason="503"),
            incident("breaker", -2, None, provider="deepl", state="closed", reason=""),
        )
    )
    assert explain_call(record).causes == []


def test_an_outage_that_had_begun_before_the_call_counts_from_its_beginning() -> None:
    record = a_record(
        incidents=(
            incident("breaker", -300, None, provider="deepl", state="open", reason="456"),
            incident("breaker", 12, None, provider="deepl", state="closed", reason=""),
        )
    )
    assert "out of service for 12.0 s from 0.0 s on: 456" in the_cause(record).said


def test_an_outage_that_is_not_over_lasts_to_the_calls_end() -> None:
    opened = incident("breaker", 20, None, provider="deepl", state="open", reason="503")
    cause = the_cause(a_record(incidents=(opened,)))
    assert cause.figures["seconds"] == 10.0
    assert "was not back" in cause.said


@pytest.mark.parametrize(
    ("kind", "number", "severity", "word"),
    [
        ("transient", 1, "note", "network"),
        ("transient", 4, "warn", "network"),
        ("denied", 1, "warn", "key"),
        ("busy", 1, "warn", "limit"),
        ("refused", 1, "warn", "language"),
        ("shortage", 1, "warn", "ulimit"),
    ],
)
def test_every_kind_of_failure_has_its_mend(
    kind: str, number: int, severity: str, word: str
) -> None:
    failed = [
        incident("failover", at, None, provider="deepl", kind=kind, reason="no")
        for at in range(number)
    ]
    cause = the_cause(a_record(incidents=tuple(failed)))
    assert (cause.kind, cause.severity, cause.figures["times"]) == (
        "failed_requests",
        severity,
        number,
    )
    assert word in cause.advice


def test_streams_that_broke_are_counted_with_what_was_recognised_again() -> None:
    broken = [
        incident("connection", at, state="failed", reason="closed with 1011", kind="transient")
        for at in (3, 9)
    ]
    record = a_record(
        incidents=tuple(broken), said={"1": replace(GOOD_SAID, replayed_ms=1800.0), "2": GOOD_SAID}
    )
    cause = the_cause(record)
    assert (cause.kind, cause.severity, cause.leg) == ("broken_streams", "warn", "1")
    assert "2 times, first at 3.0 s: closed with 1011; 1.8 s of sound" in cause.said


def test_time_in_pieces_is_measured() -> None:
    record = a_record(
        incidents=(
            incident("mode", 0, mode="streaming", reason=""),
            incident("failover", 4, to="prerecorded", reason="the stream's breaker is open"),
            incident("mode", 4, mode="prerecorded", reason=""),
            incident("mode", 15, mode="streaming", reason=""),
        )
    )
    cause = the_cause(record)
    assert (cause.kind, cause.figures["seconds"]) == ("no_stream", 11.0)


# --- Words ---


def test_lost_speech_is_bad_and_says_when() -> None:
    record = replace(
        on_leg_1(said={"lost_ms": 1400.0}),
        incidents=(incident("loss", 12.5, ms=1400.0, start=0, end=22_400),),
    )
    cause = the_cause(record)
    assert (cause.severity, cause.kind) == ("bad", "speech_lost")
    assert "1.4 s of speech" in cause.said
    assert "12.5 s" in cause.said


def test_less_than_a_syllable_lost_is_a_note() -> None:
    assert the_cause(on_leg_1(said={"lost_ms": 60.0})).severity == "note"


@pytest.mark.parametrize(
    ("field", "event", "kind"),
    [
        ("untranslated", incident("untranslated", 3, reason="deepl answered 456"), "untranslated"),
        ("unspoken", incident("speech", 3, state="failed", reason="no voice"), "unspoken"),
    ],
)
def test_what_became_text_only_says_why(field: str, event: Incident, kind: str) -> None:
    record = replace(on_leg_1(said={field: 2}), incidents=(event, event))
    cause = the_cause(record)
    assert (cause.kind, cause.severity) == (kind, "bad")
    assert f"{event.data['reason']} (2)" in cause.said
    assert "second vendor" in cause.advice


def test_what_was_flushed_at_the_end_is_not_blamed_on_a_vendor() -> None:
    cause = the_cause(on_leg_1(said={"unspoken": 1}))
    assert "the call ended" in cause.said
    assert cause.advice == ""


def test_segments_that_were_left_out_are_bad() -> None:
    assert the_cause(on_leg_1(said={"skipped": 3})).figures == {"segments": 3}


def test_speech_without_a_word_is_another_language_or_music() -> None:
    cause = the_cause(on_leg_1(said={"words": 0, "segments": 0, "spoken": 0}))
    assert (cause.kind, cause.severity) == ("no_words", "bad")


@pytest.mark.parametrize(
    ("confidence", "unsure", "reported"),
    [(0.6, 0.05, True), (0.9, 0.3, True), (0.97, 0.01, False), (None, 0.0, False)],
)
def test_a_recogniser_that_was_not_sure_is_a_warning(
    confidence: float | None, unsure: float, reported: bool
) -> None:
    record = on_leg_1(said={"confidence": confidence, "unsure": unsure})
    assert ("unsure" in causes(record)) is reported


def test_a_few_words_prove_no_doubt() -> None:
    assert not causes(on_leg_1(said={"confidence": 0.3, "unsure": 0.9, "words": 4}))


# --- Sound ---


@pytest.mark.parametrize(
    ("line", "kind", "severity"),
    [
        ({"level_db": -41.0}, "too_quiet", "warn"),
        ({"level_db": -52.0}, "too_quiet", "bad"),
        ({"level_db": -8.0}, "too_loud", "warn"),
        ({"clipped": 0.08}, "clipped", "warn"),
        ({"rtp": True, "lost_packets": 30}, "packet_loss", "warn"),
        ({"rtp": True, "lost_packets": 150}, "packet_loss", "bad"),
        ({"rtp": True, "jitter_ms": 45.0, "jitter_max_ms": 120.0}, "jitter", "warn"),
        ({"rtp": True, "mos": 3.2}, "poor_line", "warn"),
        ({"rtp": True, "mos": 2.1}, "poor_line", "bad"),
        ({"rtp": True, "refused_packets": 9}, "refused_packets", "warn"),
        ({**NOT_HEARD, "refused_packets": 1_500}, "refused_packets", "bad"),
        (
            {**NOT_HEARD, "refused_packets": 1_500, "drops": {"drops_rtp": 1_500}},
            "unheard_rtp",
            "bad",
        ),
        ({"strangers": 3}, "strangers", "note"),
        ({"strangers": 900}, "strangers", "warn"),
        ({"source_changes": 1}, "source_changes", "note"),
        ({"datagrams": 0, "seconds": 0.0, "speech_s": 0.0}, "silent", "bad"),
        ({"speech_s": 0.0}, "no_speech", "note"),
        ({"drops": {"drops_kernel": 12}}, "drops", "warn"),
        ({"echo_lag_ms": 180.0, "echo_frames": 40, "echo_guard": True}, "echo", "note"),
    ],
)
def test_each_fault_of_the_sound_is_found(line: dict[str, Any], kind: str, severity: str) -> None:
    cause = the_cause(on_leg_1(line))
    assert (cause.kind, cause.severity, cause.leg) == (kind, severity, "1")


@pytest.mark.parametrize(
    "line",
    [
        {"level_db": -30.0},
        {"level_db": -52.0, "speech_s": 1.0},
        {"rtp": True, "lost_packets": 9},
        {"lost_packets": 500},
        {"clipped": 0.004},
        {"drops": {"drops_original": 4}},
    ],
)
def test_what_is_usual_is_not_reported(line: dict[str, Any]) -> None:
    assert explain_call(on_leg_1(line)).causes == []


def test_an_echo_that_was_recognised_asks_for_the_guard() -> None:
    record = on_leg_1({"echo_lag_ms": 180.0}, {"echoed": 4})
    cause = the_cause(record)
    assert (cause.kind, cause.severity) == ("echo", "warn")
    assert "echo_guard" in cause.advice


def test_rtp_that_nobody_hears_names_the_setting() -> None:
    dropped = {**NOT_HEARD, "refused_packets": 1_500, "drops": {"drops_rtp": 1_500}}
    record = replace(
        on_leg_1(dropped),
        incidents=(incident("rtp", 1, format="alaw", port=6120, heard=False),),
    )
    cause = the_cause(record)
    assert "alaw" in cause.said
    assert "transport" in cause.advice


def test_rtp_that_nobody_hears_is_found_in_the_next_call_too() -> None:
    """The event comes once, and the next call's record has none."""
    dropped = {**NOT_HEARD, "refused_packets": 1_500, "drops": {"drops_rtp": 1_500}}
    assert "1500 packets" in the_cause(on_leg_1(dropped)).said


def test_an_overload_is_the_machines() -> None:
    record = a_record(
        incidents=(
            incident("pressure", 3, None, level="shed", before="calm", busy=0.75),
            incident("pressure", 4, None, level="refuse", before="shed", busy=0.97),
        )
    )
    cause = the_cause(record)
    assert (cause.kind, cause.topic) == ("overload", "machine")
    assert "97 %" in cause.said


# --- The whole ---


def test_the_worst_comes_first() -> None:
    record = on_leg_1({"strangers": 3, "level_db": -41.0}, {"lost_ms": 900.0})
    assert [cause.severity for cause in explain_call(record).causes] == ["bad", "warn", "note"]
    assert not explain_call(record).good


def test_notes_alone_make_no_bad_call() -> None:
    assert explain_call(on_leg_1({"strangers": 3})).good


def test_what_could_not_be_looked_at_is_said() -> None:
    record = a_record(lines={}, dropped_incidents=7, dropped_utterances=3, state="running")
    said = explain_call(record).incomplete
    assert "no figures of its sound" in said
    assert "7 later events" in said
    assert "3 oldest segments" in said
    assert "goes on" in said
