"""What a recogniser says instead of the truth: its words are right, its times and its messages are
not. Sans-IO; one `Liar` a stream.

    jitter(ms)   word times move between two passes, by a normal deviation (recorded nova-3
                 sessions: 44 ms; 240 ms at most)
    restate(n)   one of n finals is said once more, 0.2 s later, or begins the next one again
    skew         from its next final on, the stream counts from 0 again
    hole(n)      one of n finals is left out
    empty(n)     one of n finals is an interim, and then empty
    beyond(n)    one of n finals ends ten seconds beyond the audio that was sent
"""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from typing import Any

import orjson

LIES = ("jitter", "restate", "skew", "hole", "empty", "beyond")
"""The kinds of fault that are lies."""
MOST_MOVED = 0.24
"""Seconds by which a word time moves at most."""
AGAIN_LATER = 0.2
"""Seconds by which what is said once more is later."""
TOO_FAR = 10.0
"""Seconds beyond the audio that was sent."""


class Liar:
    """The lies of one stream. `seed` decides."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)
        self._lost = 0.0
        """Seconds that the stream's clock has lost."""
        self._before: dict[str, Any] | None = None
        """A final with which the next one begins again."""
        self._skewed = 0
        """Strikes of `skew` that have had their effect."""

    def distorted(self, message: str, lies: Mapping[str, float], skews: int = 0) -> list[str]:
        """What is sent instead of `message`, oldest first. `lies`: each kind's number; `skews`: how
        often the clock was to start again so far."""
        if '"Results"' not in message[:40]:
            return [message]
        truth: dict[str, Any] = orjson.loads(message)
        final = bool(truth.get("is_final")) and bool(_words(truth))
        if final and skews > self._skewed:
            self._skewed = skews
            self._lost = float(truth["start"])
        said = self._placed(truth, lies)
        if not final:
            return [_text(said)]
        if self._before is not None:
            said = _joined(self._before, said)
            self._before = None
        if self._draw(lies, "hole"):
            return []
        if self._draw(lies, "empty"):
            interim = said | {"is_final": False, "speech_final": False}
            return [_text(interim), _text(_with_words(said, []))]
        if self._draw(lies, "beyond"):
            return [_text(said | {"duration": said["duration"] + TOO_FAR})]
        if self._draw(lies, "restate"):
            if self._chance.random() < 0.5:
                self._before = said
                return [_text(said)]
            return [_text(said), _text(_later(self._placed(truth, lies), AGAIN_LATER))]
        return [_text(said)]

    def moved(self, words: list[dict[str, Any]], deviation: float) -> list[dict[str, Any]]:
        """With the times of another pass; words keep their order. Seconds."""
        out: list[dict[str, Any]] = []
        end = 0.0
        for word in words:
            start = max(end, 0.0, word["start"] + self._by(deviation))
            end = max(start + 0.02, word["end"] + self._by(deviation))
            out.append(word | {"start": round(start, 3), "end": round(end, 3)})
        return out

    def _placed(self, truth: dict[str, Any], lies: Mapping[str, float]) -> dict[str, Any]:
        words = _words(truth)
        if deviation := lies.get("jitter", 0.0) / 1000:
            words = self.moved(words, deviation)
        return (
            _later(_with_words(truth, words), -self._lost)
            if self._lost
            else (_with_words(truth, words))
        )

    def _draw(self, lies: Mapping[str, float], kind: str) -> bool:
        return kind in lies and self._chance.random() * lies[kind] < 1.0

    def _by(self, deviation: float) -> float:
        return max(-MOST_MOVED, min(MOST_MOVED, self._chance.gauss(0.0, deviation)))


def body_with_jitter(body: bytes, deviation_ms: float, seed: str) -> bytes:
    """A prerecorded answer with the word times of another pass, as long as before: its length is
    announced already. What is none is left as it is."""
    try:
        answer = orjson.loads(body)
        for channel in answer["results"]["channels"]:
            for alternative in channel["alternatives"]:
                words = alternative["words"]
                alternative["words"] = Liar(seed).moved(words, deviation_ms / 1000)
        answer["metadata"]["sha256"] = ""  # room for longer numbers
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return body
    moved = orjson.dumps(answer)
    return moved.ljust(len(body)) if len(moved) <= len(body) else body


def _words(message: dict[str, Any]) -> list[dict[str, Any]]:
    words: list[dict[str, Any]] = message["channel"]["alternatives"][0]["words"]
    return words


def _with_words(message: dict[str, Any], words: list[dict[str, Any]]) -> dict[str, Any]:
    changed = copy.deepcopy(message)
    first = changed["channel"]["alternatives"][0]
    first["words"] = words
    first["transcript"] = " ".join(word.get("punctuated_word", word["word"]) for word in words)
    return changed


def _later(message: dict[str, Any], seconds: float) -> dict[str, Any]:
    words = [
        word | {"start": max(0.0, word["start"] + seconds), "end": max(0.01, word["end"] + seconds)}
        for word in _words(message)
    ]
    start = max(0.0, message["start"] + seconds)
    return _with_words(message, words) | {"start": start}


def _joined(before: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    joined = _with_words(message, _words(before) + _words(message))
    end = message["start"] + message["duration"]
    return joined | {"start": before["start"], "duration": end - before["start"]}


def _text(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()
