"""Of legs, and of the calls that are made on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from translink.settings.lag import Original
from translink.settings.part import Part
from translink.settings.types import (
    AUTO,
    Address,
    AddressSetting,
    Host,
    Keyterms,
    Language,
    LegLanguage,
    PortRange,
    Recognisers,
    Sources,
    Speakers,
    Token,
    Translators,
    comma_separated,
    has_port,
)

Mode = Literal["auto", "streaming", "prerecorded"]
"""How speech is recognised: `streaming` streams every call, `auto` the share of calls that
`streaming_share` says (both go on with the prerecorded API while no stream can be had),
`prerecorded` no call: a stream is opened only for a finished piece that the prerecorded API has
failed on."""

Transport = Literal["raw", "rtp", "auto"]
RtpFormat = Literal["slin16", "slin", "alaw", "ulaw", "g722"]
ReplyFormat = Literal["slin", "alaw", "ulaw", "g722"]
Rate = Literal[16_000, 8_000]
RAW_RATE = "rate: is for raw legs; RTP says its own (see format)"

VOICE_FOR = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,79}$"
LEG_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


def must_be_findable(language: str, candidates: tuple[str, ...], voice: str | None) -> None:
    """Raises `ValueError` for a language that is to be found and cannot be."""
    if language != AUTO:
        if candidates:
            raise ValueError(f'candidates: are for language = "auto", not {language}')
        return
    codes = [one.partition("-")[0] for one in candidates]
    if len(set(codes)) < max(2, len(codes)):
        raise ValueError(
            'candidates: language = "auto" needs two or more different languages, as in '
            'candidates = ["en", "fr"]; variants of one cannot be distinguished'
        )
    if voice is not None:
        raise ValueError(
            'voice: is of one language; with language = "auto" set voices of each language'
        )


class LegOrders(Part):
    """Vendors of a leg's calls, stage by stage, in the order in which they are asked."""

    listen: Recognisers = ()
    """Empty = as `listen` says for all, or the other leg's `orders.listen`."""
    translate: Translators = ()
    """Likewise."""
    speak: Speakers = ()
    """Likewise."""


