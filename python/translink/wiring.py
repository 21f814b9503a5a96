"""Which provider serves each stage: the one file that names them.

Without a key for a service, the offline engines serve it: a Deepgram- and DeepL-compatible server in
a process of its own on a loopback port, reached by the very same clients.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import structlog
from pydantic import SecretStr

from translink.errors import SettingsError
from translink.observe.journal import Journal
from translink.providers.deepgram.live import DeepgramLive
from translink.providers.deepgram.options import ListenOptions
from translink.providers.deepgram.prerecorded import DeepgramPrerecorded
from translink.providers.deepgram.speak import VOICES, DeepgramSpeak
from translink.providers.deepl import DeepL
from translink.providers.http import Http
from translink.providers.lineup import Lineup, LineupLimits
from translink.recognition.feed import PATIENCE_WITH_INTERIMS, PATIENCE_WITHOUT, FeedLimits
from translink.recognition.finalizing import FinalizeRules
from translink.recognition.rules import ListenRules
from translink.settings.model import Settings

log = structlog.get_logger("translink")

KEYLESS = "keyless"
"""Key for self-hosted servers without authentication."""
EARLY_FINALIZE = 0.1
"""Seconds of quiet. Shorter ones lie within words: 100 ms are hardly ever a stop consonant's."""
FINALIZE_FLOWING = 2.0
"""Seconds of speech without a final. With 3.0 the monologue's EVS is 0.1 s longer, without it 0.9 s."""
OFFLINE_PATIENCE = 20.0
"""Seconds a local recogniser may be silent: it shares its processors with everything else here."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the services are, and the keys for them."""

    deepgram_url: str
    deepgram_key: str
    deepl_url: str | None
    deepl_key: str
    offline: str | None
    """URL of the offline engines, if they run."""
    offline_key: str
    recognition_offline: bool


async def find_endpoints(
    settings: Settings,
    stack: AsyncExitStack,
    on_engines: Callable[[bool], None] = lambda _: None,
) -> Endpoints:
    """Keys and addresses. Starts the offline engines for what has neither; `stack` ends them.

    Should they end by themselves, they are started again. Where nothing else serves a stage,
    `on_engines(False)` says that they are gone and `on_engines(True)` that they are back.
    """
    deepgram, deepl = settings.deepgram, settings.deepl
    no_deepgram = deepgram.api_key is None and "base_url" not in deepgram.model_fields_set
    no_deepl = deepl.api_key is None and deepl.server_url is None
    url: str | None = None
    key = KEYLESS
    if no_deepgram or no_deepl or settings.fallback.offline:
        # Not needed, and so not loaded, where there are keys.
        from translink.offline import OfflineProcess
        from translink.offline.engines.check import beyond, can_hear
        from translink.offline.engines.phrasebook import LANGUAGES
        from translink.offline.engines.recognizer import INSTALL
        from translink.offline.keeper import keep

        if no_deepgram and not can_hear():
            raise SettingsError(
                "no DEEPGRAM_API_KEY, and the local recogniser that would serve instead is not "
                f"installed: set the key, or {INSTALL} (114 MB)"
            )
        missing = beyond(leg.language for leg in settings.legs)
        if missing and (no_deepgram or no_deepl):
            log.warning(
                "the local engines do %s only: legs in %s need keys for the real services",
                " and ".join(LANGUAGES),
                ", ".join(missing),
            )
        began = time.monotonic()
        log.info("loading the local engines, some seconds; the first start ever takes longer")
        offline = OfflineProcess(
            phrasebook=settings.offline.phrasebook, recognizers=settings.offline.recognizers
        )
        url = await offline.start()
        log.info("local engines ready", took_ms=round(1000 * (time.monotonic() - began)))
        key = offline.key
        for lack in offline.missing:
            log.warning("an offline engine is missing: %s", lack)
        stack.push_async_callback(offline.stop)
        needed = no_deepgram or no_deepl
        keeping = asyncio.create_task(
            keep(offline, on_engines if needed else lambda _: None), name="engines"
        )
        stack.callback(keeping.cancel)
        if needed:
            _say_offline(url, no_deepgram=no_deepgram, no_deepl=no_deepl)
    return Endpoints(
        deepgram_url=url if no_deepgram and url else deepgram.base_url,
        deepgram_key=_secret(deepgram.api_key, key if no_deepgram else KEYLESS),
        deepl_url=url if no_deepl else deepl.server_url,
        deepl_key=_secret(deepl.api_key, key if no_deepl else KEYLESS),
        offline=url,
        offline_key=key,
        recognition_offline=no_deepgram,
    )


def refuse_voiceless(settings: Settings) -> None:
    """Raises `SettingsError` for a leg that could never be spoken to: no voice for its language."""
    if settings.deepgram.api_key is None and "base_url" not in settings.deepgram.model_fields_set:
        return  # the local engines, whose languages are checked elsewhere
    known = {**VOICES, **settings.voices}
    wrong = [
        f"legs.{leg.name}.language = {leg.language!r}: there is no voice for it; name one in "
        f"voices.{leg.language} or legs.{leg.name}.voice, or choose of {', '.join(sorted(known))}"
        for leg in settings.legs
        if not leg.voice
        and leg.original not in ("captions", "through")
        and leg.language not in known
        and leg.language.partition("-")[0] not in known
    ]
    if wrong:
        raise SettingsError("\n".join(wrong))


def _secret(value: SecretStr | None, default: str) -> str:
    return value.get_secret_value() if value else default


