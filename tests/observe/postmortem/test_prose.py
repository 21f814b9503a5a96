"""The post-mortem as a terminal shows it."""

from __future__ import annotations

from dataclasses import replace

from tests.observe.postmortem.test_report import a_record, on_leg_1
from translink.observe.postmortem.prose import lines_of
from translink.observe.postmortem.report import explain_call
from translink.observe.record import UsedFigures


def test_it_reads_from_the_call_to_the_delay_to_the_causes() -> None:
    record = on_leg_1({"level_db": -41.0}, {"lost_ms": 900.0})
    text = list(lines_of(explain_call(record)))
    assert text[0].startswith("call 1-1   1970-01-12 13:46:40 UTC, 30 s, en and fr, ended: idle")
    assert text[1] == "80 words in 20 segments, 20 spoken to the end; 0.9 s of speech lost"
    assert text[2:4] == [
        "leg 1: 30 s of sound, 12 s of speech, at -41 dBFS",
        "leg 2: 30 s of sound, 12 s of speech, at -26 dBFS",
    ]
    assert "provider  recognition" in text[6]
    assert text[-4].startswith("BAD   leg 1: 0.9 s of speech")
    assert text[-3].startswith("      -> name a second recogniser")
    assert text[-2].startswith("WARN  leg 1: speech was at -41 dBFS")


def test_each_leg_and_what_was_used_have_a_line() -> None:
    line = {"rtp": True, "lost_packets": 15, "mos": 4.13, "jitter_ms": 3.2}
    record = replace(
        on_leg_1(line, {"confidence": 0.962}),
        usage={
            "1": {"deepl": UsedFigures(0.0, 100, 2, 0.002)},
            "2": {"deepl": UsedFigures(0.0, 20, 1, 0.001), "x.listen": UsedFigures(90.0, 0, 1)},
        },
        currency="EUR",
    )
    text = list(lines_of(explain_call(record)))
    assert text[2] == (
        "leg 1: 30 s of sound, 12 s of speech, at -26 dBFS, 1.0 % lost, jitter 3 ms, MOS 4.1, "
        "recogniser 96 % sure"
    )
    assert text[4:7] == [
        "used deepl: 120 characters, 3 requests = 0.0030 EUR",
        "used x.listen: 1.5 min, 1 request",
        "cost 0.0030 EUR",
    ]


def test_what_a_file_says_moves_no_cursor() -> None:
    record = replace(a_record(), call="1\x1b[2J", reason="a\nb")
    text = list(lines_of(explain_call(record)))
    assert "1\\x1b[2J" in text[0]
    assert "a\\nb" in text[0]
