"""A recogniser that lies: the words are right, the times and the messages are not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest

from translink.sim.lies import MOST_MOVED, Liar, body_with_jitter


def final(start: float, *words: str, **other: Any) -> str:
    """Words of 0.3 s, one after the other."""
    said = [
        {"word": word, "start": start + 0.3 * place, "end": start + 0.3 * place + 0.3}
        for place, word in enumerate(words)
    ]
    alternative = {"transcript": " ".join(words), "words": said}
    message: dict[str, Any] = {"type": "Results", "start": start, "duration": 0.3 * len(words)}
    message |= {"is_final": True, "speech_final": False, "channel": {"alternatives": [alternative]}}
    return orjson.dumps(message | other).decode()


def lies_of(liar: Liar, message: str, lie: str, number: float = 1.0, skews: int = 0) -> list[Any]:
    return [orjson.loads(text) for text in liar.distorted(message, {lie: number}, skews)]


def texts(messages: list[Any]) -> list[tuple[bool, str]]:
    return [(m["is_final"], m["channel"]["alternatives"][0]["transcript"]) for m in messages]


def words_of(message: Any) -> list[Any]:
    words: list[Any] = message["channel"]["alternatives"][0]["words"]
    return words


def test_jitter_moves_times_and_keeps_words_and_their_order() -> None:
    message = final(5.0, "a", "b", "c", "d")
    [said] = lies_of(Liar("1"), message, "jitter", 60.0)
    before, after = words_of(orjson.loads(message)), words_of(said)
    assert [w["word"] for w in after] == list("abcd")
    assert [w["start"] for w in after] != [w["start"] for w in before]
    moves = [abs(a["start"] - b["start"]) for a, b in zip(after, before, strict=True)]
    assert max(moves) <= MOST_MOVED + 0.1
    assert all(a["end"] <= b["start"] for a, b in pairwise(after))
    assert lies_of(Liar("1"), message, "jitter", 60.0) == [said]


def test_a_final_is_left_out_emptied_or_reaches_too_far() -> None:
    assert lies_of(Liar("1"), final(0.0, "a"), "hole") == []
    assert texts(lies_of(Liar("1"), final(0.0, "a"), "empty")) == [(False, "a"), (True, "")]
    [said] = lies_of(Liar("1"), final(0.0, "a"), "beyond")
    assert said["duration"] == pytest.approx(10.3)


def test_a_final_is_said_again_later_or_begins_the_next_one() -> None:
    seen = set()
    for seed in range(20):
        liar = Liar(str(seed))
        first = lies_of(liar, final(0.0, "a"), "restate")
        if len(first) == 2:
            assert words_of(first[1])[0]["start"] == pytest.approx(0.2)
            seen.add("later")
        else:
            second = lies_of(liar, final(1.0, "b"), "none")
            assert texts(second) == [(True, "a b")]
            assert second[0]["start"] == 0.0
            assert second[0]["start"] + second[0]["duration"] == pytest.approx(1.3)
            seen.add("longer")
    assert seen == {"later", "longer"}


def test_the_clock_starts_again_with_the_next_final() -> None:
    liar = Liar("1")
    assert lies_of(liar, final(3.0, "a", is_final=False), "none", skews=1)[0]["start"] == 3.0
    assert lies_of(liar, final(3.0, "a"), "none", skews=1)[0]["start"] == 0.0
    [said] = lies_of(liar, final(4.0, "b"), "none", skews=1)
    assert words_of(said)[0]["start"] == pytest.approx(1.0)


def test_what_is_no_result_and_a_final_without_words_are_left_alone() -> None:
    assert Liar("1").distorted('{"type":"Metadata"}', {"hole": 1.0}) == ['{"type":"Metadata"}']
    assert texts(lies_of(Liar("1"), final(0.0), "hole")) == [(True, "")]


def test_a_prerecorded_answer_is_as_long_as_before() -> None:
    words = [{"word": "a", "start": 0.0, "end": 0.3}, {"word": "b", "start": 0.3, "end": 0.6}]
    answer = {
        "metadata": {"sha256": 64 * "0"},
        "results": {"channels": [{"alternatives": [{"transcript": "a b", "words": words}]}]},
    }
    body = orjson.dumps(answer)
    moved = body_with_jitter(body, 60.0, "1")
    assert len(moved) == len(body)
    said = orjson.loads(moved)["results"]["channels"][0]["alternatives"][0]["words"]
    assert [w["word"] for w in said] == ["a", "b"]
    assert said != words
    assert body_with_jitter(b"no JSON", 60.0, "1") == b"no JSON"