class Providers:
    """Builds the providers that the settings name."""

    def __init__(self, settings: Settings, endpoints: Endpoints, http: Http) -> None:
        self._settings = settings
        self._at = endpoints
        self._http = http

    async def line_up(self, journal: Journal) -> Lineup:
        """Every stage's providers in their order, connections to the first of them warm."""
        deepgram = self._settings.deepgram
        translators = self.translators()
        await asyncio.gather(translators[0].warm(), self.voices(None)[0].warm())
        return Lineup(
            live=self.live(),
            transcribers=[self.prerecorded()],
            translators=translators,
            voices=self.voices,
            journal=journal,
            limits=LineupLimits(
                transcribe=deepgram.prerecorded_timeout,
                translate=self._settings.deepl.timeout,
                first_audio=deepgram.speak_timeout,
                prerecorded=deepgram.prerecorded_concurrency,
                speech=deepgram.speak_concurrency,
                memory=min((leg.ledger_seconds for leg in self._settings.legs), default=60.0),
            ),
        )

    def live(self) -> DeepgramLive:
        """Recognises while people speak."""
        return DeepgramLive(
            self._http,
            base_url=self._at.deepgram_url,
            api_key=self._at.deepgram_key,
            options=self._options(),
            connect_timeout=self._settings.deepgram.connect_timeout,
        )

    def prerecorded(self) -> DeepgramPrerecorded:
        """Recognises finished pieces."""
        return DeepgramPrerecorded(
            self._http,
            base_url=self._at.deepgram_url,
            api_key=self._at.deepgram_key,
            options=self._options(),
            timeout=self._settings.deepgram.prerecorded_timeout,
        )

    def _options(self) -> ListenOptions:
        deepgram = self._settings.deepgram
        return ListenOptions(
            model=deepgram.model,
            endpointing=deepgram.endpointing,
            utterance_end_ms=deepgram.utterance_end_ms,
            smart_format=deepgram.smart_format,
            interim_results=deepgram.interim_results,
            vad_events=deepgram.vad_events,
            keyterm=deepgram.keyterm,
            extra=deepgram.extra,
        )

    def rules(self) -> ListenRules:
        """How the recogniser at the other end must be listened to."""
        deepgram = self._settings.deepgram
        patience = deepgram.patience
        if patience is None and self._at.recognition_offline:
            patience = OFFLINE_PATIENCE
        if patience is None:
            patience = PATIENCE_WITH_INTERIMS if deepgram.interim_results else PATIENCE_WITHOUT
            return ListenRules(feed=FeedLimits(patience=patience), finalize=self._finalize())
        usual = self._finalize()
        return ListenRules(
            feed=FeedLimits(patience=patience),
            finalize=replace(
                usual,
                unanswered=max(usual.unanswered, patience / 2),
                stuck=max(usual.stuck, 3 * patience),
            ),
        )

    def _finalize(self) -> FinalizeRules:
        deepgram, local = self._settings.deepgram, self._at.recognition_offline
        early, flowing = deepgram.early_finalize, deepgram.finalize_flowing
        if early is None:
            early = 0.0 if local else EARLY_FINALIZE
        if flowing is None:
            flowing = 0.0 if local else FINALIZE_FLOWING
        return FinalizeRules(early=early, flowing=flowing)

    def translators(self) -> list[DeepL]:
        """In their order."""
        fallback, at = self._settings.fallback, self._at
        accounts = [(at.deepl_key, at.deepl_url, "deepl")]
        for number, account in enumerate(fallback.deepl, 2):
            key = account.api_key.get_secret_value()
            accounts.append((key, account.server_url, f"deepl.{number}"))
        if fallback.offline and at.offline:
            accounts.append((at.offline_key, at.offline, "offline.translate"))
        deepl = self._settings.deepl
        return [
            DeepL(
                self._http,
                api_key=key,
                server_url=url,
                english=deepl.english,
                portuguese=deepl.portuguese,
                model_type=deepl.model_type,
                formality=deepl.formality or "default",
                glossary_id=deepl.glossary_id,
                timeout=deepl.timeout,
                name=name,
            )
            for key, url, name in accounts
        ]

    def voices(self, voice: str | None) -> list[DeepgramSpeak]:
        """Synthesizers in their order; `voice` overrides the voice of every language."""
        settings, at = self._settings, self._at
        accounts = [(at.deepgram_url, at.deepgram_key, "deepgram.speak")]
        for number, account in enumerate(settings.fallback.deepgram, 2):
            key = account.api_key.get_secret_value()
            accounts.append((account.base_url, key, f"deepgram.speak.{number}"))
        if settings.fallback.offline and at.offline:
            accounts.append((at.offline, at.offline_key, "offline.speak"))
        return [
            DeepgramSpeak(
                self._http,
                base_url=url,
                api_key=key,
                voices=settings.voices,
                voice=voice,
                timeout=settings.deepgram.speak_timeout,
                name=name,
            )
            for url, key, name in accounts
        ]


def _say_offline(url: str, *, no_deepgram: bool, no_deepl: bool) -> None:
    lacking = {
        "DEEPGRAM_API_KEY": (no_deepgram, "recognition and speech"),
        "DEEPL_API_KEY": (no_deepl, "translation"),
    }
    missing = [name for name, (lacks, _) in lacking.items() if lacks]
    does = [what for lacks, what in lacking.values() if lacks]
    log.warning(
        "no %s: %s by the local engines, %s; set %s in .env.externalmedia or the environment to use "
        "the real services",
        " and no ".join(missing),
        " and ".join(does),
        "offline demo quality",
        " and ".join(missing),
        url=url,
    )
