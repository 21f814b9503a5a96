"""Where the services are, and the keys for them.

Without a key for a service, the offline engines serve it: a Deepgram- and DeepL-compatible server in
a process of its own on a loopback port, reached by the very same clients.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog
from pydantic import SecretStr

from translink.calls.orders import Orders
from translink.errors import SettingsError
from translink.settings.model import Settings

log = structlog.get_logger("translink")

KEYLESS = "keyless"
"""Key for self-hosted servers without authentication."""
NOWHERE = "http://127.0.0.1:9"
"""Stands for the local engines while they are not running."""
_PART_STAGES = {
    "speech recognition": "listen",
    "French phrases": "listen",
    "translation": "translate",
}
"""What the parts of the local engines are for; all others speak."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What the settings ask of the local engines."""

    no_deepgram: bool
    """Deepgram is named and has no key: they stand in for it."""
    no_deepl: bool
    named: bool
    """They are named themselves."""
    hearing: bool
    """Nobody but them recognises."""

    @property
    def any(self) -> bool:
        """Whether they must run."""
        return self.no_deepgram or self.no_deepl or self.named


def needs_of(settings: Settings) -> Needs:
    """See `Needs`."""
    deepgram, deepl = settings.deepgram, settings.deepl
    no_deepgram = deepgram.api_key is None and "base_url" not in deepgram.model_fields_set
    no_deepgram &= "deepgram" in (*settings.listen, *settings.speak)
    no_deepl = deepl.api_key is None and deepl.server_url is None and "deepl" in settings.translate
    local = {"offline"} | ({"deepgram"} if no_deepgram else set())
    return Needs(
        no_deepgram=no_deepgram,
        no_deepl=no_deepl,
        named=settings.fallback.offline or "offline" in settings.named_vendors,
        hearing=set(settings.listen) <= local,
    )


def engines_alone(settings: Settings) -> bool:
    """Whether a stage of calls has nobody but the local engines."""
    needs, further = needs_of(settings), settings.fallback
    heard = {"offline"} | ({"deepgram"} if needs.no_deepgram else set())
    texts = {"offline"} | ({"deepl"} if needs.no_deepl and not further.deepl else set())
    # Further accounts of Deepgram speak, and do nothing else.
    sound = {"offline"} if further.deepgram else heard
    each = zip((heard, texts, sound), Orders.of(settings), strict=True)
    return any(local.issuperset(order) for local, order in each)


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
    """They are the ones that stream."""
    offline_languages: tuple[str, ...] = ()
    """What they translate between."""
    offline_heard: tuple[str, ...] = ()
    """What they recognise."""
    offline_detected: tuple[str, ...] = ()
    """What they tell from each other."""
    offline_voices: tuple[str, ...] = ()
    deepgram_is_offline: bool = False
    deepl_is_offline: bool = False


def endpoints_of(
    settings: Settings, offline: str | None = NOWHERE, offline_key: str = KEYLESS
) -> Endpoints:
    """Keys and addresses. `offline`: where the local engines are, if they are needed."""
    deepgram, deepl, needs = settings.deepgram, settings.deepl, needs_of(settings)
    languages: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    detected: tuple[str, ...] = ()
    if needs.any:
        from translink.offline.engines.phrasebook import BOOK_LANGUAGES, PHRASE_LANGUAGES
        from translink.offline.engines.synthesizer import spoken_languages
        from translink.offline.engines.whisper import WHISPER_LANGUAGES

        # A book of one's own is taken to be as books were: English and French.
        languages = BOOK_LANGUAGES if settings.offline.phrasebook else PHRASE_LANGUAGES
        voices = tuple(sorted(spoken_languages()))
        if settings.offline.whisper:
            heard = detected = tuple(sorted(WHISPER_LANGUAGES))
        else:
            heard = languages
    else:
        offline = None
    streaming = next((one for one in settings.listen if one in ("deepgram", "offline")), None)
    return Endpoints(
        deepgram_url=offline if needs.no_deepgram and offline else deepgram.base_url,
        deepgram_key=_secret(deepgram.api_key, offline_key if needs.no_deepgram else KEYLESS),
        deepl_url=offline if needs.no_deepl else deepl.server_url,
        deepl_key=_secret(deepl.api_key, offline_key if needs.no_deepl else KEYLESS),
        offline=offline,
        offline_key=offline_key,
        recognition_offline=streaming == "offline"
        or (streaming == "deepgram" and needs.no_deepgram),
        offline_languages=languages,
        offline_heard=heard,
        offline_detected=detected,
        offline_voices=voices,
        deepgram_is_offline=needs.no_deepgram,
        deepl_is_offline=needs.no_deepl,
    )


