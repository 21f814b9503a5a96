"""DeepL's `/v2/translate`, `/v2/usage` and the two lists of languages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from aiohttp import web

from translink.offline.admission import Denied, OfflineAdmission, broken, request_id
from translink.offline.engines.protocols import (
    BeyondEngine,
    EngineFailed,
    EngineMissing,
    TranslatorEngine,
)
from translink.offline.hooks import TRANSLATE, Reset
from translink.offline.messages import Json
from translink.text.language_names import ENGLISH_NAMES

_MOST_TEXTS = 50
_LARGEST_TEXT = 128 * 1024
_LIMIT = 1_000_000_000_000
"""DeepL's figure for "no limit"."""
_SMALL_WORDS = {
    "fr": """je tu il elle nous vous ils le la les un une des du et est suis avez pas ne oui non
        merci bonjour que qui quel quelle votre mon ma mes au aux avec pour dans sur ce cette ça
        c'est allô bonsoir revoir plaît rendez-vous combien où quand comment parlez êtes""",
    "en": """i you he she we they the a an of and is am are not no yes thank thanks hello that who
        what which your my to with for in on this it's do does have can please how where when
        speak""",
}
_FRENCH, _ENGLISH = (frozenset(_SMALL_WORDS[code].split()) for code in ("fr", "en"))


@dataclass(frozen=True, slots=True)
class Request:
    """A translation request, validated."""

    texts: Sequence[str]
    source: str | None
    """Two letters, lower case; None = to be found out."""
    target: str
    model_type: str | None
    billed: bool


def request_of(fields: Mapping[str, object], targets: frozenset[str]) -> Request:
    """Raises `Denied` 400 in DeepL's words."""
    texts = fields.get("text")
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise Denied(400, "Parameter 'text' not specified.")
    if len(texts) > _MOST_TEXTS:
        raise Denied(400, "Too many texts to translate. Parameter 'text' allows up to 50 values.")
    target = fields.get("target_lang")
    if not isinstance(target, str):
        raise Denied(400, "Value for 'target_lang' not supported.")
    target = target.lower().split("-")[0]
    if target not in targets:
        raise Denied(400, "Value for 'target_lang' not supported.")
    source = fields.get("source_lang")
    if source is not None and (not isinstance(source, str) or not source.isalpha()):
        raise Denied(400, "Value for 'source_lang' not supported.")
    model = fields.get("model_type")
    models = ("latency_optimized", "quality_optimized", "prefer_quality_optimized")
    if model is not None and model not in models:
        raise Denied(400, "Value for 'model_type' not supported.")
    return Request(
        texts=texts,
        source=source.lower() if source else None,
        target=target,
        model_type="latency_optimized" if model else None,
        billed=fields.get("show_billed_characters") in (True, "1", "true"),
    )


def detect(text: str) -> str:
    """English or French, by their small words and accents; English when in doubt."""
    words = re.findall(r"[\w'-]+", text.lower().replace("\u2019", "'"))
    french = sum(w in _FRENCH or "l'" in w or "d'" in w or "j'" in w for w in words)
    french += sum(c in "àâçèêëîïôùûœ" for c in text.lower())
    return "fr" if french > sum(w in _ENGLISH for w in words) else "en"


