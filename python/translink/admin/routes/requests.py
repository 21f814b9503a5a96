"""What clients may ask for in a request's body. It is parsed and checked here, once."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from typing import Annotated, Literal, Self, TypeVar, get_args

from aiohttp import web
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from translink.admin.http.responses import must_be_json
from translink.calls.exchange import LegWish
from translink.calls.orders import Orders
from translink.settings.lag import Original
from translink.settings.legs import (
    LEG_NAME,
    RAW_RATE,
    VOICE_FOR,
    Mode,
    Rate,
    ReplyFormat,
    RtpFormat,
    Transport,
    must_be_findable,
)
from translink.settings.types import (
    Address,
    Language,
    LegLanguage,
    Source,
    VendorName,
    once_each,
)
from translink.text.keyterms import LONGEST_TERM, MOST_TERMS, clean_terms, joined


def udp_address(text: str) -> Address:
    """`ip:port`. Raises `ValueError`."""
    host, _, port = text.rpartition(":")
    try:
        ip = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        ip = None
    if ip is None or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65_536:
        raise ValueError("should be ip:port, as in 192.0.2.7:4000")
    return Address(str(ip), int(port))


def _udp_address(text: str) -> str:
    udp_address(text)
    return text


def _shown(pattern: str, description: str) -> WithJsonSchema:
    """How a text is described to clients, whose generators know no validators of ours."""
    return WithJsonSchema({"type": "string", "pattern": pattern, "description": description})


_IP = r"(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}"
_PORT = r":([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"

Name = Annotated[str, Field(pattern=LEG_NAME)]
Tag = Annotated[
    Language,
    Field(max_length=35),
    _shown(r"^([a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2})$", "BCP 47 with a hyphen."),
]
LegTag = Annotated[
    LegLanguage,
    Field(max_length=35),
    _shown(r"^(auto|[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2})$", "BCP 47 with a hyphen, or `auto`."),
]
Expected = Annotated[
    tuple[Annotated[str, Field(max_length=LONGEST_TERM)], ...],
    Field(max_length=MOST_TERMS),
    AfterValidator(clean_terms),
    WithJsonSchema(
        {
            "type": "array",
            "maxItems": MOST_TERMS,
            "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_TERM},
            "description": "Of any script, with a letter or a digit in each; as many as count as 500 tokens.",
        }
    ),
]
"""Names and terms that are likely to be said."""
Order = Annotated[
    tuple[VendorName, ...],
    Field(min_length=1, json_schema_extra={"uniqueItems": True}),
    AfterValidator(once_each),
]
"""Vendors of a stage, each once."""
VoiceFor = Annotated[str, Field(pattern=VOICE_FOR)]
UdpAddress = Annotated[
    str,
    AfterValidator(_udp_address),
    _shown(f"^{_IP}{_PORT}$", "`ip:port`; an IPv6 address in brackets."),
]
Origin = Annotated[
    Source,
    _shown(f"^{_IP}({_PORT})?$", "`ip` or `ip:port`."),
]


class _Wish(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class LegRequest(_Wish):
    """One side of a call that is asked for."""

    language: LegTag
    """What is spoken and heard there, as in `en`, `pt-BR`. `auto`: it is found from what is said
    first, among `candidates`."""
    candidates: Annotated[tuple[Tag, ...], Field(max_length=8)] = ()
    """For `auto`: two to eight languages. The first one holds where nothing is found in time."""
    name: Name | None = None
    """Left out: one is made."""
    play_to: UdpAddress | None = None
    """Where its ear is; left out: where its datagrams come from."""
    send_from_listen: bool = True
    """Send from the port that it sends to. Otherwise `play_to` is needed, and `audio_from` is not
    known beforehand."""
    source: Origin | None = None
    """Whose datagrams count: `ip` or `ip:port`. Left out: the first that comes. With its port, and where
    there is a shared port (`shared_port.listen`), the leg is there, unless another leg has that source."""
    shared: bool = False
    """Be at the shared port, or be refused. Without a `source`: the answer's `token` is to be sent there first, as
    a datagram or at the head of one, which is not heard. With a host: the first sender from there is heard."""
    original: Original = "replace"
    """What it hears of the other talker's own voice; see `LegChange`."""
    voice: str | None = Field(None, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
    """Which speaks to it."""
    voice_for: VoiceFor | None = None
    """Which speaks for its talker in the other one's language: `feminine`, `masculine`, or a voice by name. It
    goes before the other leg's `voice`. Left out: that, or else `feminine` for the first leg and `masculine`
    for the second, where the settings name no voice."""
    keyterm: Expected = ()
    """Names and terms that are likely to be said there; 500 of Deepgram's tokens at most."""
    transport: Transport | Literal["audiosocket"] = "raw"
    """What its datagrams are, both ways: `raw` = headerless 16-bit PCM, little-endian; `rtp` = RTP,
    which is sent from the port that it sends to; `auto` = raw until RTP comes. `audiosocket`: it has no
    datagrams; its audio comes over a connection to the answer's `send_to` that says the answer's `uuid`."""
    format: RtpFormat = "slin16"
    """What RTP comes in, by Asterisk's names."""
    reply: ReplyFormat | None = None
    """What RTP its ear is sent. Left out: what comes in, or `g722` for slin16."""
    rate: Rate = 16_000
    """Of raw PCM, both ways."""
    record: bool | None = None
    """Whether what is said and heard there is recorded. Left out: as the call says, or `record.on`."""

    def wish(self) -> LegWish:
        """The same as the exchange takes it."""
        return LegWish(
            language=self.language,
            candidates=self.candidates,
            name=self.name,
            play_to=udp_address(self.play_to) if self.play_to else None,
            send_from_listen=self.send_from_listen,
            source=self.source,
            voice=self.voice,
            voice_for=None if self.voice_for == "default" else self.voice_for,
            keyterm=self.keyterm,
            original=self.original,
            transport="raw" if self.transport == "audiosocket" else self.transport,
            audiosocket=self.transport == "audiosocket",
            format=self.format,
            reply=self.reply,
            rate=self.rate,
            record=self.record,
            shared=self.shared,
        )


class CallRequest(_Wish):
    """A call that is asked for."""

    legs: tuple[LegRequest, LegRequest]
    keyterm: Expected = ()
    """Names and terms that are likely to be said by either side, besides those of its leg."""
    record: bool | None = None
    """Whether the call is recorded; its legs may say otherwise. Left out: `record.on`."""
    listen: Order | None = None
    """Vendors that recognise in this call, in the order in which they are asked. Left out: as `listen` in the
    settings. The settings' vendors, with keys: `deepgram`, `deepl`, `elevenlabs`, `openai`, `offline`, and those
    of `vendors`."""
    translate: Order | None = None
    """Likewise."""
    speak: Order | None = None
    """Likewise."""

    def orders(self) -> Orders:
        """The vendors that it names; empty = those of the settings."""
        return Orders(self.listen or (), self.translate or (), self.speak or ())

    def wishes(self) -> tuple[LegWish, LegWish]:
        """For the exchange. Raises `web.HTTPBadRequest` for a leg that could hear nothing, or whose
        settings contradict each other."""
        for number, leg in enumerate(self.legs):
            if leg.play_to is None and not leg.send_from_listen:
                reason = f"legs.{number}.play_to: is needed when send_from_listen is false"
                raise web.HTTPBadRequest(reason=reason)
            if leg.transport != "raw" and leg.rate != 16_000:
                raise web.HTTPBadRequest(reason=f"legs.{number}.{RAW_RATE}")
            if leg.shared and (leg.transport == "audiosocket" or not leg.send_from_listen):
                reason = f"legs.{number}.shared: is for datagrams, both ways through the same port"
                raise web.HTTPBadRequest(reason=reason)
            try:
                must_be_findable(leg.language, leg.candidates, leg.voice)
            except ValueError as error:
                raise web.HTTPBadRequest(reason=f"legs.{number}.{error}") from None
        one, two = (
            replace(
                wish,
                keyterm=joined(self.keyterm, wish.keyterm),
                record=self.record if wish.record is None else wish.record,
            )
            for wish in (leg.wish() for leg in self.legs)
        )
        return one, two


class LegChange(_Wish):
    """What may be changed of a leg while a call runs; what is left out stays."""

    mode: Mode | None = None
    language: Tag | None = None
    volume: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    """Of its ear; 1 = as synthesised."""
    muted: bool | None = None
    """Take what is said on it as silence."""
    original: Original | None = None
    """What its ear hears of the other talker's own voice: `replace` nothing but the translation;
    `duck` it softly under the translation; `consecutive` it first, then the translation; `captions`
    nothing, text only; `through` it alone. No word is lost by a switch."""
    keyterm: Expected | None = None
    """Names and terms that are likely to be said on it from now on, instead of those before."""
    voice_for: VoiceFor | None = None
    """Which voice speaks for its talker from the next segment on: `feminine`, `masculine`, a voice by name, or
    `default`, what it would be without."""
    echo_guard: bool | None = None
    """Whether what its ear hears is kept from coming back through its microphone."""
    record: bool | None = None
    """Whether what is said and heard on it is recorded, from now on and in the calls to come."""


class ModeChange(_Wish):
    """How speech is recognised, for all or for one leg."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["mode"], "properties": {"mode": {"type": "string"}}},
                {"required": ["share"], "properties": {"share": {"type": "number"}}},
            ],
            "not": {"required": ["leg", "share"]},
        }
    )

    mode: Mode | None = None
    leg: str | None = None
    """Left out: for all."""
    share: float | None = Field(None, ge=0, le=1)
    """Of calls that stream in mode `auto`; for all legs only."""

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.mode is None and self.share is None:
            raise ValueError(f"mode should be {', '.join(get_args(Mode))}")
        if self.leg is not None and self.share is not None:
            raise ValueError("share is for all legs; leave out leg, or share")
        return self


class DrainRequest(_Wish):
    """Take no new calls, and end once those that run have ended."""

    limit: float | None = Field(None, ge=0, le=604_800, allow_inf_nan=False)
    """Seconds from now after which running calls are ended; left out: `drain.limit`, or as it was."""
    hand_over: bool = False
    """Another process takes over on this machine: give up every address that no running call needs, the
    admin port, too. The answer's `admin` is where this process answers from then on."""


class EndCall(_Wish):
    """An empty body, or any object."""

    model_config = ConfigDict(extra="ignore")


class Watching(_Wish):
    """What a dashboard says: what it watches from now on."""

    watch: Watch


class Watch(_Wish):
    """What a dashboard has on its screen."""

    calls: tuple[str, ...] = Field((), max_length=200)
    levels: tuple[str, ...] = Field((), max_length=64)
    """Legs."""
    events: Literal["watched", "all", "none"] = "watched"


Watching.model_rebuild()

W = TypeVar("W", bound=BaseModel)


async def requested(request: web.Request, shape: type[W]) -> W:
    """The body as `shape`. Raises the refusal that its sender gets."""
    must_be_json(request)
    return parsed(await request.read(), shape)


def parsed(body: bytes | str, shape: type[W]) -> W:
    """JSON as `shape`. Raises `web.HTTPBadRequest`, with the first thing that is wrong."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise web.HTTPBadRequest(reason="the body should be JSON") from None
        if first["type"] == "model_type" and not first["loc"]:
            raise web.HTTPBadRequest(reason="the body should be a JSON object") from None
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        what = first["msg"].removeprefix("Value error, ")
        reason = "".join(c if c.isprintable() else " " for c in f"{where}: {what}")
        raise web.HTTPBadRequest(reason=reason[:300]) from None
