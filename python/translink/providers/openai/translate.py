"""Translation by a chat model: `/v1/chat/completions`.

Source: platform.openai.com/docs/api-reference/chat; vLLM's and Ollama's notes on what they take.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

import orjson

from translink.errors import Kind, ProviderError
from translink.providers.http import Http, unreadable
from translink.providers.languages import of_pair
from translink.providers.openai.answer import NotATranslation, translation_in
from translink.providers.openai.endpoint import OpenAiClient, OpenAiEndpoint
from translink.providers.openai.prompt import messages
from translink.results import Translation

OPENAI_TEXT_MODEL = "gpt-4o-mini"


class OpenAiTranslate(OpenAiClient):
    """One request a text. Implements `Translator`; every pair of languages is tried."""

    def __init__(
        self,
        http: Http,
        *,
        at: OpenAiEndpoint,
        model: str = OPENAI_TEXT_MODEL,
        glossaries: Mapping[str, Mapping[str, str]] | None = None,
        temperature: float | None = 0.0,
        timeout: float = 3.0,
        name: str = "openai.translate",
    ) -> None:
        """`glossaries`: pair (`en-fr`, `en-pt-BR`) to terms and their translations.

        Args:
            temperature: None = not sent; some models take only their own.
            timeout: seconds for all of a request.
        """
        super().__init__(http, at, model=model, timeout=timeout, name=name)
        self._glossaries: Mapping[str, Mapping[str, str]] = glossaries or {}
        self._temperature = temperature

    async def translate(
        self, text: str, *, source: str, target: str, context: str = ""
    ) -> Translation:
        """Translate one text. A blank one is not sent. Raises `ProviderError`; REFUSED for an answer
        that is not a translation."""
        begun = monotonic()
        if not text.strip():
            return Translation(text, self.name, 0.0)
        body: dict[str, object] = {
            "model": self._model,
            "messages": messages(
                text, source, target, context, self._glossary(text, source, target)
            ),
            "stream": False,
        }
        if self._temperature is not None:
            body["temperature"] = self._temperature
        answer = await self._http.request(
            "POST",
            self._at.url("chat/completions"),
            provider=self.name,
            within=self._timeout,
            headers={**self._at.headers, "Content-Type": "application/json"},
            data=orjson.dumps(body),
        )
        value = answer.json()
        try:
            choice = value["choices"][0]  # type: ignore[index]
            message, end = choice["message"], choice.get("finish_reason")
            content, refusal = message.get("content"), message.get("refusal")
        except (KeyError, IndexError, TypeError, AttributeError) as exc:
            raise unreadable(self.name, "no answer of a model", answer.headers) from exc
        if refusal or end in ("content_filter", "length", "tool_calls"):
            raise self._refused("was cut off" if end == "length" else "was refused by the model")
        if not isinstance(content, str):
            raise unreadable(self.name, "no answer of a model", answer.headers)
        try:
            translated = translation_in(content, text, source, target)
        except NotATranslation as why:
            raise self._refused(f"is not one: {why}") from None
        return Translation(translated, self.name, monotonic() - begun)

    def _glossary(self, text: str, source: str, target: str) -> dict[str, str]:
        """Those of the pair's terms that are in the text: a long list makes the answer late."""
        terms: Mapping[str, str] = of_pair(self._glossaries, source, target) or {}
        folded = text.casefold()
        return {term: said for term, said in terms.items() if term.casefold() in folded}

    def _refused(self, why: str) -> ProviderError:
        # It answers, and would answer the same again: this text's trouble and not the service's.
        message = f"{self.name}: the translation {why}"
        return ProviderError(message, provider=self.name, kind=Kind.REFUSED)