class Translate:
    """The handlers of the DeepL half."""

    def __init__(self, admission: OfflineAdmission, engine: TranslatorEngine) -> None:
        self._admission = admission
        self._engine = engine
        self._characters = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """POST `/v2/translate`, JSON or form."""
        ask, trace = self._admission.ask(TRANSLATE, request), request_id()
        try:
            self._admission.authorise_deepl(request)
            wanted = request_of(await _fields(request), self._targets())
            with self._admission.room(TRANSLATE):
                refusal = await self._admission.faults.http(ask)
                if refusal is not None:
                    return self._admission.refusal(TRANSLATE, refusal, trace)
                translations = [await self._one(text, wanted) for text in wanted.texts]
                return await self._admission.answer(
                    ask, request, {"translations": translations}, X_Trace_ID=trace.replace("-", "")
                )
        except EngineMissing as error:
            return self._admission.denied(TRANSLATE, Denied(503, str(error)), trace)
        except BeyondEngine as error:
            return self._admission.denied(TRANSLATE, Denied(400, str(error)), trace)
        except EngineFailed:
            return self._admission.denied(TRANSLATE, Denied(500), trace)
        except Denied as denied:
            return self._admission.denied(TRANSLATE, denied, trace)
        except Reset:
            return broken(request)

    async def usage(self, request: web.Request) -> web.StreamResponse:
        """GET `/v2/usage`: what was translated since the server started."""
        return self._json(request, {"character_count": self._characters, "character_limit": _LIMIT})

    async def languages(self, request: web.Request) -> web.StreamResponse:
        """GET `/v2/languages?type=source|target` (deprecated there, still asked for)."""
        kind = request.query.get("type", "source")
        codes = self._targets() if kind == "target" else {s for s, _ in self._engine.pairs()}
        listed: list[Json] = []
        for code in sorted(codes):
            shown = ("EN-US", "EN-GB") if code == "en" and kind == "target" else (code.upper(),)
            for name in shown:
                entry: dict[str, Json] = {"language": name, "name": ENGLISH_NAMES.get(code, code)}
                if kind == "target":
                    entry["supports_formality"] = False
                listed.append(entry)
        return self._json(request, listed)

    async def languages_v3(self, request: web.Request) -> web.StreamResponse:
        """GET `/v3/languages`."""
        sources = {s for s, _ in self._engine.pairs()}
        listed: list[Json] = [
            {
                "lang": code,
                "name": ENGLISH_NAMES.get(code, code),
                "usable_as_source": code in sources,
                "usable_as_target": code in self._targets(),
                "status": "stable",
                "features": {},
            }
            for code in sorted(sources | self._targets())
        ]
        return self._json(request, listed)

    def _json(self, request: web.Request, content: Json) -> web.StreamResponse:
        try:
            self._admission.authorise_deepl(request)
        except Denied as denied:
            return self._admission.denied(TRANSLATE, denied, request_id())
        return web.Response(body=orjson.dumps(content), content_type="application/json")

    def _targets(self) -> frozenset[str]:
        pairs = self._engine.pairs()
        return frozenset({t for _, t in pairs} | {s for s, _ in pairs})

    async def _one(self, text: str, wanted: Request) -> Json:
        source = wanted.source or detect(text)
        if source != wanted.target and (source, wanted.target) not in self._engine.pairs():
            raise Denied(400, "Value for 'source_lang' not supported.")
        self._characters += len(text)
        if source == wanted.target or not text.strip():
            translated = text
        else:
            translated = await self._engine.translate(text, source, wanted.target)
        entry: dict[str, Json] = {"detected_source_language": source.upper(), "text": translated}
        if wanted.billed:
            entry["billed_characters"] = len(text)
        if wanted.model_type:
            entry["model_type_used"] = wanted.model_type
        return entry


async def _fields(request: web.Request) -> Mapping[str, object]:
    if (request.content_length or 0) > _LARGEST_TEXT:
        raise Denied(413)
    if request.content_type == "application/json":
        body = await request.read()
        if len(body) > _LARGEST_TEXT:
            raise Denied(413)
        try:
            fields = orjson.loads(body)
        except orjson.JSONDecodeError:
            fields = None
        if not isinstance(fields, dict):
            raise Denied(400, "Bad request. Reason: Failed to parse JSON.")
        return fields
    form = await request.post()
    plain: dict[str, object] = {k: v for k, v in form.items() if isinstance(v, str)}
    plain["text"] = [v for v in form.getall("text", []) if isinstance(v, str)]
    return plain
