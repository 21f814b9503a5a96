"""`translink check`: the settings in force and what this machine lacks; starts nothing."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from translink.admin.access.tls import Certificate
from translink.commands.printing import print_json
from translink.commands.unusable import refuse_bad_files
from translink.offline.engines.check import check as engines
from translink.offline.engines.phrasebook import BOOK_LANGUAGES, PHRASE_LANGUAGES, named_book
from translink.offline.engines.synthesizer import spoken_languages
from translink.pbx.inquiry import inquire, way_of
from translink.process.proxies import proxy_warning, unused_proxies
from translink.settings.legs import LegSettings
from translink.settings.model import Settings
from translink.wiring.coverage import (
    NO_SERVICE,
    SERVICE_MEND,
    Coverage,
    LanguageRow,
    refuse_voiceless,
)


def run_check(settings: Settings, *, json: bool = False, languages: bool = False) -> int:
    """Print the findings on standard output. Returns the exit code: 0, or 2 where a leg has a language
    that nobody recognises or translates: `serve` starts in that state, since the language may be changed while
    it runs, but no call of that leg can work until then. Raises `SettingsError` for settings that `serve` would
    refuse. `languages`: who can do every language, and not the legs' alone."""
    refuse_voiceless(settings)
    Certificate.from_settings(settings.admin)
    refuse_bad_files(settings)
    named_book(settings.offline.phrasebook, "offline.phrasebook")
    coverage = Coverage(settings)
    rows = coverage.of_all() if languages else coverage.of_legs()
    without = coverage.without_service()
    asterisk = asyncio.run(_asterisk(settings))
    if json:
        found = {
            "asterisk": asterisk,
            "settings": settings.masked(),
            "files": [str(path) for path in settings.notes.files],
            "ignored": list(settings.notes.ignored),
            "exposed": [str(path) for path in settings.notes.exposed],
            "overruled": [reason for _, reason in settings.notes.overruled],
            "unused_proxies": unused_proxies(os.environ),
            "engines": [asdict(finding) for finding in engines(settings.offline.whisper)],
            "engine_languages": list(PHRASE_LANGUAGES),
            "languages": [asdict(row) for row in rows],
            "languages_without_service": without,
        }
        print_json(found)
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(settings, asterisk, rows, without))
    return 2 if without else 0


def _lines(
    settings: Settings,
    asterisk: Sequence[str],
    rows: Sequence[LanguageRow],
    without: Sequence[str],
) -> Iterator[str]:
    files = ", ".join(str(path) for path in settings.notes.files)
    yield f"settings from   {files or 'defaults'}"
    if settings.notes.ignored:
        yield f"not ours        {', '.join(settings.notes.ignored)}"
    for _, reason in settings.notes.overruled:
        yield f"overruled       {reason}"
    yield f"mode            {settings.mode}"
    for one, two in settings.pairs:
        for name in (one, two):
            leg = settings.leg(name)
            hears = settings.other(name)
            yield (
                f"leg {name:<12}{_spoken(leg):<6} {_way(leg, settings)}, "
                f"hears {hears.name} ({_spoken(hears)})"
            )
    if settings.shared_port.listen is not None:
        yield f"shared port     {settings.shared_port.listen}, for {_sharing(settings)}"
    yield from (f"language        {row.line()}" for row in rows)
    yield from (f"asterisk        {line}" for line in asterisk)
    scheme = "https" if settings.admin.serves_tls else "http"
    yield f"admin           {scheme}://{settings.admin.host}:{settings.admin.port}"
    for file in settings.notes.exposed:
        yield f"not private     {file} has a key in it and can be read by everybody here"
    yield from _keys(settings)
    yield from _webhook(settings)
    if names := unused_proxies(os.environ):
        yield f"proxy           {proxy_warning(names)}"
    hear = "hear and"
    if settings.offline.whisper:
        hear = f"hear what Whisper does ({settings.offline.whisper}),"
    yield (
        f"local engines   {hear} translate {' and '.join(BOOK_LANGUAGES)}, in set phrases "
        f"{', '.join(code for code in PHRASE_LANGUAGES if code not in BOOK_LANGUAGES)} too, "
        f"speak {', '.join(sorted(spoken_languages()))}"
    )
    if without:
        yield f"CANNOT WORK     legs in {', '.join(without)}: {NO_SERVICE}; {SERVICE_MEND}"
    for finding in engines(settings.offline.whisper):
        install = f"; {finding.install}" if finding.install else ""
        yield f"local engine    {finding.part}: {finding.detail}{install}"


def _keys(settings: Settings) -> Iterator[str]:
    named = settings.named_vendors
    deepgram, deepl = settings.deepgram, settings.deepl
    for name, key, own in (
        ("deepgram", deepgram.api_key, "base_url" in deepgram.model_fields_set),
        ("deepl", deepl.api_key, deepl.server_url is not None),
    ):
        if name in named:
            instead = "a server of your own" if own else "local engines, offline demo quality"
            yield f"{name:<16}{'key is set' if key else f'no key: {instead}'}"
    for name, key in (
        ("elevenlabs", settings.elevenlabs.api_key),
        ("openai", settings.openai.api_key),
        *((name, added.api_key) for name, added in settings.vendors.items()),
    ):
        if key or name in named:
            unused = "" if name in named else ", not used: no order names it (docs/languages.md)"
            yield f"{name:<16}{'key is set' if key else 'no key'}{unused}"


def _webhook(settings: Settings) -> Iterator[str]:
    hook = settings.webhook
    if hook.url is not None:
        yield f"webhook         {hook.url}, signed: {', '.join(hook.events)}"
    if hook.can_be_read:
        yield "webhook         http: the network between can read it; https would hide it"


def _spoken(leg: LegSettings) -> str:
    return f"auto: {' or '.join(leg.candidates)}" if leg.candidates else leg.language


def _way(leg: LegSettings, settings: Settings) -> str:
    if leg.at_pbx:
        shared = f" to {settings.shared_port.listen}" if leg.shared else ""
        return f"a telephone system brings its audio{shared}"
    if leg.shared:
        ear = leg.play_to or "where its datagrams come from"
        if leg.token is not None:
            source = "the first sender with the token"
        else:
            source = ("the first of " if leg.pinned else "") + ", ".join(leg.source)
        return f"microphone {settings.shared_port.listen} from {source}, ear {ear}"
    return f"microphone {leg.listen}, ear {leg.play_to or 'where its datagrams come from'}"


def _sharing(settings: Settings) -> str:
    legs = [leg.name for leg in settings.legs if leg.shared]
    return ", ".join([*legs, "calls made on request that name a source with its port"])


async def _asterisk(settings: Settings) -> list[str]:
    return [line async for line in inquire(settings.ari, way_of(settings))]
