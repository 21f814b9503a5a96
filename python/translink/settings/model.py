"""What can be set, with its default and its limits: one frozen tree, read once and handed down.

Where values come from (defaults < `translink.toml` < `.env.externalmedia` < environment < flags) is
read in `translink.settings.load`; this file is the shape, and each section has its own: `legs`,
`shared_port`, `telephony`, `prompts`, `admin`, `services`, `vendors`, `speech`, `lag`, `process`.
Names nest: `admin.port` is `port` under `[admin]` in the file, `TRANSLINK_ADMIN__PORT` in the
environment and `--admin-port` or `--set admin.port=…` on the command line. Durations are
seconds unless the name ends in `_ms`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from translink.settings.admin import AdminSettings
from translink.settings.cost import CostSettings
from translink.settings.detection import DetectionSettings
from translink.settings.lag import EchoSettings, LagSettings
from translink.settings.legs import CallSettings, LegSettings, Mode
from translink.settings.placement import PlacementSettings
from translink.settings.process import (
    DrainSettings,
    LogSettings,
    OtelSettings,
    PressureSettings,
    TranscriptSettings,
)
from translink.settings.prompts import DtmfSettings, MenuSettings, NoticeSettings
from translink.settings.recording import RecordingSettings
from translink.settings.services import (
    DeepgramSettings,
    DeepLSettings,
    FallbackSettings,
    OfflineSettings,
)
from translink.settings.shared_port import SharedPortSettings
from translink.settings.speech import SegmentSettings
from translink.settings.telephony import AriSettings, AudioSocketSettings
from translink.settings.types import (
    VENDORS_OF,
    Address,
    Recognisers,
    Speakers,
    Translators,
    VendorName,
    is_loopback,
    reached_at,
    refuse_doubles,
)
from translink.settings.vendors import ElevenLabsSettings, OpenAiSettings, VendorSettings
from translink.settings.webhook import WebhookSettings
from translink.settings.websocket import WebSocketSettings


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
    media_threads: int = Field(1, ge=1, le=64)
    """Threads that receive and send audio, for machines with more than two cores. A call is on one of them; those of
    the shared port are all on the first."""
    legs: tuple[LegSettings, ...] = Field((), validate_default=True)
    pairs: tuple[tuple[str, str], ...] = ()
    """Which two legs hear each other. Left out: the first leg with the second, the third with the fourth, …"""
    listen: Recognisers = ("deepgram",)
    """The providers that recognise, in the order in which they are asked. The first of them that streams (`deepgram`,
    `offline`) gets the streams; all are asked for finished pieces. One that lacks a language is passed
    over for it."""
    translate: Translators = ("deepl",)
    """The providers that translate, likewise. `fallback.deepl` comes right behind `deepl`."""
    speak: Speakers = ("deepgram",)
    """The providers that speak, likewise. `fallback.deepgram` comes right behind `deepgram`."""
    voices: dict[str, str] = {}
    """Language to voice of Deepgram. A language left out gets translink's choice; other vendors have
    `voices` of their own."""
    calls: CallSettings = Field(default_factory=CallSettings)
    shared_port: SharedPortSettings = Field(default_factory=SharedPortSettings)
    ari: AriSettings = Field(default_factory=AriSettings)
    audiosocket: AudioSocketSettings = Field(default_factory=AudioSocketSettings)
    notice: NoticeSettings = Field(default_factory=NoticeSettings)
    menu: MenuSettings = Field(default_factory=MenuSettings)
    dtmf: DtmfSettings = Field(default_factory=DtmfSettings)
    websocket: WebSocketSettings = Field(default_factory=WebSocketSettings)
    record: RecordingSettings = Field(default_factory=RecordingSettings)
    transcripts: TranscriptSettings = Field(default_factory=TranscriptSettings)
    admin: AdminSettings = Field(default_factory=AdminSettings)
    deepgram: DeepgramSettings = Field(default_factory=DeepgramSettings)
    deepl: DeepLSettings = Field(default_factory=DeepLSettings)
    elevenlabs: ElevenLabsSettings = Field(default_factory=ElevenLabsSettings)
    openai: OpenAiSettings = Field(default_factory=OpenAiSettings)
    vendors: dict[VendorName, VendorSettings] = Field(default_factory=dict)
    """Providers without a section of their own, by name."""
    fallback: FallbackSettings = Field(default_factory=FallbackSettings)
    detection: DetectionSettings = Field(default_factory=DetectionSettings)
    segment: SegmentSettings = Field(default_factory=SegmentSettings)
    lag: LagSettings = Field(default_factory=LagSettings)
    echo: EchoSettings = Field(default_factory=EchoSettings)
    pressure: PressureSettings = Field(default_factory=PressureSettings)
    offline: OfflineSettings = Field(default_factory=OfflineSettings)
    drain: DrainSettings = Field(default_factory=DrainSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    otel: OtelSettings = Field(default_factory=OtelSettings)
    webhook: WebhookSettings = Field(default_factory=WebhookSettings)
    cost: CostSettings = Field(default_factory=CostSettings)
    placement: PlacementSettings = Field(default_factory=PlacementSettings)

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

    def note(self, notes: Notes) -> None:
        """These are its notes from now on."""
        self._notes = notes

    @property
    def asterisk_shares_port(self) -> bool:
        """What Asterisk hands over comes in at the shared port."""
        return self.ari.media == "rtp" and self.shared_port.listen is not None

    @property
    def named_vendors(self) -> frozenset[str]:
        """Those that an order names, of the whole or of a leg."""
        own = [leg.orders for leg in self.legs]
        of_legs = [name for one in own for name in (*one.listen, *one.translate, *one.speak)]
        return frozenset((*self.listen, *self.translate, *self.speak, *of_legs))

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

    def masked(self, *, legs: bool = True) -> dict[str, Any]:
        """All of it as JSON values, secrets as asterisks: for the API and for `translink check`.
        `legs` = False: without them, of which there may be a thousand."""
        return self.model_dump(mode="json", exclude=None if legs else {"legs"})

    def secrets(self) -> frozenset[str]:
        """Every secret value, for the log's redaction."""
        return frozenset(_secrets(self))

    def refuse_keyless(self, stage: str, order: tuple[str, ...]) -> None:
        """Raise `ValueError` for a vendor in it that nobody knows, or that needs a key and has none, nor an
        address of one's own. Deepgram and DeepL do not: the local engines stand in for them."""
        for name in order:
            if name in VENDORS_OF[stage]:
                continue
            added = self.vendors.get(name)
            if added is None:
                known = ", ".join(VENDORS_OF[stage])
                raise ValueError(
                    f"{stage}: {name} should be one of {known}, or have a section vendors.{name}"
                )
            if added.api_key is None and added.base_url is None:
                raise ValueError(
                    f"{stage}: names {name}, which has no key; set vendors.{name}.api_key (or "
                    f"vendors.{name}.base_url for a server of your own)"
                )
        for vendor, section in (("elevenlabs", self.elevenlabs), ("openai", self.openai)):
            own = {"base_url", f"{stage}_url"} & section.model_fields_set
            if vendor in order and section.api_key is None and not own:
                raise ValueError(
                    f"{stage}: names {vendor}, which has no key; set {vendor.upper()}_API_KEY or "
                    f"{vendor}.api_key (or {vendor}.base_url for a server of your own)"
                )

    @model_validator(mode="after")
    def _vendors_have_keys(self) -> Self:
        for stage in ("listen", "translate", "speak"):
            self.refuse_keyless(stage, getattr(self, stage))
            for number, leg in enumerate(self.legs):
                try:
                    self.refuse_keyless(stage, getattr(leg.orders, stage))
                except ValueError as error:
                    raise ValueError(f"legs.{number}.orders.{error}") from None
        return self

    @model_validator(mode="after")
    def _terms_fit(self) -> Self:
        for number, leg in enumerate(self.legs):
            try:
                self.deepgram.refuse_terms(leg.keyterm)
            except ValueError as error:
                raise ValueError(f"legs.{number}.keyterm: {error}") from None
        return self

    @model_validator(mode="after")
    def _recordings_have_a_place(self) -> Self:
        for number, leg in enumerate(self.legs):
            if leg.record and self.record.folder is None:
                raise ValueError(
                    f"legs.{number}.record: needs record.folder, where recordings are written"
                )
        return self

    @model_validator(mode="after")
    def _nodes_can_ask_each_other(self) -> Self:
        place = self.placement
        if not place.nats:
            return self
        if self.admin.tls_self_signed:
            raise ValueError(
                "admin.tls_self_signed: nodes of a fleet check each other's certificates, and nobody vouches for "
                "that one; set admin.tls_cert"
            )
        others_come = not is_loopback(place.listen.host) or (
            place.url is not None and not is_loopback(urlsplit(place.url).hostname or "")
        )
        if others_come and self.admin.token is None:
            raise ValueError(
                "admin.token: is needed where nodes of a fleet ask each other from outside; the same on all of them"
            )
        return self

    @model_validator(mode="after")
    def _legs_fit_together(self) -> Self:
        if not self.legs:
            raise ValueError("legs: should hold at least two legs, for instance `[[legs]]` twice")
        if self.ari.wanted:
            shared = self.asterisk_shares_port
            object.__setattr__(
                self,
                "legs",
                tuple(
                    leg.brought(self.ari.legs_host, self.ari.plan, shared=shared)
                    if leg.at_pbx
                    else leg
                    for leg in self.legs
                ),
            )
        brought = [leg.name for leg in self.legs if leg.at_pbx]
        listeners = (self.audiosocket.listen, self.websocket.listen)
        if brought and not self.ari.wanted and not any(listeners):
            raise ValueError(
                f"legs: {brought[0]} has no listen, and nobody brings its audio; set listen, ari.url, ari.listen, "
                "audiosocket.listen or websocket.listen"
            )
        self._asterisk_can_connect()
        self._sources_tell_legs_apart()
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
        for one, two in self.pairs:
            if self.leg(one).at_pbx != self.leg(two).at_pbx:
                # A gateway's datagrams begin a call, a telephone's wait for the other party to arrive.
                raise ValueError(
                    f"pairs: of {one} and {two} one has a listen and one has none; a telephone system brings both "
                    "legs of a pair, or neither"
                )
        return self

    def _asterisk_can_connect(self) -> None:
        ari, at = self.ari, self.audiosocket.listen
        if not ari.wanted or ari.media == "rtp":
            return
        if ari.media == "audiosocket":
            if not (reached_at(ari.host, "") or (at and reached_at(at.host, ""))):
                raise ValueError(
                    "ari.host: should be the address by which Asterisk reaches this machine, as in 192.0.2.7: it is "
                    'told so; to hear at every address, set audiosocket.listen = "0.0.0.0:9092" besides'
                )
            return
        if self.websocket.listen is None:
            raise ValueError(
                "ari.media: needs websocket.listen, to which Asterisk connects, as in 127.0.0.1:9093"
            )
        if self.websocket.twilio_token is not None and self.websocket.password is None:
            raise ValueError(
                "websocket.password: is needed beside websocket.twilio_token: Asterisk cannot sign as Twilio "
                'does (ari.media = "websocket")'
            )

    def _sources_tell_legs_apart(self) -> None:
        sharing = [leg for leg in self.legs if leg.shared and not leg.at_pbx]
        if sharing and self.shared_port.listen is None:
            raise ValueError(
                f"legs: {sharing[0].name} shares a port; set shared_port.listen, as in 0.0.0.0:7000"
            )
        named = [leg.source for leg in sharing if not isinstance(leg.source, str)]
        refuse_doubles("legs", "source", [one for sources in named for one in sources])
        tokens = [leg.token.get_secret_value()[:8] for leg in self.legs if leg.token is not None]
        if len(set(tokens)) < len(tokens):
            raise ValueError("legs: token should differ from leg to leg in its first 8 characters")


class Notes(NamedTuple):
    """What a load saw besides values."""

    files: tuple[Path, ...] = ()
    """Files read, weakest first."""
    ignored: tuple[str, ...] = ()
    """Names in the Node.js server's file that translink has no use for."""
    exposed: tuple[Path, ...] = ()
    """Files that hold a secret and can be read by everybody on this machine."""
    overruled: tuple[tuple[str, str], ...] = ()
    """Settings in files that something stronger beats: the dotted name, and a sentence that says what
    beats what. Editing the file changes nothing."""


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        if value.get_secret_value():
            yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, tuple) and not isinstance(value, Address):
        for item in value:
            yield from _secrets(item)
