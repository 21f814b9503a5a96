"""`translink check --live`: asks everything that a call would ask, before a caller does.

Each provider is really asked: a stream and a recording of one second of sound in each language (key,
model, language), each direction's translation, each leg's voice, the next in line too. Then this
machine: ports, certificate, clock, descriptors. It costs a few seconds of the providers' time and
some twenty characters a leg.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from array import array
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from translink.commands.machine_check import (
    Cause,
    LiveFinding,
    clocks_of,
    look_at_certificate,
    look_at_clock,
    look_at_descriptors,
    look_at_ports,
)
from translink.commands.printing import print_json
from translink.errors import Kind, ProviderError, SettingsError, TranslinkError, conceal
from translink.providers.abilities import hears, speaks, translates
from translink.providers.http import Http
from translink.providers.wanted import UnmetWishes, wished
from translink.results import RATE
from translink.settings.vendors import key_setting
from translink.wiring.coverage import NO_SERVICE, SERVICE_MEND, Coverage, refuse_voiceless
from translink.wiring.endpoints import Endpoints, endpoints_of, find_endpoints
from translink.wiring.orders import settings_of_pair
from translink.wiring.providers import Providers

if TYPE_CHECKING:
    from translink.providers.protocols import LiveTranscriber, Synthesizer, Transcriber, Translator
    from translink.settings.legs import LegSettings
    from translink.settings.model import Settings

    Pair = tuple[LegSettings, LegSettings]
    """Two legs that hear each other."""

Question = Callable[[], Awaitable[str]]
"""Returns what is shown where all is well. Raises `ProviderError`."""
EXIT_CODES: dict[Cause, int] = {"setting": 2, "refused": 3, "unreachable": 4, "machine": 5}
"""The first of them that was found is the exit code."""
ANSWER_SECONDS = 15.0
"""For each question."""
QUESTIONS_AT_ONCE = 5
"""A plan allows fifteen syntheses at once, and calls may be running on the same key."""


def run_live_check(settings: Settings, *, json: bool = False) -> int:
    """Print what was found on standard output. Returns the exit code: 0 all works; 2 nobody has a leg's language;
    3 a provider refuses (key, model, language, voice); 4 one cannot be reached; 5 this machine lacks something.

    Raises `SettingsError` for settings that `serve` would refuse.
    """
    conceal(settings.secrets())
    refuse_voiceless(settings)
    found = asyncio.run(look(settings))
    if json:
        rows = [asdict(finding) | {"ok": not finding.cause} for finding in found]
        code = exit_code(found)
        body = {"ok": not code, "exit_code": code, "findings": rows}
        print_json(body)
    else:
        for finding in found:
            mend = f"; {finding.mend}" if finding.mend else ""
            word = finding.cause.upper() or "ok"
            sys.stdout.write(f"{word:<12}{finding.what}: {finding.detail}{mend}\n")
    return exit_code(found)


def exit_code(found: Sequence[LiveFinding]) -> int:
    """See `run_live_check`."""
    causes = {finding.cause for finding in found}
    return next((code for cause, code in EXIT_CODES.items() if cause in causes), 0)


async def look(settings: Settings) -> list[LiveFinding]:
    """Everything that was tried, in order. Raises `SettingsError`."""
    machine = [
        *await look_at_ports(settings),
        *look_at_certificate(settings),
        *_look_at_languages(settings),
        look_at_descriptors(settings),
    ]
    try:
        async with AsyncExitStack() as stack:
            endpoints = await find_endpoints(settings, stack)
            http = await stack.enter_async_context(Http())
            questions = list(_questions(settings, endpoints, http))
            # Local engines: more than one at once is more than this machine can do.
            turns = asyncio.Semaphore(1 if endpoints.recognition_offline else QUESTIONS_AT_ONCE)
            answers = await asyncio.gather(*(_in_turn(turns, *asked) for asked in questions))
            return [*answers, *machine, await look_at_clock(clocks_of(settings, endpoints))]
    except SettingsError:
        raise
    except TranslinkError as error:  # the local engines
        return [LiveFinding("local engines", str(error), "machine"), *machine]


def _look_at_languages(settings: Settings) -> Iterator[LiveFinding]:
    """There is nobody to be asked of these."""
    if without := Coverage(settings).without_service():
        yield LiveFinding(f"languages {', '.join(without)}", NO_SERVICE, "setting", SERVICE_MEND)


def _questions(
    settings: Settings, endpoints: Endpoints, http: Http
) -> Iterator[tuple[str, Question]]:
    """What the calls of all pairs would ask, each question once: also of the vendors that a leg alone
    names, and in the voices that would really speak."""
    asked: set[str] = set()
    for one, two in settings.pairs:
        pair = settings.leg(one), settings.leg(two)
        own = settings_of_pair(settings, one, two)
        at = endpoints_of(own, endpoints.offline, endpoints.offline_key)
        for what, question in (*_of_words(pair, own, at, http), *_of_voices(pair, own, at, http)):
            if what not in asked:
                asked.add(what)
                yield what, question


def _of_words(
    pair: Pair, settings: Settings, at: Endpoints, http: Http
) -> Iterator[tuple[str, Question]]:
    providers = Providers(settings, at, http)
    live = providers.live()
    for language in dict.fromkeys(language for leg in pair for language in leg.languages):
        if hears(live, language):
            yield f"{live.name} ({language})", partial(_streams, live, language)
        for one in providers.transcribers():
            if hears(one, language):
                yield f"{one.name} ({language})", partial(_recognises, one, language)
    for translator in providers.translators():
        for talker, hearer in (pair, pair[::-1]):
            for source, target in product(talker.languages, hearer.languages):
                if source != target and translates(translator, source, target):
                    what = f"{translator.name} ({source} to {target})"
                    yield what, partial(_translates, translator, source, target)


def _of_voices(
    pair: Pair, settings: Settings, at: Endpoints, http: Http
) -> Iterator[tuple[str, Question]]:
    for number, hearer in enumerate(pair):
        talker = pair[1 - number]
        wish = wished(talker.voice_for, hearer.voice, second=not number)
        named = talker.voice_for or hearer.voice
        unmet = UnmetWishes()
        for speaker in Providers(settings, at, http, unmet).voices(wish):
            for language in hearer.languages:
                if speaks(speaker, language):
                    voice = f", {named}" if named else f", for {talker.name}"
                    what = f"{speaker.name} ({language}{voice})"
                    yield what, partial(_speaks, speaker, language, unmet)


async def _in_turn(turns: asyncio.Semaphore, what: str, question: Question) -> LiveFinding:
    async with turns:
        return await _answered(what, question)


async def _answered(what: str, question: Question) -> LiveFinding:
    began = time.monotonic()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            detail = await question()
    except TimeoutError:
        return LiveFinding(what, f"no answer in {ANSWER_SECONDS:g} s", "unreachable")
    except ProviderError as error:
        refused = error.kind in (Kind.DENIED, Kind.REFUSED)
        return LiveFinding(what, str(error), "refused" if refused else "unreachable", _mend(error))
    return LiveFinding(what, f"{detail}, {1000 * (time.monotonic() - began):.0f} ms")


def _mend(error: ProviderError) -> str:
    name, family = key_setting(error.provider), error.provider.partition(".")[0]
    match error.kind, error.status:
        case Kind.DENIED, 402 | 456:
            return "the account has nothing left"
        case Kind.DENIED, 403 if family == "deepgram":
            return "look at the model and the voice in the settings: the key may not use them"
        case Kind.DENIED, 403 if family == "deepl":
            return f"set {name}; one that ends in :fx is of api-free.deepl.com, others of api.deepl.com"
        case Kind.DENIED, _:
            return f"set {name}" if name else "start it again"
        case Kind.REFUSED, int(status) if status < 400:
            return "look at the address in the settings: no redirect is followed"
        case Kind.REFUSED, 404:
            return "look at the address, the model and the voice in the settings"
        case Kind.REFUSED, _:
            return "look at the model, the language and the voice in the settings"
        case Kind.BUSY, _:
            return "the account's limit of requests at once is reached"
    return "look at the address in the settings, the network and the firewall"


def _second_of_sound() -> bytes:
    """A quiet tone: silence is what a broken microphone sends."""
    wave = (round(2_000 * math.sin(2 * math.pi * 440 * at / RATE)) for at in range(RATE))
    return array("h", wave).tobytes()


async def _streams(live: LiveTranscriber, language: str) -> str:
    stream = await live.connect(language)
    try:
        sound = _second_of_sound()
        for at in range(0, len(sound), 640):
            await stream.send(sound[at : at + 640])
        closing = asyncio.create_task(stream.close(ANSWER_SECONDS))
        events = 0
        async for _ in stream:
            events += 1
        await closing
    finally:
        stream.abort()
    return f"took a second of sound, {events} messages"


async def _recognises(transcriber: Transcriber, language: str) -> str:
    await transcriber.transcribe(_second_of_sound(), language)
    return "took a second of sound"


async def _translates(translator: Translator, source: str, target: str) -> str:
    await translator.translate("OK", source=source, target=target)
    return "translated a word"


async def _speaks(speaker: Synthesizer, language: str, unmet: UnmetWishes) -> str:
    """Raises `ProviderError` (REFUSED) also where another voice than the one that was wished spoke."""
    size = 0
    async with aclosing(speaker.speak("Line B1.", language=language)) as sound:  # type: ignore[type-var]
        async for pcm in sound:
            size += len(pcm)
    for voice, reason in unmet.refused_by(speaker.name):
        message = f"the voice {voice} is refused, its usual one would speak: {reason}"
        raise ProviderError(message, provider=speaker.name, kind=Kind.REFUSED)
    return f"{size / 2 / RATE:.1f} s of sound"
