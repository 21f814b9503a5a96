"""The clients of each stage, in the order of the settings."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from translink.calls.orders import Orders
from translink.observe.journal import Journal
from translink.providers.customization import Customization
from translink.providers.deepgram.detection import DETECTED
from translink.providers.deepgram.flux import FluxOptions
from translink.providers.deepgram.live import DeepgramLive
from translink.providers.deepgram.options import ListenOptions, for_all_services
from translink.providers.deepgram.prerecorded import DeepgramPrerecorded
from translink.providers.deepl import DeepL
from translink.providers.http import Http
from translink.providers.lineup import Lineup, LineupLimits
from translink.providers.openai.transcribe import OpenAiTranscribe
from translink.providers.openai.translate import OpenAiTranslate
from translink.providers.streams import Streams
from translink.providers.wanted import UnmetWishes
from translink.recognition.evidence import DetectRules
from translink.recognition.feed import PATIENCE_WITH_INTERIMS, PATIENCE_WITHOUT, FeedLimits
from translink.recognition.finalizing import FinalizeRules
from translink.recognition.lull import LullRules
from translink.recognition.rules import ListenRules
from translink.results import FRAME, RATE
from translink.settings.model import Settings
from translink.settings.secrets import shown_options
from translink.wiring.endpoints import Endpoints
from translink.wiring.vendors import account_of, vendor_for
from translink.wiring.voices import VoiceClients, openai_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translink.providers.protocols import Transcriber
    from translink.providers.vendor import WarmSynthesizer, WarmTranslator

EARLY_FINALIZE = 0.1
"""Seconds of quiet. Shorter ones lie within words: 100 ms are hardly ever a stop consonant's."""
FINALIZE_FLOWING = 2.0
"""Seconds of speech without a final. Without it the monologue's EVS is 0.6 to 0.9 s longer."""
FLUX_TIMEOUT = 5.0
"""Seconds of silence that end a turn of Flux, if nothing is set."""
FLUX_TURN = 30.0
"""Seconds from which on an open turn's oldest words are recognised elsewhere."""
OFFLINE_PATIENCE = 20.0
"""Seconds a local recogniser may be silent: it shares its processors with everything else here."""

WHISPER_TIMEOUT = 40.0
"""Seconds for a piece: a machine that is busy needs more than ten for one of four seconds, and to ask
again meanwhile makes it busier."""


