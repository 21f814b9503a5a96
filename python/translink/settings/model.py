"""What can be set, with its default and its limits: one frozen tree, read once and handed down.

Where values come from (defaults < `translink.toml` < `.env.externalmedia` < environment < flags) is
read in `translink.settings.load`; this file is the shape. Names nest: `admin.port` is `port` under
`[admin]` in the file, `TRANSLINK_ADMIN__PORT` in the environment and `--admin-port` or
`--set admin.port=…` on the command line. Durations are seconds unless the name ends in `_ms`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from translink.settings.types import (
    Address,
    AddressSetting,
    BaseUrl,
    Endpointing,
    Host,
    Key,
    Language,
    PortRange,
    Sources,
    Terms,
    is_installed,
    is_loopback,
    refuse_doubles,
)

Mode = Literal["auto", "streaming", "prerecorded"]
"""How speech is recognised: `streaming` streams every call, `auto` the share of calls that
`streaming_share` says (both go on with the prerecorded API while no stream can be had),
`prerecorded` no call: a stream is opened only for a finished piece that the prerecorded API has
failed on."""

LEG_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


SHORTEST_TOKEN = 16
"""Characters of an admin token that others may guess at."""


class Settings(BaseModel):
    """Everything. Build it with `Settings.load`; it never changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    mode: Mode = "auto"
    """Share of calls that stream: `auto` as `streaming_share` says, `streaming` all, `prerecorded`
    none. Both streaming modes fall back to the prerecorded API. For every leg without a mode of its
    own."""
    streaming_share: float = Field(1.0, ge=0, le=1)
    """Share of calls that stream in mode `auto`; the others are prerecorded. A call keeps its lot:
    raising the share moves calls to streaming, lowering it moves them back, and none to and fro."""
    idle_timeout: float = Field(30.0, gt=0, le=86_400)
    """A call ends when no datagram came for so long."""
    drain_timeout: float = Field(10.0, ge=0, le=600)
    """How long a shutdown waits for what is being said."""
    legs: tuple[LegSettings, ...] = Field((), validate_default=True)
    pairs: tuple[tuple[str, str], ...] = ()
    """Which two legs hear each other. Left out: the first leg with the second, the third with the fourth, …"""
    voices: dict[str, str] = {}
    """Language to voice of the speech provider. A language left out gets translink's choice."""
    calls: CallSettings = Field(default_factory=lambda: CallSettings())
    transcripts: TranscriptSettings = Field(default_factory=lambda: TranscriptSettings())
    admin: AdminSettings = Field(default_factory=lambda: AdminSettings())
    deepgram: DeepgramSettings = Field(default_factory=lambda: DeepgramSettings())
    deepl: DeepLSettings = Field(default_factory=lambda: DeepLSettings())
    fallback: FallbackSettings = Field(default_factory=lambda: FallbackSettings())
    segment: SegmentSettings = Field(default_factory=lambda: SegmentSettings())
    pressure: PressureSettings = Field(default_factory=lambda: PressureSettings())
    offline: OfflineSettings = Field(default_factory=lambda: OfflineSettings())
    log: LogSettings = Field(default_factory=lambda: LogSettings())
    otel: OtelSettings = Field(default_factory=lambda: OtelSettings())

    _notes: Notes = PrivateAttr(default_factory=lambda: Notes())

    @classmethod
    def load(
        cls,
        *,
        config: Path | None = None,
        env_file: Path | None = None,
        environ: Mapping[str, str] | None = None,
        flags: Mapping[str, object] | None = None,
        directory: Path | None = None,
    ) -> Settings:
        """Read all sources. Also call it again on SIGHUP.

        Args:
            config: Settings file; None = `translink.toml` in `directory`, if it is there.
            env_file: The same for `.env.externalmedia`.
            environ: None = `os.environ`.
            flags: What was given on the command line, by flag: `{"--admin-port": 3021}`; None
                counts as not given. `--set` holds a list of `name=value`.
            directory: None = where we are.

        Raises:
            SettingsError: Names each wrong setting, where it was written, its value and what would
                be right.
        """
        from translink.settings import load as sources

        return sources.load(
            config=config, env_file=env_file, environ=environ, flags=flags, directory=directory
        )

    @property
    def notes(self) -> Notes:
        """Where the settings came from and what was passed over."""
        return self._notes

    def leg(self, name: str) -> LegSettings:
        """The leg called `name`. Raises `KeyError`."""
        for leg in self.legs:
            if leg.name == name:
                return leg
        raise KeyError(name)

    def other(self, name: str) -> LegSettings:
        """The leg that `name` is paired with, and that hears its speech translated. Raises
        `KeyError`."""
        for one, two in self.pairs:
            if name in (one, two):
                return self.leg(two if name == one else one)
        raise KeyError(name)

    def mode_of(self, leg: str) -> Mode:
        """The leg's own mode, or else the system's."""
        return self.leg(leg).mode or self.mode

    def masked(self) -> dict[str, Any]:
        """All of it as JSON values, secrets as asterisks: for the API and for `translink check`."""
        return self.model_dump(mode="json")

    def secrets(self) -> frozenset[str]:
        """Every secret value, for the log's redaction."""
        return frozenset(_secrets(self))

    @model_validator(mode="after")
    def _legs_fit_together(self) -> Self:
        if not self.legs:
            raise ValueError("legs: should hold at least two legs, for instance `[[legs]]` twice")
        refuse_doubles("legs", "name", [leg.name for leg in self.legs])
        refuse_doubles("legs", "listen", [str(leg.listen) for leg in self.legs if leg.listen.port])
        refuse_doubles(
            "legs",
            "play_to",
            [str(leg.play_to) for leg in self.legs if leg.play_to is not None and leg.play_to.port],
        )
        names = [leg.name for leg in self.legs]
        if not self.pairs:
            if len(names) % 2:
                raise ValueError(
                    f"legs: {names[-1]} has nobody to talk to; add a leg, or take this one away"
                )
            object.__setattr__(self, "pairs", tuple(zip(names[::2], names[1::2], strict=True)))
        paired = [name for pair in self.pairs for name in pair]
        for name in paired:
            if name not in names:
                raise ValueError(f"pairs: no leg is called {name!r}; legs are {', '.join(names)}")
        for name, times in Counter(paired).items():
            if times > 1:
                raise ValueError(f"pairs: {name} should be in one pair only, is in {times} places")
        for name in names:
            if name not in paired:
                raise ValueError(f"pairs: {name} should be in a pair, is in none")
        return self


