"""`translink check --live`: asks everything that a call would ask, before a caller does.

Each provider is really asked: a stream and a recording of one second of sound in each language (key,
model, language), each direction's translation, each leg's voice, the next in line too. Then this
machine: ports, certificate, clock, descriptors. It costs a few seconds of the providers' time and
some twenty characters a leg.
"""

from __future__ import annotations

import asyncio
import email.utils
import errno
import math
import socket
import ssl
import sys
import time
from array import array
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import aiohttp
import orjson

from translink.admin.access.tls import Certificate
from translink.errors import Kind, ProviderError, SettingsError, TranslinkError, conceal
from translink.process.descriptors import descriptor_shortage, descriptors_needed
from translink.process.ports import probe
from translink.providers.abilities import hears, speaks, translates
from translink.providers.http import Http
from translink.results import RATE
from translink.wiring.coverage import refuse_voiceless
from translink.wiring.endpoints import find_endpoints
from translink.wiring.providers import Providers

if TYPE_CHECKING:
    from translink.providers.protocols import LiveTranscriber, Synthesizer, Transcriber, Translator
    from translink.settings.model import Settings

Cause = Literal["", "refused", "unreachable", "machine"]
"""Why a thing does not work; empty: it does."""

EXIT_CODES: dict[Cause, int] = {"refused": 3, "unreachable": 4, "machine": 5}
"""The first of them that was found is the exit code."""
ANSWER_SECONDS = 15.0
"""For each question."""
CLOCK_SECONDS = 5.0
"""How far this machine's clock may be from a provider's; TLS and transcripts bear more."""
RENEWAL_SECONDS = 7 * 86_400
"""A certificate that ends sooner is worth a warning."""


@dataclass(frozen=True, slots=True)
class LiveFinding:
    """One thing that was tried."""

    what: str
    detail: str
    cause: Cause = ""
    mend: str = ""


def run_live_check(settings: Settings, *, json: bool = False) -> int:
    """Print what was found on standard output. Returns the exit code: 0 all works; 3 a provider
    refuses (key, model, language, voice); 4 one cannot be reached; 5 this machine lacks something.

    Raises `SettingsError` for settings that `serve` would refuse.
    """
    conceal(settings.secrets())
    refuse_voiceless(settings)
    found = asyncio.run(look(settings))
    if json:
        rows = [asdict(finding) | {"ok": not finding.cause} for finding in found]
        code = exit_code(found)
        body = {"ok": not code, "exit_code": code, "findings": rows}
        option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        sys.stdout.write(orjson.dumps(body, option=option).decode())
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
    machine = [*await _ports(settings), *_certificate(settings), _descriptors(settings)]
    try:
        async with AsyncExitStack() as stack:
            endpoints = await find_endpoints(settings, stack)
            http = await stack.enter_async_context(Http())
            providers = Providers(settings, endpoints, http)
            questions = _questions(settings, providers)
            if endpoints.recognition_offline:  # all at once is more than this machine can do
                answers = [await _answered(what, question) for what, question in questions]
            else:
                answers = await asyncio.gather(*(_answered(*asked) for asked in questions))
            clock = await _clock(endpoints.deepgram_url)
            return [*answers, *machine, *clock]
    except SettingsError:
        raise
    except TranslinkError as error:  # the local engines
        return [LiveFinding("local engines", str(error), "machine"), *machine]


def _questions(settings: Settings, providers: Providers) -> Iterator[tuple[str, Awaitable[str]]]:
    languages = list(dict.fromkeys(language for leg in settings.legs for language in leg.languages))
    live = providers.live()
    for language in languages:
        if hears(live, language):
            yield f"{live.name} ({language})", _streams(live, language)
        for one in providers.transcribers():
            if hears(one, language):
                yield f"{one.name} ({language})", _recognises(one, language)
    ways = dict.fromkeys(
        (source, target)
        for leg in settings.legs
        for source in leg.languages
        for target in settings.other(leg.name).languages
    )
    for translator in providers.translators():
        for source, target in ways:
            if source != target and translates(translator, source, target):
                what = f"{translator.name} ({source} to {target})"
                yield what, _translates(translator, source, target)
    for voice, language in dict.fromkeys(
        (leg.voice, language) for leg in settings.legs for language in leg.languages
    ):
        for speaker in providers.voices(voice):
            if not speaks(speaker, language):
                continue
            yield f"{speaker.name} ({voice or language})", _speaks(speaker, language)


async def _answered(what: str, question: Awaitable[str]) -> LiveFinding:
    began = time.monotonic()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            detail = await question
    except TimeoutError:
        return LiveFinding(what, f"no answer in {ANSWER_SECONDS:g} s", "unreachable")
    except ProviderError as error:
        refused = error.kind in (Kind.DENIED, Kind.REFUSED)
        return LiveFinding(what, str(error), "refused" if refused else "unreachable", _mend(error))
    return LiveFinding(what, f"{detail}, {1000 * (time.monotonic() - began):.0f} ms")


