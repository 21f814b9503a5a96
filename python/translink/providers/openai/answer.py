"""Is it a translation? What a chat model answers is spoken to a caller, so doubt means no.

A refused answer costs a request and the next in line is asked; a wrong one is said aloud. Nothing
here understands languages: only what cannot be a translation of that text is known.
"""

from __future__ import annotations

import re

from translink.providers.languages import base


class NotATranslation(Exception):
    """The message says why, and holds nothing of the answer."""


def translation_in(answer: str, text: str, source: str, target: str) -> str:
    """The translation of `text` in a model's `answer`: without the thinking of models that think
    aloud, a label or quotation marks round it.

    Raises:
        NotATranslation: it is something else.
    """
    said = _THINKING.sub("", answer).strip()
    if said.startswith("<think"):
        raise NotATranslation("it thought until its room was full")
    said = _unlabelled(_unfenced(said), text).strip()
    if not any(each.isalnum() for each in said):
        if any(each.isalnum() for each in text):
            raise NotATranslation("it is empty")
        return said
    if said.startswith(("{", "[")) and not text.lstrip().startswith(("{", "[")):
        raise NotATranslation("it is JSON")
    if len(said) > GROWTH * len(text) + ROOM:
        raise NotATranslation("it is far too long")
    if said.count("\n") > text.count("\n") + 1:
        raise NotATranslation("it is several paragraphs")
    about_itself = _ITS_OWN_WORDS if base(target) == "en" else _ABOUT_ITSELF
    if about_itself.search(said) and not _ABOUT_ITSELF.search(text):
        raise NotATranslation("it speaks of itself")
    long = len(text.split()) >= WORDS_OF_A_NAME or len(text) >= WORDS_OF_A_NAME * 5
    long &= any(each.isalpha() for each in text)  # numbers are written alike
    if long and base(source) != base(target) and _letters(said) == _letters(text):
        raise NotATranslation("it is the text itself")
    script = _SCRIPTS.get(base(target))
    if long and script is not None and not script.search(said):
        raise NotATranslation("it is in another script")
    return " ".join(said.split())


GROWTH, ROOM = 4, 80
"""A translation is at most so many times as long, and so many characters more. Chinese to German
grows threefold; an explanation of two words has a hundred characters."""
WORDS_OF_A_NAME = 5
"""Words from which on a text that comes back as it was is not a name."""


def _unfenced(said: str) -> str:
    fenced = re.fullmatch(r"```\w*\n(.*)\n?```", said, re.DOTALL)
    return fenced[1] if fenced else said


def _unlabelled(said: str, text: str) -> str:
    label = _LABEL.match(said)
    if label and not _LABEL.match(text):
        said = said[label.end() :]
    for left, right in ('""', "“”", "«»", "„“", "''", "「」"):
        quoted = len(said) > 2 and said.startswith(left) and said.endswith(right)
        if quoted and not text.lstrip().startswith(tuple("\"“«„'「")):
            return said[1:-1]
    return said


def _letters(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalnum())


_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_LABEL = re.compile(
    r"\s*(?:the )?translat(?:ion|ed text)(?: (?:in|into|to) \w+)?\s*:\s*", re.IGNORECASE
)
_ABOUT_ITSELF = re.compile(
    r"\bas an ai\b|\b(?:ai|language) model\b|\bi(?:['’]m| am) (?:sorry|unable)\b.*\b(?:assist|help|translate|comply)\b"
    r"|\bi can(?:['’]|no)t (?:assist|help|translate|comply|fulfil)",
    re.IGNORECASE,
)
"""Its English, which stands in no translation into another language."""
_ITS_OWN_WORDS = re.compile(
    r"\b(?:as|i am|i['’]m) an? (?:ai(?:[,.]| (?:language )?model\b| assistant\b)|(?:large )?language model\b)"
    r"|\bi can(?:['’]|no)t (?:assist|comply) with\b"
    r"|\bi can(?:['’]|no)t (?:help with|fulfil+|translate) (?:this|that|the|your) (?:request|text|content)\b",
    re.IGNORECASE,
)
"""What only a model says: people who are translated into English are sorry, ask for help and speak of models."""
_SCRIPTS = {
    code: re.compile(pattern)
    for codes, pattern in {
        "ar fa ur": r"[\u0600-\u06ff]",
        "he": r"[\u0590-\u05ff]",
        "hi mr ne": r"[\u0900-\u097f]",
        "bn": r"[\u0980-\u09ff]",
        "ta": r"[\u0b80-\u0bff]",
        "te": r"[\u0c00-\u0c7f]",
        "th": r"[\u0e00-\u0e7f]",
        "ko": r"[\uac00-\ud7af]",
        "ja": r"[\u3040-\u30ff\u4e00-\u9fff]",
        "zh": r"[\u4e00-\u9fff]",
        "el": r"[\u0370-\u03ff]",
        "be bg mk ru uk": r"[\u0400-\u04ff]",
    }.items()
    for code in codes.split()
}
"""Scripts that a translation into the language cannot do without."""