class Notes(NamedTuple):
    """What a load saw besides values."""

    files: tuple[Path, ...] = ()
    """Files read, weakest first."""
    ignored: tuple[str, ...] = ()
    """Names in the predecessor's file that translink has no use for."""
    exposed: tuple[Path, ...] = ()
    """Files that hold a secret and can be read by everybody on this machine."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class LegSettings(_Part):
    """One caller's microphone and ear."""

    name: str = Field(pattern=LEG_NAME)
    """What the predecessor calls the extension."""
    language: Language
    """What the party speaks and hears: `en`, `fr`, `pt-BR`; BCP 47 with a hyphen."""
    listen: AddressSetting
    """Where the party's microphone comes in."""
    play_to: AddressSetting | None = None
    """The party's ear. None = where the leg's datagrams come from (needs `send_from_listen`)."""
    send_from_listen: bool = False
    """Play from the socket that listens: for peers behind NAT or with symmetric ports."""
    source: Sources = "first"
    """Whose datagrams are heard; others' are counted as `strangers` and dropped. `first`: the first
    sender's of a call; a newcomer takes over once it has talked in real time while the other was
    silent, for 60 ms from another port of the same host, for 1 s from another host. `any`:
    everybody's. Or up to 8 addresses, `192.0.2.7` or `192.0.2.7:4000`, comma-separated or as a list."""
    voice: str | None = None
    """Voice that speaks to this leg; None = `voices` of its language."""
    mode: Mode | None = None
    """None = the system's."""
    transport: Literal["raw", "rtp", "auto"] = "raw"
    """What the datagrams are, both ways: `raw` = headerless 16-bit PCM, little-endian; `rtp` = RTP;
    `auto` = raw until RTP comes. RTP is sent from the socket that listens."""
    format: Literal["slin16", "slin", "alaw", "ulaw", "g722"] = "slin16"
    """What RTP comes in, by Asterisk's names. A static payload type means what it always does."""
    reply: Literal["slin", "alaw", "ulaw", "g722"] | None = None
    """What RTP the ear is sent. None = what comes in, or `g722` for slin16, whose payload type is
    dynamic: Asterisk drops such."""
    rate: Literal[16_000, 8_000] = 16_000
    """Of raw PCM, both ways: 8000 for FreeSWITCH's `unicast` in a narrow-band call."""
    continuous: bool | None = None
    """Send silence while nothing is said, for gateways that need a steady stream. None = RTP only."""
    prebuffer_ms: int = Field(60, ge=0, le=2_000)
    """Speech collected before its first datagram leaves."""
    tail_ms: int = Field(1_500, ge=0, le=30_000)
    """Silence fed to the recogniser when datagrams stop in mid-utterance."""
    ledger_seconds: float = Field(60.0, ge=5, le=600)
    """Audio kept for recognising it again after a failure; older audio is lost by then."""
    receive_buffer: int = Field(4_194_304, ge=4_096, le=1_073_741_824)
    """`SO_RCVBUF` asked for, bytes. The kernel may grant less; translink warns when it does."""

    @model_validator(mode="after")
    def _has_an_ear(self) -> Self:
        if self.transport != "raw":
            if self.rate != 16_000:
                raise ValueError("rate: is for raw legs; RTP says its own (see format)")
            object.__setattr__(self, "send_from_listen", True)
        if self.play_to is None and not self.send_from_listen:
            raise ValueError(
                "play_to: should say where the leg hears, as in 127.0.0.1:6121 "
                "(or set send_from_listen = true)"
            )
        return self


