"""DeepL: text in, text out, over kept-alive connections.

Each text is one request with `source_lang` (without it DeepL takes a slower model) and the previous
sentences as `context`, which is neither translated nor billed. Source: DeepL's OpenAPI file 3.11,
developers.deepl.com.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from time import monotonic
from typing import Literal

import orjson

from translink.credentials import named_key, named_url
from translink.errors import Kind, ProviderError
from translink.providers.customization import Customization
from translink.providers.http import Answer, Http, unreadable
from translink.providers.languages import base, is_among
from translink.results import Translation

_log = logging.getLogger(__name__)

FREE_URL = "https://api-free.deepl.com"
PRO_URL = "https://api.deepl.com"

_DEEPL_CODES = """
    ar bg cs da de el en es et fi fr he hu id it ja ko lt lv no nl pl pt ro ru sk sl sv th tr uk vi zh
"""
DEEPL_LANGUAGES = frozenset(_DEEPL_CODES.split())
"""All pairs of them, with the model that is fast enough for a call (OpenAPI file 3.11). DeepL has
more as beta languages, for its slower models."""

EXTRAS_REFUSED = 600.0
"""Seconds for which a glossary, an instruction or a variant that was refused is not asked for again."""

Formality = Literal["default", "more", "less", "prefer_more", "prefer_less"]
"""`more` and `less` go as `prefer_…`: plain, they are errors for a language without such forms."""

Model = Literal["latency_optimized", "quality_optimized", "prefer_quality_optimized"]


@dataclass(frozen=True, slots=True)
class DeepLUsage:
    """Characters of the billing period."""

    count: int
    limit: int

    @property
    def share(self) -> float:
        """How much of it is used, 1 = all."""
        return self.count / self.limit if self.limit > 0 else 0.0


class DeepL:
    """`POST /v2/translate`. Implements `Translator`."""

    def __init__(
        self,
        http: Http,
        *,
        api_key: str,
        server_url: str | None = None,
        english: Literal["EN-US", "EN-GB"] = "EN-US",
        portuguese: Literal["PT-PT", "PT-BR"] = "PT-PT",
        model_type: Model = "latency_optimized",
        formality: Formality | None = None,
        customization: Customization | None = None,
        timeout: float = 3.0,
        languages: Collection[str] = DEEPL_LANGUAGES,
        name: str = "deepl",
    ) -> None:
        """`server_url`: None = by the key (`…:fx` belongs to the free host). `timeout` in seconds,
        for all of a request.

        Args:
            customization: glossaries and instructions of the account.
            english: the variant to translate into for a leg set to plain `en`; `portuguese`
                likewise for `pt`.
            languages: those that this server translates between.

        Raises:
            SettingsError: an unusable URL or key.
        """
        key = named_key(api_key, "deepl.api_key")
        self.name = name
        self._http = http
        self._base = named_url(
            server_url or (FREE_URL if key.endswith(":fx") else PRO_URL), "deepl.server_url"
        )
        self._headers = {"Authorization": f"DeepL-Auth-Key {key}"} if key else {}
        self._variants = {"EN": english, "PT": portuguese}
        self._options: dict[str, str] = {"model_type": model_type, "split_sentences": "0"}
        if formality is not None and formality != "default":
            self._options["formality"] = f"prefer_{formality.removeprefix('prefer_')}"
        self._customization = customization or Customization()
        self._taken: dict[tuple[str, str], tuple[int, float]] = {}
        """By pair: how much of what could be asked for was refused, and until when it is left out."""
        self._timeout = timeout
        self._languages = languages

    async def translate(
        self, text: str, *, source: str, target: str, context: str = ""
    ) -> Translation:
        """Translate one text. A blank one is not sent. Raises `ProviderError`; REFUSED for an
        answer without a text, or with one far too long."""
        begun = monotonic()
        if not text.strip():
            return Translation(text, self.name, 0.0)
        body: dict[str, object] = {
            "text": [text],
            "source_lang": source_language(source),
            **self._options,
        }
        if context:
            body["context"] = context[-_DEEPL_CONTEXT:]
        answer = await self._asked(body, source, target)
        value = answer.json()
        try:
            translated = value["translations"][0]["text"]  # type: ignore[index]
        except (KeyError, IndexError, TypeError) as exc:
            raise unreadable(self.name, "no translation", answer.headers) from exc
        if not isinstance(translated, str):
            raise unreadable(self.name, "no translation", answer.headers)
        if not translated.strip() or len(translated) > _GROWTH * len(text) + _ROOM:
            # It answers, and would answer the same again: this text's trouble and not DeepL's.
            what = "far too long" if translated.strip() else "empty"
            message = f"{self.name}: the translation is {what}"
            raise ProviderError(message, provider=self.name, kind=Kind.REFUSED)
        return Translation(translated, self.name, monotonic() - begun)

    async def _asked(self, body: dict[str, object], source: str, target: str) -> Answer:
        """The answer to the fullest request that is not refused; to the barest, once half of the time for
        a text is over. What was left out for a pair is said once, and not asked for again for
        `EXTRAS_REFUSED`: it may have been a passing trouble."""
        begun = monotonic()
        ways = self._ways(source, target)
        known, until = self._taken.get((source, target), (0, 0.0))
        first = known if monotonic() < until else 0
        for number, way in enumerate(ways[first:], first):
            late = number > first and monotonic() - begun > self._timeout / 2
            if late and number + 1 < len(ways):
                continue
            try:
                answer = await self._http.request(
                    "POST",
                    f"{self._base}/v2/translate",
                    provider=self.name,
                    within=self._timeout,
                    headers={**self._headers, "Content-Type": "application/json"},
                    data=orjson.dumps({**body, **way}),
                )
            except ProviderError as error:
                if error.kind is not Kind.REFUSED or number + 1 == len(ways):
                    raise
                refusal = error
                continue
            if number > first:
                self._taken[source, target] = (number, monotonic() + EXTRAS_REFUSED)
            if number > max(first, known):
                lacks = ", ".join(
                    key for key, value in ways[first].items() if way.get(key) != value
                )
                _log.warning(
                    "%s: from %s to %s goes without %s: %s",
                    self.name,
                    source,
                    target,
                    lacks,
                    refusal,
                )
            return answer
        raise AssertionError("the last way returns or raises")

    def _ways(self, source: str, target: str) -> list[dict[str, object]]:
        variant = self.target_language(target)
        targets = (variant, variant.partition("-")[0]) if variant in _BETA else (variant,)
        ways = self._customization.ways(source, target)
        return [{"target_lang": each, **way} for way in ways for each in targets]

    async def usage(self) -> DeepLUsage:
        """What the account has used and may use, or the key, if it has a limit of its own (Pro) that will
        be reached first; free of charge, so also a check of the key. Raises `ProviderError`."""
        answer = await self._http.request(
            "GET",
            f"{self._base}/v2/usage",
            provider=self.name,
            within=self._timeout,
            headers=self._headers,
        )
        value = answer.json()
        said = value if isinstance(value, dict) else {}
        known: list[DeepLUsage] = []
        for whose in ("", "api_key_"):
            count = said.get(f"{whose}character_count")
            limit = said.get(f"{whose}character_limit")
            if isinstance(count, int) and isinstance(limit, int):
                known.append(DeepLUsage(count, limit))
        if not known:
            raise unreadable(self.name, "no usage", answer.headers)
        return max(known, key=lambda usage: usage.share)

    async def warm(self, count: int = 1) -> int:
        """Open connections ahead of time; returns how many."""
        return await self._http.warm(f"{self._base}/v2/usage", count=count, headers=self._headers)

    def translates(self, source: str, target: str) -> bool:
        """Whether both are among its languages."""
        return all(is_among(self._languages, base(one)) for one in (source, target))

    def target_language(self, language: str) -> str:
        """DeepL's code to translate into: variants where it has them (`en` → `EN-US`, `zh-Hant-TW` →
        `ZH-HANT`), else none (`fr-BE` → `FR`)."""
        tag = language.replace("_", "-").upper()
        while "-" in tag and tag not in _TARGETS:
            tag = tag.rpartition("-")[0]
        if "-" in tag:
            return _TARGETS[tag]
        code = source_language(tag)
        return self._variants.get(code) or _TARGETS.get(code, code)


def source_language(language: str) -> str:
    """DeepL's code to translate from, which never has a variant: `pt-BR` → `PT`; `nn` → `NB`."""
    code = base(language).upper()
    return _DEEPL_NAMES.get(code, code)


_BETA = ("DE-CH", "FR-CA")
"""Variants of April 2026, in beta: where one is refused the language itself is asked for."""
_TARGETS = {
    **{tag: tag for tag in ("EN-GB", "EN-US", "PT-BR", "PT-PT", "ES-419", "ZH-HANS", "ZH-HANT")},
    **dict.fromkeys(("EN-AU", "EN-IE", "EN-IN", "EN-NZ", "EN-ZA"), "EN-GB"),
    **dict.fromkeys(("ZH-TW", "ZH-HK", "ZH-MO"), "ZH-HANT"),
    **{tag: tag for tag in _BETA},
    "ZH": "ZH-HANS",
}
_DEEPL_NAMES = {"NO": "NB", "FIL": "TL"}
"""What it calls languages that are called otherwise here."""
_GROWTH, _ROOM = 10, 1000
"""A translation is at most so many times as long, and so many characters more: what is longer would
be spoken for minutes."""
_DEEPL_CONTEXT = 4000
"""Characters. The whole body may have 128 KiB, and older sentences help no more."""