class Providers:
    """Builds the providers that the settings name."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Endpoints,
        http: Http,
        unmet: UnmetWishes | None = None,
    ) -> None:
        """`unmet`: of those beside which these are built. Raises `SettingsError` for a vendor that nobody
        has."""
        for stage, order in Orders.of(settings)._asdict().items():
            for vendor in order:
                vendor_for(stage, vendor)
        self._settings = settings
        self._at = endpoints
        self._http = http
        self.unmet = unmet or UnmetWishes()
        """What no vendor could do of what was wished."""
        _, self._translate, self._speak = Orders.of(settings)
        self._voices = VoiceClients(settings, endpoints, http, self._speak, self.unmet)

    async def line_up(self, journal: Journal) -> Lineup:
        """Every stage's providers in their order, connections to the first of them warm."""
        translators = self.translators()
        await asyncio.gather(translators[0].warm(), self.voices(None)[0].warm())
        return Lineup(
            live=self.live(),
            transcribers=self.transcribers(),
            translators=translators,
            voices=self.voices,
            journal=journal,
            limits=self._limits(),
        )

    def beside(self, lineup: Lineup) -> Lineup:
        """The same for calls with an order of their own; see `Lineup.beside`."""
        return lineup.beside(
            live=self.live(),
            transcribers=self.transcribers(),
            translators=self.translators(),
            voices=self.voices,
            limits=self._limits(),
        )

    def _limits(self) -> LineupLimits:
        """Of each stage the longest that any of its vendors may take: each client has its own."""
        settings = self._settings
        deepgram, openai = settings.deepgram, settings.openai
        pieces = {"openai": openai.listen_timeout}
        texts = {"openai": openai.translate_timeout}
        sound = {"openai": openai.speak_timeout, "elevenlabs": settings.elevenlabs.timeout}
        for stage in (pieces, texts, sound):
            stage.update((name, added.timeout) for name, added in settings.vendors.items())
        return LineupLimits(
            transcribe=max(pieces.get(v, self._piece_timeout(v)) for v in settings.listen),
            translate=max(texts.get(v, settings.deepl.timeout) for v in self._translate),
            first_audio=max(sound.get(v, deepgram.speak_timeout) for v in self._speak),
            prerecorded=deepgram.prerecorded_concurrency,
            speech=deepgram.speak_concurrency,
            memory=min((leg.ledger_seconds for leg in settings.legs), default=60.0),
        )

    def live(self) -> Streams:
        """Recognises while people speak: the first in line that can."""
        vendor = next((v for v in self._settings.listen if v in ("deepgram", "offline")), None)
        if vendor is None:
            return Streams(None, self.transcribers())
        url, key, languages = self._deepgram(vendor)
        local = self._is_local(vendor)
        live = DeepgramLive(
            self._http,
            base_url=url,
            api_key=key,
            options=self._options(local=local),
            flux=self._flux(vendor),
            connect_timeout=self._settings.deepgram.connect_timeout,
            languages=languages,
            # The local engines know no Configure: it ends the stream.
            configure=False if local else self._settings.deepgram.configure,
            name=f"{vendor}.listen",
        )
        return Streams(live, self.transcribers())

    def transcribers(self) -> list[Transcriber]:
        """Recognise finished pieces; in their order."""
        made: list[Transcriber] = []
        openai = self._settings.openai
        for vendor in self._settings.listen:
            added = vendor_for("listen", vendor)
            if added is not None and added.hears is not None:
                made.append(added.hears(self._http, account_of(self._settings, vendor)))
                continue
            if vendor == "openai":
                made.append(
                    OpenAiTranscribe(
                        self._http,
                        at=openai_at(openai, openai.listen_url),
                        model=openai.listen_model,
                        timeout=openai.listen_timeout,
                    )
                )
                continue
            url, key, languages = self._deepgram(vendor)
            made.append(
                DeepgramPrerecorded(
                    self._http,
                    base_url=url,
                    api_key=key,
                    options=self._options(local=self._is_local(vendor)),
                    timeout=self._piece_timeout(vendor),
                    languages=languages,
                    detected=DETECTED if languages is None else self._at.offline_detected,
                    name=f"{vendor}.prerecorded",
                )
            )
        return made

    def _piece_timeout(self, vendor: str) -> float:
        local = self._is_local(vendor)
        usual = self._settings.deepgram.prerecorded_timeout
        return max(usual, WHISPER_TIMEOUT) if local and self._settings.offline.whisper else usual

    def _is_local(self, vendor: str) -> bool:
        """Whether the local engines do what this vendor is asked for."""
        return vendor == "offline" or self._at.deepgram_is_offline

    def _deepgram(self, vendor: str) -> tuple[str, str, tuple[str, ...] | None]:
        """URL, key and, where they are fewer, the languages of Deepgram or what stands in for it."""
        at = self._at
        if vendor == "offline":
            return at.offline or "", at.offline_key, at.offline_heard
        languages = at.offline_heard if at.deepgram_is_offline else None
        return at.deepgram_url, at.deepgram_key, languages

    def _options(self, *, local: bool = False) -> ListenOptions:
        deepgram = self._settings.deepgram
        model = deepgram.pieces_model if deepgram.is_flux else deepgram.model
        return ListenOptions(
            # The local engines know nothing of a model that Deepgram trained for a customer.
            model="nova-3" if local else model,
            endpointing=deepgram.endpointing,
            utterance_end_ms=deepgram.utterance_end_ms,
            smart_format=deepgram.smart_format,
            interim_results=deepgram.interim_results,
            vad_events=deepgram.vad_events,
            keyterm=deepgram.keyterm,
            extra=shown_options(deepgram.extra),
        )

    def _flux(self, vendor: str) -> FluxOptions | None:
        """None: nova streams. The local engines speak its protocol only."""
        deepgram = self._settings.deepgram
        if not deepgram.is_flux or self._is_local(vendor):
            return None
        return FluxOptions(
            model=deepgram.model,
            eot_threshold=deepgram.eot_threshold,
            eager_eot_threshold=deepgram.eager_eot_threshold,
            eot_timeout_ms=deepgram.eot_timeout_ms,
            keyterm=deepgram.keyterm,
            extra=for_all_services(shown_options(deepgram.extra)),
        )

    def rules(self) -> ListenRules:
        """How the recogniser at the other end must be listened to."""
        found = self._settings.detection
        detect = DetectRules(speech=found.speech, sure=found.confidence, wait=found.wait)
        return replace(self._patient(), detect=detect)

    def _patient(self) -> ListenRules:
        deepgram = self._settings.deepgram
        patience = deepgram.patience
        if patience is None and self._at.recognition_offline:
            patience = OFFLINE_PATIENCE
        given = patience is not None
        if patience is None:
            patience = PATIENCE_WITH_INTERIMS if deepgram.interim_results else PATIENCE_WITHOUT
        finals = self._finals(patience)
        if given:
            finals = replace(
                finals,
                unanswered=max(finals.unanswered, patience / 2),
                stuck=max(finals.stuck, 3 * patience),
            )
        return ListenRules(feed=FeedLimits(patience=patience, lull=self._lull()), finalize=finals)

    def _lull(self) -> LullRules:
        deepgram = self._settings.deepgram
        frames = round(deepgram.silence_message * RATE) // FRAME
        return LullRules(deepgram.silence_after, frames)

    def _finals(self, patience: float) -> FinalizeRules:
        deepgram, local = self._settings.deepgram, self._at.recognition_offline
        early, flowing = deepgram.early_finalize, deepgram.finalize_flowing
        if early is None:
            early = 0.0 if local else EARLY_FINALIZE
        if flowing is None:
            flowing = 0.0 if local else FINALIZE_FLOWING
        if deepgram.is_flux and not local:
            # It cannot be asked, and a turn is final at its end.
            turn = (
                FLUX_TIMEOUT if deepgram.eot_timeout_ms is None else deepgram.eot_timeout_ms / 1000
            )
            return FinalizeRules(unanswered=turn + 3.0, stuck=2 * FLUX_TURN, overdue=FLUX_TURN)
        usual = FinalizeRules(early=early, flowing=flowing)
        return replace(usual, overdue=max(usual.overdue, 1.5 * patience))

    def translators(self) -> list[WarmTranslator]:
        """The translators in the operator's order."""
        return [made for vendor in self._translate for made in self._translators_of(vendor)]

    def _translators_of(self, vendor: str) -> Iterable[WarmTranslator]:
        at, openai = self._at, self._settings.openai
        added = vendor_for("translate", vendor)
        if added is not None and added.translates is not None:
            yield added.translates(self._http, account_of(self._settings, vendor))
            return
        match vendor:
            case "offline":
                yield self._deepl(at.offline, at.offline_key, "offline.translate", local=True)
            case "openai":
                yield OpenAiTranslate(
                    self._http,
                    at=openai_at(openai, openai.translate_url),
                    model=openai.translate_model,
                    glossaries=openai.glossaries,
                    temperature=None if openai.temperature < 0 else openai.temperature,
                    timeout=openai.translate_timeout,
                )
            case _:
                yield self._deepl(at.deepl_url, at.deepl_key, "deepl", local=at.deepl_is_offline)
                for number, account in enumerate(self._settings.fallback.deepl, 2):
                    key = account.api_key.get_secret_value()
                    yield self._deepl(account.server_url, key, f"deepl.{number}")

    def accounts(self) -> list[DeepL]:
        """Translators whose quota can be asked for: those that are no local engine."""
        local = {"offline.translate", *(("deepl",) if self._at.deepl_is_offline else ())}
        found = self.translators()
        return [one for one in found if isinstance(one, DeepL) and one.name not in local]

    def _deepl(self, url: str | None, key: str, name: str, *, local: bool = False) -> DeepL:
        deepl = self._settings.deepl
        languages = {"languages": self._at.offline_languages} if local else {}
        return DeepL(
            self._http,
            api_key=key,
            server_url=url,
            english=deepl.english,
            portuguese=deepl.portuguese,
            model_type=deepl.model_type,
            formality=deepl.formality or "default",
            customization=Customization(
                glossaries=deepl.glossaries,
                shared=[each for each in (deepl.glossary_id, *deepl.glossary_ids) if each],
                instructions=deepl.instructions,
            ),
            timeout=deepl.timeout,
            name=name,
            **languages,
        )

    def voices(self, voice: str | None) -> list[WarmSynthesizer]:
        """Synthesizers in their order; `voice`: see `providers.wanted`."""
        return self._voices.of(voice)
