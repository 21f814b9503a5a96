"""Language tags as providers need them: looked up by variant, then by language; two letters; in
words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from translink.text.language_names import ENGLISH_NAMES

V = TypeVar("V")


def base(language: str) -> str:
    """`pt` for `pt-BR`; the same for the same language under another name (`nb` is `no`)."""
    code = language.replace("_", "-").partition("-")[0].lower()
    return _SAME.get(code, code)


def by_tag(table: Mapping[str, V], language: str) -> V | None:
    """What a table has for `pt-BR`, or else for `pt`; None when it has neither."""
    tag = language.replace("_", "-")
    value = table.get(tag)
    return table.get(tag.partition("-")[0].lower()) if value is None else value


def is_among(languages: Collection[str], language: str) -> bool:
    """Whether a list of languages has this one or that which it is a variant of."""
    tag = language.replace("_", "-")
    return tag in languages or base(tag) in languages


def in_words(language: str) -> str:
    """`Portuguese (BR)` for `pt-BR`; the tag itself where no name is known."""
    code, _, variant = language.replace("_", "-").partition("-")
    name = ENGLISH_NAMES.get(base(code), code)
    return f"{name} ({variant})" if variant else name


_SAME = {"nb": "no", "nn": "no", "tl": "fil", "iw": "he", "in": "id"}
