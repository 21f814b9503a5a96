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
    """What a table has for `pt-BR`, or else for `pt`, or for that under its usual name (`no` for `nb`);
    None when it has none of them."""
    tag = language.replace("_", "-")
    for each in (tag, tag.partition("-")[0].lower(), base(tag)):
        if (value := table.get(each)) is not None:
            return value
    return None


def of_pair(table: Mapping[str, V], source: str, target: str) -> V | None:
    """What a table has for `en-pt-BR`, or else for `en-pt`, under whatever names of the languages
    (`nb-en` is `no-en`); None when it has nothing for either."""
    known: dict[str, V] = {}
    for pair, value in table.items():
        one, _, other = pair.partition("-")
        known[f"{base(one)}-{_usual(other)}"] = value
    for tag in (_usual(target), base(target)):
        if found := known.get(f"{base(source)}-{tag}"):
            return found
    return None


def is_among(languages: Collection[str], language: str) -> bool:
    """Whether a list of languages has this one or that which it is a variant of."""
    tag = language.replace("_", "-")
    return tag in languages or base(tag) in languages


def in_words(language: str) -> str:
    """`Portuguese (BR)` for `pt-BR`; the tag itself where no name is known."""
    code, _, variant = language.replace("_", "-").partition("-")
    name = ENGLISH_NAMES.get(base(code), code)
    return f"{name} ({variant})" if variant else name


def _usual(language: str) -> str:
    """`no-no` for `nb-NO`: in small letters, under the language's usual name."""
    code, dash, variant = language.replace("_", "-").lower().partition("-")
    return base(code) + dash + variant


_SAME = {"nb": "no", "nn": "no", "tl": "fil", "iw": "he", "in": "id"}
