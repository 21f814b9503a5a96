"""What clients may ask for in a request's body, checked before anybody acts on it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from translink.admin.answers import json_object
from translink.exchange import LegWish
from translink.setting_types import AddressSetting, Language, Source
from translink.settings import LEG_NAME, Mode

Name = Annotated[str, Field(pattern=LEG_NAME)]


class _Wish(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LegRequest(_Wish):
    """One side of a call that is asked for."""

    language: Language = Field(max_length=35)
    """What is spoken and heard there, as in `en`, `pt-BR`."""
    name: Name | None = None
    """Left out: one is made."""
    play_to: AddressSetting | None = None
    """Where its ear is; left out: where its datagrams come from."""
    send_from_listen: bool = True
    """Send from the port that it sends to. Otherwise `play_to` is needed, and `audio_from` is not
    known beforehand."""
    source: Source | None = None
    """Whose datagrams count: `ip` or `ip:port`. Left out: the first that comes."""
    voice: str | None = Field(None, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
    """Which speaks to it."""


class CallRequest(_Wish):
    """A call that is asked for."""

    legs: tuple[LegRequest, LegRequest]

    def wishes(self) -> tuple[LegWish, LegWish]:
        """For the exchange. Raises `web.HTTPBadRequest` for a leg that could hear nothing."""
        for number, leg in enumerate(self.legs):
            if leg.play_to is None and not leg.send_from_listen:
                reason = f"legs.{number}.play_to: is needed when send_from_listen is false"
                raise web.HTTPBadRequest(reason=reason)
        one, two = (LegWish(**{**dict(leg)}) for leg in self.legs)
        return one, two


class LegChange(_Wish):
    """What may be changed of a leg while a call runs; what is left out stays."""

    mode: Mode | None = None
    language: Language | None = Field(None, max_length=35)
    volume: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    """Of its ear; 1 = as synthesised."""
    muted: bool | None = None
    """Take what is said on it as silence."""


class ModeChange(_Wish):
    """How speech is recognised, for all or for one leg."""

    mode: Mode | None = None
    leg: str | None = None
    """Left out: for all."""
    share: float | None = Field(None, ge=0, le=1)
    """Of calls that stream in mode `auto`; for all legs only."""


class EndCall(_Wish):
    """Nothing need be said."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Watch(_Wish):
    """What a dashboard has on its screen."""

    calls: tuple[str, ...] = Field((), max_length=200)
    levels: tuple[str, ...] = Field((), max_length=64)
    """Legs."""
    events: Literal["watched", "all", "none"] = "watched"


W = TypeVar("W", bound=BaseModel)


async def wish(request: web.Request, shape: type[W]) -> W:
    """The body as `shape`. Raises the refusal that its sender gets."""
    return parsed(await json_object(request), shape)


def parsed(value: object, shape: type[W]) -> W:
    """Raises `web.HTTPBadRequest`, with the first thing that is wrong."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        what = first["msg"].removeprefix("Value error, ")
        reason = "".join(c if c.isprintable() else " " for c in f"{where}: {what}")
        raise web.HTTPBadRequest(reason=reason[:300]) from None
