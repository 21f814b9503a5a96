"""A provider as CONTRIBUTING says to write one: this file, a test and one line. Translates and speaks."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from functools import partial

import orjson

from translink.credentials import named_key, named_url
from translink.providers.http import Http, unreadable
from translink.providers.manners import VoiceManners
from translink.providers.sound import posted
from translink.providers.vendor import VendorAccount, VendorDescription
from translink.providers.wanted import ANY, SpeakingVoices, WantedVoice
from translink.results import Translation

URL = "https://api.acme.example"


class _Acme:
    """What both clients have."""

    def __init__(self, http: Http, account: VendorAccount, stage: str) -> None:
        self.name = f"acme.{stage}"
        self._http = http
        self._account = account
        self._base = named_url(account.base_url or URL, "vendors.acme.base_url")
        self._headers = {"x-acme-token": named_key(account.api_key, "vendors.acme.api_key")}

    async def warm(self, count: int = 1) -> int:
        return await self._http.warm(f"{self._base}/", count=count, headers=self._headers)


class AcmeTranslate(_Acme):
    """`POST /translate`. Implements `Translator`."""

    def translates(self, source: str, target: str) -> bool:
        return {source, target} <= {"en", "hi"}

    async def translate(
        self, text: str, *, source: str, target: str, context: str = ""
    ) -> Translation:
        del context
        body = orjson.dumps({"text": text, "pair": f"{source}-{target}"})
        began = time.monotonic()
        reply = await self._http.request(
            "POST",
            f"{self._base}/translate",
            provider=self.name,
            within=self._account.timeout,
            headers={**self._headers, "Content-Type": "application/json"},
            data=body,
        )
        said = reply.json()
        if not isinstance(said, str):
            raise unreadable(self.name, "no translation", reply.headers)
        return Translation(said, self.name, time.monotonic() - began)


class AcmeSpeak(_Acme):
    """`POST /speak`. Implements `Synthesizer`."""

    def __init__(self, http: Http, account: VendorAccount, wanted: WantedVoice | None) -> None:
        super().__init__(http, account, "speak")
        self._voices = SpeakingVoices(
            wanted,
            account.voices,
            provider=self.name,
            setting="vendors.acme.voices",
            otherwise=account.voice,
        )

    def speaks(self, language: str) -> bool:
        return self._voices.has(language)

    def speak(self, text: str, *, language: str) -> AsyncGenerator[bytes, None]:
        return self._voices.speak(language, partial(self._say, text))

    def _say(self, text: str, voice: str) -> AsyncGenerator[bytes, None]:
        return posted(
            self._http,
            f"{self._base}/speak",
            text,
            lambda part: {"text": part, "voice": voice},
            provider=self.name,
            within=self._account.timeout,
            headers=self._headers,
        )


VENDOR = VendorDescription(
    name="acme",
    translates=lambda http, account: AcmeTranslate(http, account, "translate"),
    speaks=AcmeSpeak,
    manners=VoiceManners(choice={"feminine": {ANY: "anna"}, "masculine": {ANY: "otto"}}),
)
