"""Talks: words with their times, as they were really said.

A file is `{"talks": {"A": [[text, start s, end s, is a filler], …], "B": …}}`; fillers (`uh`) are
heard, but no recogniser writes them, so they have no number and are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

MOST_WORDS_OF_TALKER = 4_094
"""Of one talker: `chords` has no more numbers."""


@dataclass(frozen=True, slots=True)
class TalkWord:
    """A word of a talk. Times are seconds from its beginning."""

    text: str
    """With its punctuation."""
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class TimedTalk:
    """What one talker says. A word's number is its place in `words`."""

    name: str
    """File and talker, as in `mono.A`."""
    words: tuple[TalkWord, ...]
    fillers: tuple[TalkWord, ...] = ()

    @property
    def seconds(self) -> float:
        """When the last sound ends."""
        return max((word.end for word in (*self.words, *self.fillers)), default=0.0)


def load_talks(path: Path, seconds: float | None = None) -> list[TimedTalk]:
    """All talkers of a file, each until `seconds`.

    Raises:
        OSError, ValueError: it cannot be read, or is no such file; the message says what is wrong.
    """
    try:
        talks = orjson.loads(path.read_bytes())["talks"]
        found = [
            TimedTalk(
                f"{path.stem}.{name}",
                _words(row for row in rows if not row[3]),
                _words(row for row in rows if row[3]),
            )
            for name, rows in talks.items()
        ]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError, AttributeError) as error:
        form = "{'talks': {'A': [[text, start, end, filler]]}}"
        raise ValueError(f"{path}: should be {form}") from error
    cut = [_until(talk, seconds) for talk in found] if seconds is not None else found
    said = [talk for talk in cut if talk.words]
    if not said:
        raise ValueError(f"{path}: nobody says anything")
    for talk in said:
        if len(talk.words) > MOST_WORDS_OF_TALKER:
            raise ValueError(
                f"{talk.name}: should have at most {MOST_WORDS_OF_TALKER} words; use --seconds"
            )
    return said


def _words(rows: Iterable[Sequence[object]]) -> tuple[TalkWord, ...]:
    """In order; a word that begins before the one ahead of it has ended begins there."""
    words: list[TalkWord] = []
    for text, start, end, *_ in rows:
        if not isinstance(start, int | float) or not isinstance(end, int | float):
            raise TypeError("times are numbers")
        begin = max(float(start), words[-1].end if words else 0.0)
        words.append(TalkWord(str(text), begin, max(float(end), begin + _SHORTEST_WORD)))
    return tuple(words)


def _until(talk: TimedTalk, seconds: float) -> TimedTalk:
    return TimedTalk(
        talk.name,
        tuple(word for word in talk.words if word.end <= seconds),
        tuple(word for word in talk.fillers if word.end <= seconds),
    )


_SHORTEST_WORD = 0.02