class CallSettings(_Part):
    """Calls that are made with `POST /api/calls`."""

    host: Host = "127.0.0.1"
    """Where the legs of such calls listen."""
    ports: PortRange = "24000-24999"
    """From which range their ports are; two a call. The default lies outside of what Linux gives to
    outgoing connections (32768 and up)."""
    advertise: Host | None = None
    """The address that is given to the calls' creator, if it is not `host` (0.0.0.0, NAT)."""
    max_created: int = Field(100, ge=0, le=1_000)
    """Of them at once; the next is refused."""


class TranscriptSettings(_Part):
    """What is kept of what was said: in memory, never on disk."""

    keep_calls: int = Field(200, ge=0, le=10_000)
    """Ended calls whose transcript can still be read."""
    lines_per_call: int = Field(2_000, ge=10, le=100_000)
    """Segments kept of one call; a longer one forgets its beginning, and says so."""
    retention: float = Field(86_400.0, ge=0, le=31_536_000)
    """How long after a call's end its transcript is forgotten."""
    redact_digits: bool = False
    """Show every digit as `#`: in transcripts, exports, events and the log (what is spoken has
    them)."""


class AdminSettings(_Part):
    """The HTTP API and the page."""

    host: str = "127.0.0.1"
    """Where it listens."""
    port: int = Field(3020, ge=0, le=65_535)
    """0 = any that is free; the log tells which."""
    token: Key | None = None
    """Wanted in `Authorization: Bearer …` or at log-in; may do everything. Needed when `host` is not
    loopback. As every secret it may be written `file:/path` or `keyring:service/name`."""
    read_token: Key | None = None
    """A second token that may see everything and change nothing."""
    listen_in: bool = False
    """Let those who have `token` hear the callers' voices. Every use is logged and marked."""
    allowed_hosts: Terms = ()
    """Names (with a port, unless it is 80 or 443) under which clients reach this server, as
    in `calls.example.com`; others are refused. Loopback names are always allowed on loopback."""
    proxies: Terms = ()
    """Addresses of reverse proxies whose `X-Forwarded-For` and `-Proto` are believed."""
    tls_cert: Path | None = None
    """PEM file with the certificate (chain): HTTPS instead of HTTP. Read again on SIGHUP."""
    tls_key: Path | None = None
    """PEM file with its key; None = in `tls_cert`."""
    session_time: float = Field(43_200.0, ge=60, le=604_800)
    """Seconds without a request after which a browser must log in again."""

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        token = self.token.get_secret_value() if self.token else ""
        read_token = self.read_token.get_secret_value() if self.read_token else ""
        if not is_loopback(self.host) and not (token or read_token):
            raise ValueError(
                "host: is reachable from outside, so admin.token is needed "
                "(or leave the host at 127.0.0.1)"
            )
        for name, value in (("token", token), ("read_token", read_token)):
            if value and len(value) < SHORTEST_TOKEN and not is_loopback(self.host):
                raise ValueError(
                    f"{name}: should have at least {SHORTEST_TOKEN} characters when the host is "
                    "reachable from outside, as those of: openssl rand -hex 16"
                )
        if token and token == read_token:
            raise ValueError("read_token: should differ from admin.token")
        if self.allowed_hosts and not (token or read_token):
            raise ValueError("allowed_hosts: lets other hosts in; set admin.token")
        if self.tls_key and not self.tls_cert:
            raise ValueError("tls_key: is of no use without admin.tls_cert")
        return self