def _mend(error: ProviderError) -> str:
    name = f"{error.provider.partition('.')[0].upper()}_API_KEY"
    match error.kind, error.status:
        case Kind.DENIED, 402 | 456:
            return "the account has nothing left"
        case Kind.DENIED, _:
            return f"set {name}"
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


async def _speaks(speaker: Synthesizer, language: str) -> str:
    size = 0
    async with aclosing(speaker.speak("Line B1.", language=language)) as sound:  # type: ignore[type-var]
        async for pcm in sound:
            size += len(pcm)
    return f"{size / 2 / RATE:.1f} s of sound"


# --- This machine ---


async def _ports(settings: Settings) -> list[LiveFinding]:
    admin = settings.admin
    wanted = [(f"legs.{leg.name}.listen", leg.listen, socket.SOCK_DGRAM) for leg in settings.legs]
    if (shared := settings.shared_port.listen) is not None:
        wanted.append(("shared_port.listen", shared, socket.SOCK_DGRAM))
    taken = [
        (name, str(address), problem)
        for name, address, kind in wanted
        if (problem := _cannot_listen(address.host, address.port, kind))
    ]
    at = f"{admin.host}:{admin.port}"
    if problem := _cannot_listen(admin.host, admin.port, socket.SOCK_STREAM):
        taken.append(("admin.port", at, problem))
    if not taken:
        return [LiveFinding("ports", "all free")]
    in_use = all(problem.errno == errno.EADDRINUSE for _, _, problem in taken)
    if in_use and await _is_translink(settings):
        return [LiveFinding("ports", f"in use by the translink that answers at {at}")]
    return [
        LiveFinding(name, f"{address}: {problem.strerror}", "machine", "choose another address")
        for name, address, problem in taken
    ]


def _cannot_listen(host: str, port: int, kind: socket.SocketKind) -> OSError | None:
    try:
        probe(host, port, kind)
    except OSError as error:
        return error
    return None


async def _is_translink(settings: Settings) -> bool:
    admin = settings.admin
    scheme = "https" if admin.tls_cert else "http"
    host = "127.0.0.1" if admin.host in ("0.0.0.0", "::") else admin.host
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{admin.port}/health"
    patience = aiohttp.ClientTimeout(total=3.0)
    try:
        async with (
            aiohttp.ClientSession(timeout=patience) as session,
            session.get(url, ssl=False, allow_redirects=False) as answer,  # asked for its name only
        ):
            details = orjson.loads(await answer.content.read(65_536))
            return isinstance(details, dict) and "ok" in details
    except (aiohttp.ClientError, OSError, TimeoutError, orjson.JSONDecodeError):
        return False


def _certificate(settings: Settings) -> list[LiveFinding]:
    cert = settings.admin.tls_cert
    if cert is None:
        return []
    try:
        context = Certificate(cert, settings.admin.tls_key).context
        left = certificate_seconds(context, str(cert), time.time())
    except SettingsError as error:
        return [LiveFinding("certificate", str(error), "machine")]
    except ssl.SSLError as error:
        return [LiveFinding("certificate", error.reason or "is refused", "machine", "renew it")]
    if left < RENEWAL_SECONDS:
        detail = f"ends in {left / 86_400:.1f} days"
        return [LiveFinding("certificate", detail, "machine", "renew it, then kill -HUP")]
    return [LiveFinding("certificate", f"good for {left / 86_400:.0f} days")]


def certificate_seconds(server: ssl.SSLContext, cert: str, now: float) -> float:
    """Seconds until it ends, found by a handshake within this process: the library tells the dates
    of a peer's certificate only. Raises `ssl.SSLError`, for one that has ended too."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cert)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there)
    answering = server.wrap_bio(there, back, server_side=True)
    for side in (asking, answering, asking, answering):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    peer = asking.getpeercert() or {}
    return ssl.cert_time_to_seconds(str(peer["notAfter"])) - now


def _descriptors(settings: Settings) -> LiveFinding:
    legs = len(settings.legs) + 2 * settings.calls.max_created
    if shortage := descriptor_shortage(legs):
        mend = f"ulimit -Hn {descriptors_needed(legs)}, or LimitNOFILE="
        return LiveFinding("descriptors", shortage, "machine", mend)
    return LiveFinding("descriptors", f"enough for {legs} legs")


async def _clock(url: str) -> list[LiveFinding]:
    """Against the Date of the recogniser's server; nothing where it tells none."""
    patience = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=patience) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            date = email.utils.parsedate_to_datetime(answer.headers.get("Date", ""))
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return []
    ahead = time.time() - date.timestamp()
    if abs(ahead) > CLOCK_SECONDS:
        detail = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the recogniser's"
        return [LiveFinding("clock", detail, "machine", "set it, for instance with chrony")]
    return [LiveFinding("clock", "as the recogniser's server has it")]
