"""Heard words → words as they are written. Sans-IO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from translink.offline.engines.phrasebook import normal, spans_of
from translink.offline.engines.protocols import Heard

_ASKING = {
    "en": """what who where when why how which whose do does did is are am was were can could would
        will shall should may have has""",
    "fr": """qui quand où comment pourquoi combien quel quelle quels quelles est-ce pouvez-vous
        avez-vous êtes-vous voulez-vous""",
}
_QUESTIONS = {code: frozenset(words.split()) for code, words in _ASKING.items()}
_STATEMENTS = frozenset({"when i", "when you", "when we", "how nice", "what a"})
_PROPER_NAMES = """
    monday tuesday wednesday thursday friday saturday sunday january february march april june july
    august september october november december english french american british france paris london
    america i i'm i'll i've i'd
"""
_PROPER = frozenset(_PROPER_NAMES.split())


def punctuated(words: Sequence[Heard], written: Mapping[str, str]) -> tuple[Heard, ...]:
    """As the phrasebook writes it: one phrase or several in a row; () when it is anything else."""
    keys = [normal(w.text) for w in words]
    spans = spans_of(keys, lambda key: len(_spelling(written.get(key, ""))) > 0)
    out: list[Heard] = []
    for start, end in spans or ():
        spelling = _spelling(written[" ".join(keys[start:end])])
        if len(spelling) != end - start:
            return ()
        out += [replace(words[start + i], text=text) for i, text in enumerate(spelling)]
    return tuple(out)


def finished(words: Sequence[Heard], language: str) -> tuple[Heard, ...]:
    """A capital at the beginning, a full stop or a question mark at the end."""
    if not words:
        return ()
    texts = [w.text.capitalize() if w.text in _PROPER else w.text for w in words]
    if language == "en":
        texts = [t if t[:2] not in ("I'", "i'") else "I" + t[1:] for t in texts]
    asks = words[0].text in _QUESTIONS.get(language, frozenset())
    if asks and " ".join(w.text for w in words[:2]) in _STATEMENTS:
        asks = False
    texts[0] = texts[0][:1].upper() + texts[0][1:]
    texts[-1] += "?" if asks else "."
    return tuple(replace(w, text=t) for w, t in zip(words, texts, strict=True))


def _spelling(phrase: str) -> list[str]:
    """Its words with their marks; French's detached marks (` ?`) join the word before."""
    out: list[str] = []
    for part in phrase.split():
        if out and not any(c.isalnum() for c in part):
            out[-1] += part
        else:
            out.append(part)
    return out
