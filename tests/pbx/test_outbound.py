"""Asterisk connects to us: who may, what is asked over the socket, what becomes of it when it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest
import structlog

from tests.support.board import Board, FakeLeg
from tests.support.serve import until
from translink.pbx.controller import Controller
from translink.pbx.line import Medium, Place, Unavailable
from translink.pbx.outbound import AriListener
from translink.pbx.service import Telephony
from translink.settings.legs import LegSettings
from translink.settings.model import Settings
from translink.settings.types import Address

if TYPE_CHECKING:
    from translink.media import Media

USER, PASSWORD = "translink", "a-password-of-tests"


class NoReception:
    """A reception without a leg."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def seize(self, leg: str, call_id: str, hang_up: Callable[[], None]) -> tuple[Place, Medium]:
        raise Unavailable("no such leg", busy=False)

    def seize_pair(
        self,
        name: str,
        languages: tuple[str, str],
        hang_ups: tuple[Callable[[], None], ...],
        orders: Mapping[str, tuple[str, ...]],
    ) -> tuple[tuple[Place, Medium], tuple[Place, Medium]]:
        raise Unavailable("no such leg", busy=False)

    def report(self, what: str, **details: str) -> None:
        self.log.append(what)


class FarEnd:
    """Asterisk's end of the socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.asked: list[dict[str, Any]] = []
        self.ended = False
        self._reading = asyncio.create_task(self._read())

    async def answer(self, request: Mapping[str, Any], status: int, body: object) -> None:
        frame = {
            "type": "RESTResponse",
            "transaction_id": request["transaction_id"],
            "request_id": request["request_id"],
            "status_code": status,
            "reason_phrase": "",
            "uri": request["uri"],
            "message_body": json.dumps(body),
        }
        await self.socket.send_str(json.dumps(frame))

    async def tell(self, kind: str, channel: str, **more: object) -> None:
        event = {"type": kind, "channel": {"id": channel, "state": "Ring"}, **more}
        await self.socket.send_str(json.dumps(event))

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.asked.append(json.loads(message.data))
        self.ended = True

    def paths(self) -> list[str]:
        return [f"{each['method']} {each['uri']}" for each in self.asked]


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[tuple[AriListener, NoReception]]:
    reception = NoReception()
    listener = AriListener(
        Address("127.0.0.1", 0), USER, PASSWORD, Controller("translink", "aaaa", reception)
    )
    await listener.start()
    try:
        yield listener, reception
    finally:
        await listener.close()


@contextlib.asynccontextmanager
async def connected(listener: AriListener) -> AsyncIterator[FarEnd]:
    auth = {"Authorization": aiohttp.encode_basic_auth(USER, PASSWORD)}
    url = f"ws://127.0.0.1:{listener.address[1]}/ari"
    async with (
        aiohttp.ClientSession(headers=auth) as http,
        http.ws_connect(url, protocols=("ari",)) as socket,
    ):
        assert socket.protocol == "ari"
        yield FarEnd(socket)


CENSUS = ["GET applications/translink", "GET bridges", "GET channels"]


async def test_what_is_asked_and_answered_goes_over_the_socket_of_the_events() -> None:
    async with listening() as (listener, reception), connected(listener) as far:
        await until(lambda: len(far.asked) == 3)
        assert sorted(far.paths()) == CENSUS
        await far.tell("StasisStart", "a", args=["3333"])
        await until(lambda: len(far.asked) == 4)
        assert far.paths()[3].startswith("DELETE channels/a?reason_code=")
        assert reception.log == ["caller refused"]
        for request in far.asked:
            await far.answer(request, 200, [])
        await until(lambda: listener.controller.idle)


@pytest.mark.parametrize("given", [None, "wrong"])
async def test_who_does_not_know_the_password_is_refused(given: str | None) -> None:
    async with listening() as (listener, _), aiohttp.ClientSession() as http:
        headers = {"Authorization": aiohttp.encode_basic_auth(USER, given)} if given else {}
        url = f"ws://127.0.0.1:{listener.address[1]}/ari"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(url, headers=headers)
        assert refused.value.status == 401
        assert not listener.connected


async def test_a_password_that_is_no_text_is_refused_as_every_wrong_one() -> None:
    async with listening() as (listener, _):
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(b"GET /ari HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \xff\r\n\r\n")
        assert b" 401 " in await asyncio.wait_for(reader.readline(), 10.0)
        writer.close()
        await writer.wait_closed()


async def test_what_was_asked_of_a_socket_that_breaks_was_not_answered() -> None:
    async with listening() as (listener, _):
        async with connected(listener) as far:
            await until(lambda: len(far.asked) == 3)
            assert not listener.controller.idle
        await until(lambda: listener.controller.idle and not listener.connected)


async def test_a_second_connection_takes_the_place_of_the_first() -> None:
    async with listening() as (listener, _), connected(listener) as first:
        await until(lambda: len(first.asked) == 3)
        async with connected(listener) as second:
            await until(lambda: first.ended and len(second.asked) == 3)
            assert listener.connected
            await second.socket.send_str("no JSON")
            await second.tell("StasisStart", "a", args=["3333"])
            await until(lambda: len(second.asked) == 4)


class OpenedLeg(FakeLeg):
    """What Asterisk brings the audio of."""

    def __init__(self, settings: LegSettings) -> None:
        super().__init__()
        self.name, self.shares = settings.name, settings.shared

    def set_play_to(self, address: object) -> None:
        pass

    def forget_source(self) -> None:
        pass

    def hang_up(self) -> None:
        pass


@contextlib.asynccontextmanager
async def answering(
    ari: Mapping[str, str], **more: object
) -> AsyncIterator[tuple[Telephony, FarEnd, list[LegSettings]]]:
    """Everything but sockets for audio, with legs 1 to 4; and the settings of each leg that is opened."""
    given: dict[str, object] = {
        "ari": {"listen": "127.0.0.1:0", "user": USER, "password": PASSWORD, **ari},
        "legs": [{"name": name, "language": "en"} for name in "1234"],
        **more,
    }
    opened: list[LegSettings] = []

    def add_leg(settings: LegSettings) -> OpenedLeg:
        opened.append(settings)
        return OpenedLeg(settings)

    board = Board(**given)
    media = cast("Media", SimpleNamespace(add_leg=add_leg))
    speak = board.providers.speak
    telephony = Telephony(
        Settings.model_validate(given), board.switchboard, media, board.journal, speak
    )
    await telephony.start()
    listener = telephony.client
    assert isinstance(listener, AriListener)
    try:
        async with connected(listener) as far:
            await until(lambda: len(far.asked) == len(CENSUS))
            yield telephony, far, opened
    finally:
        await telephony.close()
        await board.switchboard.close("test over")


async def test_those_waiting_alone_or_ringing_are_hung_up_when_no_more_calls_begin() -> None:
    async with answering({}) as (telephony, far, _):
        await far.tell("StasisStart", "waits", args=["1", "room"])
        await far.tell("StasisStart", "rings", args=["dial", "PJSIP/bob", "en", "fr"])
        await until(lambda: "POST channels/rings/ring" in far.paths())
        telephony.send_away()
        assert telephony.controller is not None
        assert not telephony.controller.take(), "all is asked now, and not when something happens"
        callers = ("waits", "rings")
        gone = tuple(f"DELETE channels/{caller}?reason_code=" for caller in callers)
        await until(lambda: sum(path.startswith(gone) for path in far.paths()) == len(callers))
        assert not telephony.controller.lines


async def test_a_dialled_call_uses_the_shared_port_as_every_other() -> None:
    shared = {"listen": "127.0.0.1:7000"}
    async with answering({}, shared_port=shared) as (_, far, opened):
        await far.tell("StasisStart", "a", args=["dial", "PJSIP/bob", "en", "fr"])
        await until(lambda: len(opened) == 2)
        assert [leg.shared for leg in opened] == [True, True]


async def test_an_asterisk_that_would_send_the_audio_to_itself_is_warned_of_at_the_start() -> None:
    given: dict[str, object] = {
        "ari": {"url": "http://192.0.2.9:8088", "password": PASSWORD},
        "legs": [{"name": name, "language": "en"} for name in "1234"],
    }
    board = Board(**given)
    media = cast("Media", SimpleNamespace(add_leg=OpenedLeg))
    speak = board.providers.speak
    telephony = Telephony(
        Settings.model_validate(given), board.switchboard, media, board.journal, speak
    )
    with structlog.testing.capture_logs() as lines:
        await telephony.start(asyncio.Event())  # and not yet to Asterisk
    await telephony.close()
    await board.switchboard.close("test over")
    (line,) = (line for line in lines if line["log_level"] == "warning")
    assert "HEARS ITSELF: 127.0.0.1" in line["reason"]


async def test_asterisk_is_never_told_to_bring_the_audio_to_every_address() -> None:
    ari = {"media": "audiosocket", "host": "192.0.2.7"}
    async with answering(ari, audiosocket={"listen": "0.0.0.0:0"}) as (telephony, far, _):
        await far.tell("StasisStart", "a", args=["1", "room"])
        await until(lambda: "POST channels/externalMedia" in far.paths())
        (asked,) = (each for each in far.asked if each["uri"] == "channels/externalMedia")
        query = {each["name"]: each["value"] for each in asked["query_strings"]}
        assert telephony.connections is not None
        assert query["external_host"] == f"192.0.2.7:{telephony.connections.address[1]}"