async def find_endpoints(
    settings: Settings,
    stack: AsyncExitStack,
    on_engines: Callable[[bool], None] = lambda _: None,
) -> Endpoints:
    """Keys and addresses. Starts the offline engines for what has neither; `stack` ends them.

    Should they end by themselves, they are started again. Where nothing else serves a stage,
    `on_engines(False)` says that they are gone and `on_engines(True)` that they are back.
    """
    needs = needs_of(settings)
    if not needs.any:
        return endpoints_of(settings)
    # Not needed, and so not loaded, where there are keys.
    from translink.offline import OfflineProcess
    from translink.offline.engines.check import can_hear
    from translink.offline.engines.phrasebook import named_book
    from translink.offline.engines.recognizer import INSTALL_POCKETSPHINX
    from translink.offline.engines.whisper import INSTALL_WHISPER, has_whisper
    from translink.offline.keeper import keep

    if settings.offline.whisper and not has_whisper():
        raise SettingsError(f"offline.whisper: faster-whisper is not installed: {INSTALL_WHISPER}")
    if needs.hearing and not (settings.offline.whisper or can_hear()):
        lack = "no DEEPGRAM_API_KEY, and the" if needs.no_deepgram else "the"
        raise SettingsError(
            f"{lack} local recogniser that would serve instead is not "
            f"installed: set the key, or {INSTALL_POCKETSPHINX} (114 MB)"
        )
    named_book(settings.offline.phrasebook, "offline.phrasebook")
    for said in little_known(settings):
        log.warning(said)
    began = time.monotonic()
    log.info("loading the local engines, some seconds; the first start ever takes longer")
    offline = OfflineProcess(
        phrasebook=settings.offline.phrasebook,
        recognizers=settings.offline.recognizers,
        whisper=settings.offline.whisper,
    )
    url = await offline.start()
    log.info("local engines ready", took_ms=round(1000 * (time.monotonic() - began)))
    for lack in missed(settings, offline.missing):
        log.warning("an offline engine is missing: %s", lack)
    stack.push_async_callback(offline.stop)
    told: Callable[[bool], None] = on_engines if engines_alone(settings) else lambda _: None
    keeping = asyncio.create_task(keep(offline, told), name="engines")
    stack.callback(keeping.cancel)
    if needs.no_deepgram or needs.no_deepl:
        _say_offline(url, needs)
    return endpoints_of(settings, url, offline.key)


def little_known(settings: Settings) -> list[str]:
    """What is to be said of legs whose languages the local engines do not know, or know little of."""
    from translink.offline.engines.check import beyond
    from translink.offline.engines.phrasebook import BOOK_LANGUAGES, PHRASE_LANGUAGES

    needs = needs_of(settings)
    if not needs.no_deepl and (settings.offline.whisper or not needs.no_deepgram):
        return []
    known = BOOK_LANGUAGES if settings.offline.phrasebook else PHRASE_LANGUAGES
    spoken = [language for leg in settings.legs for language in leg.languages]
    said: list[str] = []
    if missing := beyond(spoken, known):
        said.append(
            f"the local engines do {', '.join(known)} only: legs in {', '.join(missing)} need keys for "
            "the real services"
        )
    codes = {one.partition("-")[0] for one in spoken}
    if few := sorted(codes & set(known) - set(BOOK_LANGUAGES)):
        said.append(
            f"the local engines know a few set phrases only in {', '.join(few)}: see docs/languages.md"
        )
    return said


def missed(settings: Settings, lacking: Iterable[str]) -> list[str]:
    """Of what the local engines lack, as they say it (`translation: …`), what these settings may need."""
    needs = needs_of(settings)
    local = {"offline"} | ({"deepgram"} if needs.no_deepgram else set())
    local |= {"deepl"} if needs.no_deepl else set()
    used: set[str] = set()
    for stage, order in Orders.of(settings)._asdict().items():
        own = [vendor for leg in settings.legs for vendor in getattr(leg.orders, stage)]
        if not local.isdisjoint((*order, *own)):
            used.add(stage)
    return [lack for lack in lacking if _PART_STAGES.get(lack.partition(":")[0], "speak") in used]


def _secret(value: SecretStr | None, default: str) -> str:
    return value.get_secret_value() if value else default


def _say_offline(url: str, needs: Needs) -> None:
    lacking = {
        "DEEPGRAM_API_KEY": (needs.no_deepgram, "recognition and speech"),
        "DEEPL_API_KEY": (needs.no_deepl, "translation"),
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
