"""Deepgram's detection of the language: what it is asked, and what it answers.

On the prerecorded API only. The languages are given as repeated `detect_language` and restrict it to
these; the answer names one for each channel. Source: Deepgram's page on language detection (35
languages since 2025-11-07).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from translink.providers.http import Answer, unreadable
from translink.providers.languages import base
from translink.results import Detected

_DETECTED = "bg ca cs da de el en es et fi fr hi hu id it ja ko lt lv ms nl no pl pt ro ru sk sv th tr uk vi zh"
DETECTED = frozenset(_DETECTED.split())
"""Languages that it tells from each other."""


def tells_apart(languages: Sequence[str], known: Collection[str] = DETECTED) -> bool:
    """Whether all of `languages` are among those that are `known`, and none is a variant of another."""
    codes = [base(language) for language in languages]
    return len(set(codes)) == len(codes) and set(codes) <= set(known)


def restricted_to(languages: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The query, but for what every request has."""
    for language in languages:
        yield "detect_language", base(language)


def detected_in(answer: Answer) -> Detected | None:
    """What the answer says of its first channel; None: there were no words.

    Raises:
        ProviderError: TRANSIENT, when it is no answer.
    """
    value = answer.json()
    try:
        channel = value["results"]["channels"][0]  # type: ignore[index]
        language, sure = channel.get("detected_language"), channel.get("language_confidence")
        text = channel["alternatives"][0]["transcript"]
    except (KeyError, IndexError, TypeError, AttributeError) as exc:
        raise unreadable(answer.provider, "no transcript", answer.headers) from exc
    if not isinstance(language, str) or not text:
        return None
    if not isinstance(sure, int | float) or isinstance(sure, bool):
        # Older servers name the language and do not say how sure they are of it.
        sure = channel["alternatives"][0].get("confidence")
    known = isinstance(sure, int | float) and 0.0 <= sure <= 1.0
    return Detected(language, float(sure) if known else 0.0)
