"""The query of `/v1/listen`, judged as Deepgram judges it: what it would refuse is refused in its
words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from multidict import MultiMapping

from translink.audio import ENCODINGS
from translink.offline.admission import Denied
from translink.offline.messages import NO_SUCH_MODEL
from translink.offline.session import SessionOptions
from translink.settings.types import LANGUAGE_TAG

_KNOWN_MODEL = re.compile(
    r"nova-3(-general|-medical)?|(nova-2|nova|enhanced|base)(-[a-z]+)?|custom|offline[-\w]*"
)


def to_detect(query: MultiMapping[str], languages: frozenset[str]) -> tuple[str, ...]:
    """Among which languages that of a recording is to be found; empty: it is not. `languages`: what the
    engine tells from each other; none is a refusal, since it would hear any as English. Raises `Denied`
    400."""
    asked = [each for each in query.getall("detect_language", ()) if each.lower() != "false"]
    if not asked:
        return ()
    among = tuple(sorted(languages)) if "true" in asked else tuple(asked)
    if not languages or not set(among) <= languages:
        raise Denied(
            400,
            "detect_language: the local engines cannot tell languages from each other: name one, or set "
            "DEEPGRAM_API_KEY.",
        )
    return among


def listen_options(query: Mapping[str, str], languages: frozenset[str]) -> SessionOptions:
    """Raises `Denied` 400. `languages`: two-letter codes that the engine can hear."""
    model, language = query.get("model", "nova-3"), query.get("language", "en")
    if not _KNOWN_MODEL.fullmatch(model) or not LANGUAGE_TAG.fullmatch(language):
        raise Denied(400, NO_SUCH_MODEL)
    if language.split("-")[0] not in languages:
        known = " and ".join(sorted(languages))
        raise Denied(
            400,
            f"{NO_SUCH_MODEL} The local engines hear {known}, not {language}: set DEEPGRAM_API_KEY.",
        )
    if model == "nova-2-phonecall" and not language.startswith("en"):
        raise Denied(400, NO_SUCH_MODEL)
    encoding = query.get("encoding")
    if encoding is not None and encoding not in ENCODINGS:
        raise _bad(f"unsupported encoding `{encoding}` (offline: linear16, mulaw, alaw)")
    if encoding is not None and "sample_rate" not in query:
        raise _bad("`sample_rate` is required with `encoding`")
    rate = _integer(query, "sample_rate", 16_000)
    if not 8_000 <= rate <= 48_000:
        raise _bad(f"unsupported sample rate {rate}")
    channels = _integer(query, "channels", 1)
    if not 1 <= channels <= 8:
        raise _bad(f"unsupported number of channels {channels}")
    endpointing = query.get("endpointing", "10")
    utterance_end = _integer(query, "utterance_end_ms", 0)
    return SessionOptions(
        model=model,
        language=language,
        encoding=encoding,
        rate=rate,
        channels=channels,
        interim_results=_boolean(query, "interim_results"),
        endpointing=(
            None
            if endpointing == "false"
            else _integer({"endpointing": endpointing}, "endpointing", 10) / 1000
            if endpointing != "true"
            else 0.01
        ),
        utterance_end=utterance_end / 1000 if utterance_end else None,
        vad_events=_boolean(query, "vad_events"),
        punctuate=_boolean(query, "punctuate") or _boolean(query, "smart_format"),
    )


def _integer(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 7:
        raise _bad(f"{name}: invalid digit found in string")
    return int(text)


def _boolean(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false").lower()
    if text not in ("true", "false"):
        raise _bad(f"{name}: provided string was not `true` or `false`")
    return text == "true"


def _bad(what: str) -> Denied:
    return Denied(400, f"Failed to deserialize query parameters: {what}")
