"""Connections of WebSocket to a real `translink serve`, the other end a client that others wrote, which
says what Asterisk, Twilio and a page say."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.support.serve import Serve, until
from translink._core import BeaconDecoder, Resampler, beacon_encode, ulaw_decode, ulaw_encode
from translink.pbx.opening import twilio_signature

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

LEGS = '[[legs]]\nname = "3333"\nlanguage = "en"\n[[legs]]\nname = "4444"\nlanguage = "fr"\n'
PASSWORD = "a-password-of-tests"
TWILIO_TOKEN = "a-token-of-tests"
PAGE = "https://calls.example.com"


class WebSocketPeer:
    """The far end of a connection: talks in messages of 20 ms, knows what it heard."""

    rate = 16_000
    protocols: tuple[Subprotocol, ...] = (Subprotocol("translink.talk"),)

    def __init__(self, port: int) -> None:
        self.url = f"ws://127.0.0.1:{port}/media/"
        self.heard: list[int] = []
        self.messages: list[dict[str, Any]] = []
        self.sizes: set[int] = set()
        self.ended = asyncio.Event()
        self._decoder = BeaconDecoder()
        self._resampler = Resampler(self.rate, 16_000)

    def headers(self, url: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {PASSWORD}"}

    async def begin(self, place: str) -> WebSocketPeer:
        url = self.url + place
        self._socket = await connect(
            url, subprotocols=self.protocols or None, additional_headers=self.headers(url)
        )
        await self.introduce(self._socket)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def introduce(self, socket: ClientConnection) -> None:
        """What it says first."""

    async def say(self, *words: int) -> None:
        pcm = bytes(self.rate // 5) + b"".join(
            beacon_encode(word, rate=self.rate, amplitude=4000) for word in words
        )
        pcm += bytes(2 * self.rate)
        size = self.rate // 25
        with contextlib.suppress(ConnectionClosed):
            for start in range(0, len(pcm), size):
                await self._socket.send(self.message(pcm[start : start + size]))
                await asyncio.sleep(0.02)

    def message(self, pcm: bytes) -> bytes | str:
        return pcm

    def audio(self, message: bytes | str) -> bytes:
        if isinstance(message, str):
            self.messages.append(json.loads(message))
            return b""
        self.sizes.add(len(message))
        return message

    def has_heard(self, count: int = 1) -> bool:
        return len(self.heard) >= count

    async def send(self, text: str) -> None:
        await self._socket.send(text)

    async def close(self) -> None:
        await self._socket.close()
        self._listening.cancel()

    async def _listen(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._socket:
                pcm = self._resampler.push(self.audio(message))
                self.heard += [number for number, _, _ in self._decoder.push(pcm)]
        self.ended.set()


class AsteriskSocket(WebSocketPeer):
    """`chan_websocket`, in its plain form."""

    protocols = (Subprotocol("media"),)
    rate = 8_000
    format = "slin"

    def headers(self, url: str) -> dict[str, str]:
        shown = base64.b64encode(f"asterisk:{PASSWORD}".encode()).decode()
        return {"Authorization": f"Basic {shown}"}

    async def introduce(self, socket: ClientConnection) -> None:
        await socket.send(
            "MEDIA_START connection_id:b1 channel:WebSocket/x/0x1 channel_id:17.5 "
            f"format:{self.format} optimal_frame_size:320 ptime:20"
        )


class Twilio(WebSocketPeer):
    """Media Streams."""

    protocols = ()
    rate = 8_000

    def headers(self, url: str) -> dict[str, str]:
        # Behind a proxy that ends TLS, as Twilio wants it.
        return {"X-Twilio-Signature": twilio_signature(TWILIO_TOKEN, url.replace("ws:", "wss:"))}

    async def introduce(self, socket: ClientConnection) -> None:
        await socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        start = {
            "streamSid": "MZ1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        }
        await socket.send(json.dumps({"event": "start", "streamSid": "MZ1", "start": start}))

    def message(self, pcm: bytes) -> str:
        payload = base64.b64encode(ulaw_encode(pcm)).decode()
        media = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": payload}
        return json.dumps({"event": "media", "streamSid": "MZ1", "media": media})

    def audio(self, message: bytes | str) -> bytes:
        event = json.loads(message)
        assert event["event"] == "media"
        assert event["streamSid"] == "MZ1"
        ulaw = base64.b64decode(event["media"]["payload"])
        self.sizes.add(len(ulaw))
        return ulaw_decode(ulaw)


def settings(port: int) -> str:
    return (
        f'drain_timeout = 5.0\n[websocket]\nlisten = "127.0.0.1:{port}"\npassword = "{PASSWORD}"\n'
        f'twilio_token = "{TWILIO_TOKEN}"\norigins = ["{PAGE}"]\n'
        f'[websocket.legs]\nfrench = "4444"\n{LEGS}'
    )


async def test_asterisk_and_a_page_hear_each_other_and_the_page_reads_it(
    port: int, talking: Serve
) -> None:
    pbx = await AsteriskSocket(port).begin("3333")
    page = await WebSocketPeer(port).begin("french")
    await asyncio.gather(pbx.say(1, 2, 3), page.say(4, 5, 6))
    await until(lambda: pbx.has_heard(3) and page.has_heard(3), talking.tail, 20.0)
    assert (pbx.heard, page.heard) == ([4, 5, 6], [1, 2, 3])
    assert pbx.sizes == {320}
    kinds = {(each["type"], each.get("of")) for each in page.messages}
    assert {("said", "me"), ("said", "other"), ("translated", "other")} <= kinds
    assert [each["state"] for each in page.messages if each["type"] == "state"][-1] == "talking"
    await pbx.close()
    await asyncio.wait_for(page.ended.wait(), 12.0)
    await talking.idle()
    await page.close()


async def test_two_of_twilio_meet_in_a_call_of_their_own(port: int, talking: Serve) -> None:
    one = await Twilio(port).begin("3333/room")
    two = await Twilio(port).begin("4444/room")
    await asyncio.gather(one.say(11, 12, 13), two.say(14, 15, 16))
    await until(lambda: one.has_heard(3) and two.has_heard(3), talking.tail, 20.0)
    assert (one.heard, two.heard) == ([14, 15, 16], [11, 12, 13])
    assert one.sizes == {160}
    await one.send('{"event":"stop","streamSid":"MZ1","stop":{"callSid":"CA1"}}')
    await asyncio.wait_for(two.ended.wait(), 12.0)
    await talking.idle()
    await one.close()
    await two.close()


async def test_a_page_can_mute_itself_and_nobody_after_it(port: int, talking: Serve) -> None:
    page = await WebSocketPeer(port).begin("3333")
    other = await WebSocketPeer(port).begin("4444")
    for message in ("nonsense", "[]", '{"muted": true}', '{"language": "tlh"}', "x" * 600):
        await page.send(message)

    async def is_muted() -> bool:
        return bool((await talking.get("/api/legs/3333"))["muted"])

    end = asyncio.get_running_loop().time() + 10.0
    while not await is_muted():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.05)
    assert (await talking.leg("3333"))["drops_text"] == 1
    assert (await talking.get("/api/legs/3333"))["language"] == "en"
    await page.close()  # as a tab is: it says nothing more
    await asyncio.wait_for(other.ended.wait(), 12.0)
    await talking.idle()
    assert not await is_muted()
    await other.close()


async def status(url: str, **more: Any) -> int:
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, **more)
    return refused.value.response.status_code


async def test_who_may_not_is_refused_and_named(port: int, talking: Serve) -> None:
    url = f"ws://127.0.0.1:{port}/media/"
    shown = {"Authorization": f"Bearer {PASSWORD}"}
    talk = [Subprotocol("translink.talk")]
    assert await status(url + "5555", additional_headers=shown) == 404
    await until(lambda: talking.lines("no leg 5555"), talking.tail)
    assert await status(url + "3333", subprotocols=talk) == 401
    assert await status(url + "3333", additional_headers={"Authorization": "Basic YTpi"}) == 401
    assert await status(url + "3333", additional_headers={"X-Twilio-Signature": "a"}) == 401
    assert await status(url.replace("media", "a") + "3333", additional_headers=shown) == 404
    other = Origin("https://elsewhere.example.com")
    assert await status(url + "3333", additional_headers=shown, origin=other) == 403
    odd = [Subprotocol("odd")]
    assert await status(url + "3333", additional_headers=shown, subprotocols=odd) == 400
    async with connect(
        url + "3333", additional_headers=shown, origin=Origin(PAGE), subprotocols=talk
    ):
        assert await status(url + "3333", additional_headers=shown) == 503
    # The log is not for strangers to fill: five lines of a kind a minute.
    assert len(talking.lines("WebSocket refused")) <= 5
    assert not talking.lines(PASSWORD)
    await talking.idle()


async def test_what_is_no_websocket_or_says_nothing_is_hung_up(port: int, talking: Serve) -> None:
    for said in (b"\x01\x00\x10", b"GET /media/3333 HTTP/1.1\r\n\r\n", b"A" * 20_000, b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        with contextlib.suppress(ConnectionResetError):
            assert b" 101 " not in await asyncio.wait_for(reader.read(), 10.0)
        writer.close()


async def test_a_format_that_is_not_understood_is_named_and_hung_up(
    port: int, talking: Serve
) -> None:
    class Opus(AsteriskSocket):
        format = "opus"

    pbx = await Opus(port).begin("3333")
    await asyncio.wait_for(pbx.ended.wait(), 10.0)
    await until(lambda: talking.lines("format=opus"), talking.tail)
    await pbx.close()
    await talking.idle()