class DeepgramSettings(_Part):
    """Speech to text and Aura."""

    api_key: Key | None = None
    """`DEEPGRAM_API_KEY`. None = the local engines recognise and speak."""
    base_url: BaseUrl = "https://api.deepgram.com"
    """`DEEPGRAM_BASE_URL`: a regional or self-hosted service, `http(s)://host[:port]`."""
    model: str = "nova-3"
    """For recognition; voices are chosen by `voices`."""
    endpointing: Endpointing = 300
    """ms of silence that end an utterance; false = off."""
    utterance_end_ms: int = Field(1_000, ge=1_000, le=5_000)
    """Gap between words after which `UtteranceEnd` is sent."""
    smart_format: bool = True
    """Punctuation, numbers, dates as people write them."""
    interim_results: bool = True
    """Captions of unfinished speech; `UtteranceEnd` needs them too."""
    vad_events: bool = True
    """`SpeechStarted` messages."""
    keyterm: Terms = ()
    """Names and terms to expect, up to about 100; nova-3 only."""
    extra: dict[str, str] = {}
    """Query parameters of /v1/listen that have no setting here."""
    connect_timeout: float = Field(5.0, gt=0, le=60)
    """For the WebSocket's handshake."""
    prerecorded_timeout: float = Field(10.0, gt=0, le=300)
    """For one piece of audio."""
    prerecorded_concurrency: int = Field(10, ge=1, le=1_000)
    """Requests at once; the rest waits its turn. Stay below your plan's limit."""
    speak_timeout: float = Field(5.0, gt=0, le=60)
    """Until the first sound of a sentence."""


