"""The phrasebook as a graph of words: what a recogniser may hear. Sans-IO."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from translink.offline.engines.phrasebook import Phrasebook, normal, tokens

Item = str | dict[str, list[list[str]]]
"""Of a phrase: a word, or a slot: `{"one": values}`, `{"some": values}` (one or more in a row), each
value of one or more words."""
_CHAIN = 0.01
"""Probability that another phrase follows in the same breath."""
_ANOTHER_VALUE = 0.5
"""Probability that another value follows in a `some` slot."""
_SAID_ALONE = ("day", "digit", "hour")
"""Slots whose values are said alone, too."""


def grammar(book: Phrasebook, language: str) -> list[list[Item]]:
    """Every wording as words and slots."""
    values = {name: [tokens(v) for v in book.slot_values(name, language)] for name in book.slots}
    phrases: dict[str, list[Item]] = {}
    for wording in book.wordings(language):
        phrases.setdefault(
            normal(wording),
            [
                {"some" if word.endswith("+}") else "one": values[word.strip("{+}")]}
                if word.startswith("{")
                else word
                for word in tokens(wording)
            ],
        )
    for name in _SAID_ALONE:
        if values.get(name):
            phrases[name] = [{"some" if name == "digit" else "one": values[name]}]
    return list(phrases.values())


class Graph:
    """A tree of the phrases' words from state 0 to state 1, and back for the next phrase.

    Shared beginnings keep it small: a third of the time of one path per phrase. A slot's values
    part and meet again, so that two slots in a phrase add up and do not multiply.
    """

    def __init__(self, phrases: Iterable[Sequence[Item]]) -> None:
        self._tree: dict[tuple[int, str], int] = {}
        self._joins: dict[tuple[int, int], float] = {}
        """(from, to) without a word → probability."""
        self._states = 2
        met: dict[tuple[int, str], int] = {}
        for phrase in phrases:
            state = 0
            for item in phrase:
                if isinstance(item, str):
                    state = self._walk(state, (item,))
                    continue
                key = state, repr(item)
                if key not in met:
                    met[key] = self._states
                    self._states += 1
                for value in _values(item):
                    self._joins[self._walk(state, value), met[key]] = 1.0
                if "some" in item:
                    self._joins[met[key], state] = _ANOTHER_VALUE
                state = met[key]
            self._joins[state, 1] = 1.0
        self._joins[1, 0] = _CHAIN

    @property
    def arcs(self) -> list[tuple[object, ...]]:
        """As pocketsphinx takes them: (from, to, probability[, word])."""
        branches = Counter(state for state, _ in self._tree)
        arcs: list[tuple[object, ...]] = [
            (state, following, 1.0 / branches[state], word)
            for (state, word), following in self._tree.items()
        ]
        return arcs + [(start, to, chance) for (start, to), chance in self._joins.items()]

    def whole(self, words: Sequence[str]) -> int:
        """How many of the first words make whole phrases."""
        free: dict[int, list[int]] = {}
        for start, to in self._joins:
            free.setdefault(start, []).append(to)
        here, complete = _closure({0}, free), 0
        for number, word in enumerate(words, 1):
            steps = {self._tree[s, word] for s in here if (s, word) in self._tree}
            here = _closure(steps, free)
            if 1 in here:
                complete = number
        return complete

    def _walk(self, state: int, words: Iterable[str]) -> int:
        for word in words:
            if (state, word) not in self._tree:
                self._tree[state, word] = self._states
                self._states += 1
            state = self._tree[state, word]
        return state


def words_of(phrase: Sequence[Item]) -> list[str]:
    """Every word that may occur in it."""
    words: list[str] = []
    for item in phrase:
        words += [item] if isinstance(item, str) else [w for v in _values(item) for w in v]
    return words


def _values(slot: Mapping[str, list[list[str]]]) -> list[list[str]]:
    return [value for values in slot.values() for value in values]


def _closure(states: set[int], free: Mapping[int, list[int]]) -> set[int]:
    """With all that is reached without a word."""
    found, todo = set(states), list(states)
    while todo:
        for to in free.get(todo.pop(), ()):
            if to not in found:
                found.add(to)
                todo.append(to)
    return found
