"""What is asked of Deepgram, and where: query parameters, base URLs, credentials."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlencode

from translink.credentials import named_key, named_url
from translink.errors import SettingsError
from translink.providers.languages import is_among
from translink.results import RATE
from translink.text.keyterms import joined

DEEPGRAM_URL = "https://api.deepgram.com"
"""North America; `https://api.eu.deepgram.com`, `api.au`, `api.in` and self-hosted ones work
alike."""

_NOVA_3 = (
    "be bg bn bs ca cs da de el en es et fa fi fil fr gu he hi hr hu id it ja kn ko lt lv mk mr ms ne nl no "
    "pa pl pt ro ru sk sl sr sv ta te th tr uk ur vi zh"
)
NOVA_3 = frozenset(_NOVA_3.split())
"""Languages that nova-3 recognises, streaming and not (Deepgram's changelog up to 2026-08-05)."""

Scheme = Literal["Token", "Bearer"]
"""`Token` goes with a long-lived API key, `Bearer` with a JWT from `/v1/auth/grant`; crossed they
are refused."""

Extra = Mapping[str, str | tuple[str, ...]]

_OF_ALL_SERVICES = ("mip_opt_out", "tag")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenOptions:
    """Query parameters of `/v1/listen`. None and an empty tuple mean: not sent, Deepgram's default
    holds.

    Defaults are the Node.js server's, plus what closes an utterance in noise (`utterance_end_ms`,
    `vad_events`).
    Source: Deepgram's AsyncAPI and OpenAPI files of 2026-07.

    Raises:
        SettingsError: values that cannot work, named as `deepgram.<field>`.
    """

    model: str = "nova-3"
    encoding: str = "linear16"
    sample_rate: int = RATE
    channels: int = 1
    interim_results: bool = True
    endpointing: int | Literal[False] | None = 300
    """Milliseconds of silence that end a turn; False switches it off. Deepgram's own default of 10
    is too eager."""
    smart_format: bool = True
    utterance_end_ms: int | None = 1000
    """Not sent without `interim_results`, on which it depends."""
    vad_events: bool = True
    punctuate: bool | None = None
    numerals: bool | None = None
    profanity_filter: bool | None = None
    dictation: bool | None = None
    detect_entities: bool | None = None
    filler_words: bool | None = None
    mip_opt_out: bool | None = None
    diarize_model: str | None = None
    version: str | None = None
    keyterm: tuple[str, ...] = ()
    """Words to expect; nova-3 only."""
    keywords: tuple[str, ...] = ()
    """The same for nova-2 and older."""
    replace: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    redact: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    extra: Extra = field(default_factory=dict)
    """More parameters, sent as they are; a tuple is repeated. They go before the fields above."""

    def __post_init__(self) -> None:
        legs = {"encoding": "linear16", "sample_rate": RATE, "channels": 1}
        for name, right in legs.items():
            if getattr(self, name) != right:
                raise _wrong(name, getattr(self, name), f"{right}: that is what the legs deliver")
        if not self.model:
            raise _wrong("model", self.model, "a model's name, such as nova-3")
        if self.endpointing is not None and self.endpointing is not False and self.endpointing < 0:
            raise _wrong("endpointing", self.endpointing, "milliseconds or false")
        if self.utterance_end_ms is not None and self.utterance_end_ms < 1000:
            raise _wrong("utterance_end_ms", self.utterance_end_ms, "at least 1000, or none")
        if fixed := _FIXED & self.extra.keys():
            raise _wrong("extra", ", ".join(sorted(fixed)), "without what the legs decide")

    def query(self, language: str, terms: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        """Parameters of a live connection in `language` (BCP 47), with more key terms."""
        return [*self.expecting(terms)._pairs(frozenset()), ("language", self._tag(language))]

    def prerecorded_query(
        self, language: str, terms: tuple[str, ...] = ()
    ) -> list[tuple[str, str]]:
        """Parameters of a prerecorded request: the same without what makes sense on a stream only.

        The audio goes as WAV, whose header speaks for `encoding`, `sample_rate` and `channels`.
        """
        return [*self.expecting(terms)._pairs(_LIVE_ONLY), ("language", self._tag(language))]

    def expecting(self, terms: tuple[str, ...]) -> ListenOptions:
        """With more key terms, if the model takes any."""
        if not terms or not self.takes_terms:
            return self
        return replace(self, keyterm=joined(self.keyterm, terms))

    @property
    def takes_terms(self) -> bool:
        """Whether the model knows `keyterm`: others answer it with an error."""
        return self.model.startswith("nova-3")

    def detection_query(self) -> list[tuple[str, str]]:
        """Parameters of a prerecorded request that finds the language out."""
        return list(self._pairs(_LIVE_ONLY))

    def hears(self, language: str, languages: Collection[str] | None = None) -> bool:
        """Whether it is among `languages`, or else the model's; a model whose languages are not known
        here is taken to recognise it."""
        if languages is not None:
            return is_among(languages, language)
        if not self.model.startswith("nova-3"):
            return True
        return is_among(NOVA_3, language)

    def _tag(self, language: str) -> str:
        """`language` as Deepgram spells it: with a hyphen (`pt_BR` would be answered by 400), and for nova-3
        by the one code of a language that has several."""
        tag = language.replace("_", "-")
        if not self.model.startswith("nova-3"):
            return tag
        return _NOVA_3_CODES.get(tag.partition("-")[0].lower(), tag)

    def _pairs(self, without: frozenset[str]) -> Iterable[tuple[str, str]]:
        own = {name: getattr(self, name) for name in _ORDER}
        if not self.interim_results:
            own["utterance_end_ms"] = None
        if not self.takes_terms:  # as that for finished pieces, where Flux streams
            own["keyterm"] = ()
        for name, value in {**own, **self.extra}.items():
            if value is None or name in without:
                continue
            for one in value if isinstance(value, tuple) else (value,):
                yield name, str(one).lower() if isinstance(one, bool) else str(one)


def for_all_services(extra: Mapping[str, str]) -> dict[str, str]:
    """Of free parameters those that Flux and `/v1/speak` know as well as `/v1/listen`: an operator who
    opts out means all that Deepgram is given."""
    return {name: extra[name] for name in _OF_ALL_SERVICES if name in extra}


def endpoint(
    base_url: str, path: str, query: Iterable[tuple[str, str]] = (), *, websocket: bool = False
) -> str:
    """The URL of `path` below `base_url`, which is `http(s)://host[:port][/prefix]`; ws(s) is taken
    alike.

    Raises:
        SettingsError: anything else, or a base URL that holds credentials, a query or a fragment.
    """
    url = named_url(base_url, "deepgram.base_url") + path
    if websocket:
        url = "ws" + url.removeprefix("http")
    encoded = urlencode(list(query))
    return f"{url}?{encoded}" if encoded else url


def authorization(api_key: str, scheme: Scheme) -> dict[str, str]:
    """The header that carries the credential; none for an empty key, as servers on loopback want
    it.

    Raises:
        SettingsError: characters that no header can carry (the key itself is not shown).
    """
    key = named_key(api_key, "deepgram.api_key")
    return {"Authorization": f"{scheme} {key}"} if key else {}


def _wrong(name: str, value: object, right: str) -> SettingsError:
    return SettingsError(f"deepgram.{name} is {value!r}; it must be {right}")


_NOVA_3_CODES = {"nb": "no", "nn": "no", "fil": "tl", "iw": "he", "in": "id"}
"""Deepgram's changelog of 2025-09-16 (Norwegian, Indonesian) and 2026-01-21 (Tagalog)."""
_ORDER = tuple(name for name in ListenOptions.__dataclass_fields__ if name != "extra")
_FIXED = frozenset(
    {"encoding", "sample_rate", "channels", "multichannel", "language", "callback"}
    | {"detect_language"}
)
_LIVE_ONLY = frozenset(
    {"encoding", "sample_rate", "channels", "interim_results", "endpointing"}
    | {"utterance_end_ms", "vad_events", "no_delay"}
)
