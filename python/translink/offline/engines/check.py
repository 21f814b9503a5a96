"""What this machine can do offline, and the command for what it cannot: `translink offline --check`."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from translink.offline.engines import translator
from translink.offline.engines.pico import INSTALL_PICO, PICO_VOICES, has_pico
from translink.offline.engines.recognizer import INSTALL_POCKETSPHINX
from translink.offline.engines.synthesizer import SPEAKERS
from translink.offline.engines.whisper import INSTALL_WHISPER, has_whisper


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the offline engines."""

    part: str
    """As in `speech recognition`."""
    ok: bool
    detail: str
    """What was found, or what does not work without it."""
    install: str = ""
    """The command that brings it, empty when it is there."""


def can_hear() -> bool:
    """Whether anything can be recognised here: the extra `translink[offline]` is installed."""
    return importlib.util.find_spec("pocketsphinx") is not None


def beyond(languages: Iterable[str], known: Collection[str]) -> list[str]:
    """Those of `languages` (`de`, `pt-BR`) that are none of `known`."""
    return sorted({code for code in languages if code.split("-")[0] not in known})


def check(whisper: str | None = None) -> list[Finding]:
    """Look for every program and package. Starts nothing. `whisper`: the model that recognises instead of
    pocketsphinx."""
    hears = can_hear()
    espeak = shutil.which("espeak-ng") is not None
    recogniser = Finding(
        "speech recognition",
        hears,
        "pocketsphinx" if hears else "without pocketsphinx nothing is recognised",
        "" if hears else INSTALL_POCKETSPHINX,
    )
    if whisper:
        there = has_whisper()
        note = f"Whisper ({whisper})" if there else "without faster-whisper nothing is recognised"
        recogniser = Finding("speech recognition", there, note, "" if there else INSTALL_WHISPER)
    findings = [recogniser]
    if not whisper:
        phrases = Finding("French phrases", True, "espeak-ng makes the pronunciations")
        if not espeak:
            lacking = "without espeak-ng French is not recognised"
            phrases = Finding("French phrases", False, lacking, SPEAKERS["fr"].install)
        elif not hears:
            phrases = Finding("French phrases", False, recogniser.detail, recogniser.install)
        findings.append(phrases)
    pico = has_pico()
    for code, speaker in SPEAKERS.items():
        spare = code == "en" and espeak
        program = (
            speaker.program if shutil.which(speaker.program) else "espeak-ng" if spare else None
        )
        lacks = f"nothing is spoken in this language without Pico or {speaker.program}"
        findings.append(
            Finding(
                f"speech synthesis ({code})",
                pico or program is not None,
                "Pico" if pico else program or lacks,
                "" if pico or program else f"{INSTALL_PICO}, or {speaker.install}",
            )
        )
    more = ", ".join(sorted(PICO_VOICES.keys() - SPEAKERS.keys()))
    findings.append(
        Finding(
            f"speech synthesis ({more})",
            True,
            "Pico" if pico else f"none, which nothing here needs ({INSTALL_PICO})",
        )
    )
    modes = sorted({mode for route in translator.ROUTES.values() for mode in route})
    missing = [m for m in modes if not (translator.MODES / f"{m}.mode").exists()]
    apertium = not missing and shutil.which("lt-proc") is not None
    findings.append(
        Finding(
            "translation",
            apertium,
            "phrasebook and apertium" if apertium else "only what is in the phrasebook",
            "" if apertium else translator.INSTALL_APERTIUM,
        )
    )
    return findings