class LegSettings(Part):
    """One caller's microphone and ear."""

    name: str = Field(pattern=LEG_NAME)
    """Its name, as the API, the log and a dialplan say it."""
    language: LegLanguage
    """What the party speaks and hears: `en`, `fr`, `pt-BR`; BCP 47 with a hyphen. `auto`: it is found from
    what they say first, among `candidates`, anew in each call."""
    candidates: Annotated[tuple[Language, ...], BeforeValidator(comma_separated)] = Field(
        (), max_length=8
    )
    """For `language = "auto"`: two to eight languages, `en, fr, de`. The first one holds where nothing is
    found in time (`detection.wait`)."""
    listen: AddressSetting = Address("127.0.0.1", 0)
    """Where the party's microphone comes in. Left out: a telephone system brings it (`ari`,
    `audiosocket`, `websocket`)."""
    shared: bool = False
    """It comes in at `shared_port.listen` instead; `source` must then list the addresses that are this leg's, or
    there must be a `token`. Its ear is sent from there."""
    token: Token | None = None
    """With `shared`, in place of `source`: the sender of a datagram that begins with these 32 characters is heard,
    as made by `openssl rand -hex 16`. The datagram itself is not. The sender stays the leg's; another one that
    says the token takes its place between calls, or once the one that is heard was silent for 1 s."""
    pinned: bool = False
    """With `shared`, and hosts as `source`: only the first sender from one of them is heard, until the call
    ends."""
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
    """Voice that speaks to this leg; None = `voices` of its language. It is the first vendor's of
    `speak`, or that of another, as in `elevenlabs:JBFqnCBsd6RMkjVDRZzb`; the others speak with their
    voice of the language."""
    voice_for: str | None = Field(None, pattern=VOICE_FOR)
    """Which voice speaks for this leg's talker in the other one's language: `feminine`, `masculine`, or a voice by
    name, as in `voice`; it goes before the other leg's `voice`. None = that, or else `feminine` for the first
    leg of a pair and `masculine` for the second, where `voices` name none. The API changes it while calls run."""
    keyterm: Keyterms = ()
    """Names and terms that this leg's talker is likely to say, besides `deepgram.keyterm`; 500 tokens at
    most with it, nova-3 and Flux only. The API changes them while calls run."""
    orders: LegOrders = Field(default_factory=LegOrders)
    mode: Mode | None = None
    """None = the system's."""
    transport: Transport = "raw"
    """What the datagrams are, both ways: `raw` = headerless 16-bit PCM, little-endian; `rtp` = RTP;
    `auto` = raw until RTP comes. RTP is sent from the socket that listens."""
    format: RtpFormat = "slin16"
    """What RTP comes in, by Asterisk's names. A static payload type means what it always does."""
    reply: ReplyFormat | None = None
    """What RTP the ear is sent. None = what comes in, or `g722` for slin16, whose payload type is
    dynamic: Asterisk drops such."""
    rate: Rate = 16_000
    """Of raw PCM, both ways: 8000 for FreeSWITCH's `unicast` in a narrow-band call."""
    continuous: bool | None = None
    """Send silence while nothing is said, for gateways that need a steady stream. None = for RTP and what a
    telephone system brings: measured, Asterisk drops the first word after each pause."""
    prebuffer_ms: int = Field(60, ge=0, le=2_000)
    """Speech collected before its first datagram leaves."""
    tail_ms: int = Field(1_500, ge=0, le=30_000)
    """Silence filled in for the recogniser when datagrams stop in mid-utterance."""
    original: Original = "replace"
    """What this leg hears of the other talker's own voice. `replace`: nothing, the translation takes
    its place. `duck`: their voice at -18 dB under the translation and at -6 dB without one.
    `consecutive`: their voice as it is; the translation waits until they were quiet for 0.7 s.
    `captions`: nothing at all, the translation is text only. `through`: their voice as it is, and no
    translation. Can be switched in mid-call."""
    echo_guard: bool | None = None
    """None = `echo.guard`."""
    record: bool | None = None
    """Whether what is said and heard here is recorded. None = `record.on`."""
    ledger_seconds: float = Field(60.0, ge=5, le=600)
    """Audio kept for recognising it again after a failure; older audio is lost by then."""
    receive_buffer: int = Field(4_194_304, ge=4_096, le=1_073_741_824)
    """`SO_RCVBUF` asked for, bytes. The kernel may grant less; translink warns when it does."""

    @property
    def languages(self) -> tuple[str, ...]:
        """What may be spoken and heard there; the first one holds until another is found."""
        return self.candidates or (self.language,)

    @property
    def at_pbx(self) -> bool:
        """A telephone system brings its audio."""
        own = "shared" in self.model_fields_set and self.shared
        return "listen" not in self.model_fields_set and not own

    def brought(
        self, host: str, plan: Mapping[str, object], *, shared: bool = False
    ) -> LegSettings:
        """As a telephone system brings it: at an address of ours or at the shared port, and with a plan of what
        comes."""
        leg = self.model_copy(update=plan)
        object.__setattr__(leg, "shared", shared)
        object.__setattr__(
            leg, "listen", Address(host, 0)
        )  # and still not of the operator's making
        return leg

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        must_be_findable(self.language, self.candidates, self.voice)
        return self

    @model_validator(mode="after")
    def _has_an_ear(self) -> Self:
        if self.transport != "raw":
            if self.rate != 16_000:
                raise ValueError(RAW_RATE)
            object.__setattr__(self, "send_from_listen", True)
        if self.shared:
            if "listen" in self.model_fields_set:
                raise ValueError("shared: means shared_port.listen; remove listen, or shared")
            self._can_be_distinguished()
            object.__setattr__(self, "send_from_listen", True)
        elif self.token is not None or self.pinned:
            raise ValueError(f"{'pinned' if self.token is None else 'token'}: needs shared = true")
        elif self.at_pbx:
            if self.continuous is None:
                # Measured: with pauses, Asterisk drops the first word after each.
                object.__setattr__(self, "continuous", True)
        elif self.play_to is None and not self.send_from_listen:
            raise ValueError(
                "play_to: should say where the leg hears, as in 127.0.0.1:6121 "
                "(or set send_from_listen = true)"
            )
        return self

    def _can_be_distinguished(self) -> None:
        if self.token is not None:
            if self.source != "first" or self.pinned:
                raise ValueError(
                    "token: stands in place of source; remove source, pinned, or token"
                )
        elif isinstance(self.source, str):
            raise ValueError(
                "source: should say where the leg's datagrams come from, as in 192.0.2.7:4000: "
                "the shared port tells legs apart by it (or by a token)"
            )
        elif self.pinned and any(map(has_port, self.source)):
            raise ValueError("pinned: is for hosts; source should name them without a port")


class CallSettings(Part):
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
