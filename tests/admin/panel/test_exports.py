"""Transcripts as files: read back by parsers that know the formats' rules, not by comparing text."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from translink.admin.panel.exports import srt, txt, vtt
from translink.observe.views import TranscriptLine

texts = st.text(max_size=80) | st.sampled_from(
    ["-->", "<b>x</b>", "a & b", "\n\n", "NOTE this", "STYLE", "1\n00:00:00,000 --> 00:00:01,000"]
)
lines = st.lists(
    st.builds(
        TranscriptLine,
        leg=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True),
        segment=st.integers(1, 99),
        start_s=st.floats(0, 400_000),
        end_s=st.floats(0, 400_000),
        text=texts,
        translation=st.none() | texts,
    ),
    max_size=8,
)
SRT_TIME = r"(\d\d+):([0-5]\d):([0-5]\d),(\d{3})"
VTT_TIME = r"(\d\d+):([0-5]\d):([0-5]\d)\.(\d{3})"


def parse_srt(text: str) -> list[tuple[float, float, list[str]]]:
    """Cues of a strict SubRip file."""
    cues = []
    for number, block in enumerate(text.split("\n\n") if text else [], 1):
        head, times, *said = block.strip("\n").split("\n")
        assert head == str(number)
        found = re.fullmatch(f"{SRT_TIME} --> {SRT_TIME}", times)
        assert found
        assert said
        assert all(each.strip() for each in said)
        cues.append((*_times(found), said))
    return cues


def parse_vtt(text: str) -> list[tuple[float, float, list[str]]]:
    """Cues of a WebVTT file, after the parser rules of the W3C's document: a block with `-->` in its
    first or second line is a cue, text of cues has no bare `&` or `<` but of known spans."""
    header, *blocks = text.split("\n\n")
    assert header.strip("\n") == "WEBVTT"
    cues = []
    for number, block in enumerate(blocks, 1):
        head, times, *said = block.strip("\n").split("\n")
        assert head == str(number)
        found = re.fullmatch(f"{VTT_TIME} --> {VTT_TIME}", times)
        assert found
        for each in said:
            assert "-->" not in each
            bare = re.sub(r"<v [^<>\n]+>|</?i>", "", each)
            assert "<" not in bare
            assert ">" not in bare
            assert not re.search(r"&(?!amp;|lt;|gt;)", bare)
        cues.append((*_times(found), said))
    return cues


def _times(found: re.Match[str]) -> tuple[float, float]:
    numbers = [int(each) for each in found.groups()]
    start, end = (h * 3600 + m * 60 + s + ms / 1000 for h, m, s, ms in (numbers[:4], numbers[4:]))
    return start, end


@given(lines)
def test_every_line_is_a_cue_of_its_time_whatever_was_said(said: list[TranscriptLine]) -> None:
    for cues in (parse_srt("".join(srt(said))), parse_vtt("".join(vtt(said)))):
        assert len(cues) == len(said)
        for (start, end, _), line in zip(cues, said, strict=True):
            assert abs(start - line.start_s) < 0.001
            assert end - start > 0.49
            assert abs(end - max(line.end_s, line.start_s + 0.5)) < 0.0011


def test_a_cue_says_who_what_and_what_it_was_translated_to() -> None:
    line = TranscriptLine(
        "3333", 1, 61.5, 63.25, "Fish & <chips>", "en", "Poisson --> frites", "fr"
    )
    assert parse_srt("".join(srt([line]))) == [
        (61.5, 63.25, ["3333: Fish & ‹chips›", "Poisson → frites"])
    ]
    assert parse_vtt("".join(vtt([line]))) == [
        (61.5, 63.25, ["<v 3333>Fish &amp; &lt;chips&gt;", "<i>Poisson --&gt; frites</i>"])
    ]
    assert "".join(txt([line])).splitlines() == [
        "[00:01:01] 3333: Fish & <chips>",
        "              →  Poisson --> frites",
    ]


@given(lines)
def test_plain_text_has_a_line_for_each_text(said: list[TranscriptLine]) -> None:
    texts = sum(1 + bool(line.translation) for line in said)
    assert len("".join(txt(said)).split("\n")) == texts + 1


def test_what_drives_a_terminal_or_turns_letters_round_is_left_out_of_every_file() -> None:
    bad = "a\x1b[2J\x9b2Jb\x85c\u2028d\u2029e\u202ef\u2066g\ufeffh\ud800i\x7fj"
    line = TranscriptLine("anna", 1, 0.0, 1.0, bad, "en", translation=bad)
    for make in (srt, txt, vtt):
        text = "".join(make([line]))
        assert all(letter.isprintable() for letter in text if letter != "\n")
        assert "a [2J 2Jb c d e f g h i j" in text


def test_marks_that_right_to_left_scripts_need_stay() -> None:
    said = "\u200fשלום!\u200e \u061cمرحبا"
    assert said in "".join(txt([TranscriptLine("anna", 1, 0.0, 1.0, said, "he")]))