class DeepLSettings(_Part):
    """Translation."""

    api_key: Key | None = None
    """`DEEPL_API_KEY` or `DEEPL_AUTH_KEY`. None = the local engines translate."""
    server_url: BaseUrl | None = None
    """`DEEPL_SERVER_URL`. None = from the key: `…:fx` is api-free.deepl.com, others api.deepl.com."""
    model_type: Literal["latency_optimized", "quality_optimized", "prefer_quality_optimized"] = (
        "latency_optimized"
    )
    """Of the model that translates."""
    formality: Literal["default", "more", "less", "prefer_more", "prefer_less"] | None = None
    """`prefer_…` is safe for languages that have none."""
    glossary_id: str | None = None
    """A glossary of your account."""
    timeout: float = Field(3.0, gt=0, le=60)
    """For one sentence."""
    english: Literal["EN-US", "EN-GB"] = "EN-US"
    """Which English to write when a leg's language is plain `en`."""
    portuguese: Literal["PT-PT", "PT-BR"] = "PT-PT"
    """Likewise for plain `pt`."""


class DeepLAccount(_Part):
    """Another DeepL to ask when the first fails."""

    api_key: Key
    """Of the other account."""
    server_url: BaseUrl | None = None
    """As `deepl.server_url`."""


class DeepgramAccount(_Part):
    """Another Deepgram to speak with when the first fails."""

    api_key: Key
    """Of the other account."""
    base_url: BaseUrl = "https://api.deepgram.com"
    """As `deepgram.base_url`."""


class FallbackSettings(_Part):
    """Which providers are next in line, in order, after `deepl` and `deepgram`."""

    deepl: tuple[DeepLAccount, ...] = ()
    """Translators, in order."""
    deepgram: tuple[DeepgramAccount, ...] = ()
    """Voices, in order."""
    offline: bool = False
    """The local engines are last in line: modest, but there."""


class SegmentSettings(_Part):
    """When final text goes to translation without waiting for the end of the utterance."""

    max_wait: float = Field(1.5, gt=0, le=30)
    """Seconds after the last final result."""
    max_words: int = Field(40, ge=5, le=500)
    """An endless sentence is cut at a clause when it gets longer than this."""


class PressureSettings(_Part):
    """When the machine has too little time: what is given up, and from when on. Busy = running or
    waiting for a processor."""

    max_calls: int = Field(0, ge=0, le=100_000)
    """Calls at once; more are refused, whatever the load. 0 = no such limit."""
    shed: float = Field(0.7, gt=0, le=2)
    """Share of its time that the loop is busy, from which on captions of unfinished speech are left
    out and the dashboard is updated less often; above 1 = never."""
    coalesce: float = Field(0.8, gt=0, le=2)
    """Likewise: audio goes to the recogniser in messages of 40 to 100 ms instead of 20."""
    refuse: float = Field(0.9, gt=0, le=2)
    """Likewise: no new calls; those that run go on."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.shed <= self.coalesce <= self.refuse:
            raise ValueError("shed: should be at most coalesce, and coalesce at most refuse")
        return self


class OfflineSettings(_Part):
    """The local engines, used for whatever has no key."""

    phrasebook: Path | None = None
    """Your phrases instead of the packaged ones."""
    recognizers: int = Field(4, ge=1, le=64)
    """Decoders at work at once; each is a process and may use a core. Beyond: 429."""

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if self.phrasebook is not None and not self.phrasebook.is_file():
            raise ValueError("phrasebook: no such file")
        return self


class LogSettings(_Part):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    format: Literal["auto", "console", "json"] = "auto"
    """`auto` = console; colours on a terminal only."""
    text: bool = True
    """Write what people say into the log, as the predecessor did; false leaves it out."""


class OtelSettings(_Part):
    """Traces of utterances, with the extra `translink[otel]`."""

    endpoint: BaseUrl | None = None
    """OTLP over HTTP, as in http://127.0.0.1:4318; `/v1/traces` is added. None = no traces."""
    service: str = "translink"
    """`service.name` in the traces."""

    @model_validator(mode="after")
    def _can_export(self) -> Self:
        if self.endpoint is not None and not is_installed("opentelemetry.exporter"):
            raise ValueError("endpoint: needs the extra: pip install 'translink[otel]'")
        return self


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        if value.get_secret_value():
            yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, tuple) and not isinstance(value, Address):
        for item in value:
            yield from _secrets(item)


Settings.model_rebuild()
