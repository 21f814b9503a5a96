"""The WebSocket driver against a scripted server on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.http11 import Request, Response
from websockets.utils import accept_key

from tests.fakes import scenarios
from tests.fakes.listen import Peer, fake_listen, plain
from tests.fakes.web import raw_server, read_request
from tests.support.paths import SHARED, needs_shared
from translink import trust
from translink._core import websocket_message
from translink.errors import Kind, ProviderError
from translink.providers.deepgram.live import DeepgramLive, DeepgramStream
from translink.providers.deepgram.options import ListenOptions
from translink.providers.deepgram.protocol import Listen
from translink.results import Result, StreamEvent, StreamMetadata

KEY = "dg-key-0123456789abcdef"
FRAME = b"\x01\x00" * 320
METADATA = '{"type":"Metadata","request_id":"req-1","duration":1.0}'


def results(text: str, *, final: bool = True) -> str:
    return json.dumps(
        {
            "type": "Results",
            "start": 0.0,
            "duration": 1.0,
            "is_final": final,
            "channel": {"alternatives": [{"transcript": text, "words": []}]},
        }
    )


def transcriber(url: str, *, connect_timeout: float = 2.0, keep_alive: float = 4.0) -> DeepgramLive:
    return DeepgramLive(
        base_url=url, api_key=KEY, connect_timeout=connect_timeout, keep_alive=keep_alive
    )


HEADER_NAMES = st.sampled_from(
    b"Upgrade Connection Sec-WebSocket-Accept Sec-WebSocket-Protocol Sec-WebSocket-Extensions "
    b"Location Content-Length Transfer-Encoding dg-error Retry-After".split()
)
HEADER_VALUES = st.sampled_from(
    b"websocket Upgrade <right> chunked 3 -1 \xff\xfe permessage-deflate http://[ //h:99999/ "
    b"http://user@:0/?# 99999999999999999999999999".split()
) | st.binary(max_size=12).filter(lambda value: not set(value) & set(b"\r\n\0"))


async def read(stream: DeepgramStream) -> list[StreamEvent]:
    return [event async for event in stream]


async def obedient(peer: Peer) -> None:
    """Answers CloseStream as Deepgram does."""
    await peer.until(lambda p: '{"type":"CloseStream"}' in p.texts)
    await peer.websocket.send(results("Au revoir."))
    await peer.websocket.send(METADATA)
    await peer.websocket.close(1000)


async def test_a_stream_is_opened_with_the_options_and_the_key_and_ends_when_asked() -> None:
    async with fake_listen(obedient) as server:
        stream = await transcriber(server.url).connect("fr")
        reader = asyncio.create_task(read(stream))
        for _ in range(5):
            await stream.send(FRAME)
        await stream.finalize()
        await stream.close()
        final, metadata = await reader
        assert isinstance(final, Result)
        assert final.text == "Au revoir."
        assert abs(final.received - time.monotonic()) < 5
        assert metadata == StreamMetadata("req-1", 1.0)
        (peer,) = server.peers
        assert peer.received == [FRAME] * 5 + ['{"type":"Finalize"}', '{"type":"CloseStream"}']
        assert (stream.frames_sent, stream.bytes_sent) == (5, 3200)
        assert stream.request_id == "req-1"
        (request,) = server.requests
        assert request.path.startswith("/v1/listen?model=nova-3&encoding=linear16")
        assert request.path.endswith("&language=fr")
        assert request.headers["Authorization"] == f"Token {KEY}"
        assert request.headers["User-Agent"].startswith("translink/")
        assert "Sec-WebSocket-Extensions" not in request.headers


async def test_what_is_sent_without_waiting_keeps_its_place_among_the_rest() -> None:
    async with fake_listen(obedient) as server:
        stream = await transcriber(server.url).connect("en")
        reader = asyncio.create_task(read(stream))
        frames = [bytes([number, 0]) * 320 for number in range(30)]
        for number, frame in enumerate(frames):
            if number % 3:
                assert stream.send_now(frame)
            else:
                await stream.send(frame)
            if number % 10 == 9:
                await stream.finalize()
        await stream.close()
        await reader
        (peer,) = server.peers
        assert peer.audio == b"".join(frames)
        final = '{"type":"Finalize"}'
        assert [at for at, message in enumerate(peer.received) if message == final] == [10, 21, 32]
        assert (stream.frames_sent, stream.bytes_sent) == (30, 30 * 640)


async def test_each_message_that_is_sent_without_waiting_has_a_mask_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    masks: list[bytes] = []

    def masked(payload: bytes, mask: bytes) -> bytes:
        masks.append(mask)
        return websocket_message(payload, mask)

    monkeypatch.setattr("translink.providers.deepgram.live.websocket_message", masked)
    async with fake_listen(obedient) as server:
        stream = await transcriber(server.url).connect("en")
        reader = asyncio.create_task(read(stream))
        for size in (640, 1280, 125, 126, 70_000):
            assert stream.send_now(bytes(size))
        await stream.close()
        await reader
        sizes = [len(each) for each in server.peers[0].received if isinstance(each, bytes)]
        assert sizes == [640, 1280, 125, 126, 70_000]
    assert len(set(masks)) == len(sizes)
    assert {len(mask) for mask in masks} == {4}


async def test_nothing_is_sent_without_waiting_into_a_stream_that_is_over() -> None:
    async def over(peer: Peer) -> None:
        await peer.until(lambda p: len(p.received) > 0)
        await peer.websocket.send(METADATA)

    async with fake_listen(over) as server:
        for end in ("metadata", "abort", "close"):
            stream = await transcriber(server.url).connect("en")
            assert stream.send_now(FRAME)
            if end == "metadata":
                assert isinstance(await anext(aiter(stream)), StreamMetadata)
            elif end == "abort":
                stream.abort()
            else:
                closing = asyncio.create_task(stream.close(wait=0.05))
                await asyncio.sleep(0)
                assert not stream.send_now(FRAME)
                await closing
            assert not stream.send_now(FRAME)
            assert stream.frames_sent == 1
            stream.abort()


async def test_a_jwt_goes_as_bearer() -> None:
    async with fake_listen() as server:
        live = DeepgramLive(
            base_url=server.url, api_key="a.jwt.b", scheme="Bearer", options=ListenOptions()
        )
        stream = await live.connect("en")
        stream.abort()
        assert server.requests[0].headers["Authorization"] == "Bearer a.jwt.b"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate")
    path = tmp_path / "certificate.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, *names, "-keyout", path, "-out", tmp_path / "c"], check=True, stderr=-3)
    path.write_text(path.read_text() + (tmp_path / "c").read_text())
    return path


async def test_an_https_base_url_is_spoken_to_with_tls_and_a_stranger_is_not(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with fake_listen(obedient, ssl=context) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(ProviderError, match="connect failed"):
            await transcriber(url).connect("en")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        monkeypatch.setattr(trust, "_context", None)  # it is read once
        stream = await transcriber(url).connect("en")
        reader = asyncio.create_task(read(stream))
        await stream.send(FRAME)
        await stream.close()
        assert len(await reader) == 2
        assert server.peers[-1].audio == FRAME


async def test_results_come_while_audio_goes() -> None:
    async def echo(peer: Peer) -> None:
        for number in range(3):
            await peer.until(lambda p, n=number: len(p.received) > n)  # type: ignore[misc]
            await peer.websocket.send(results(str(number), final=False))

    async with fake_listen(echo) as server:
        stream = await transcriber(server.url).connect("en")
        events = aiter(stream)
        for number in range(3):
            await stream.send(FRAME)
            event = await anext(events)
            assert isinstance(event, Result)
            assert event.text == str(number)
        stream.abort()


async def test_keep_alive_is_text_and_comes_without_audio() -> None:
    async with fake_listen() as server:
        stream = await transcriber(server.url, keep_alive=0.05).connect("en")
        await server.connected.wait()
        (peer,) = server.peers
        await asyncio.wait_for(peer.until(lambda p: len(p.texts) >= 3), 5)
        assert peer.received[:2] == [bytes(640), '{"type":"KeepAlive"}']
        assert peer.audio == bytes(640)
        assert stream.protocol.silence_sent == 320
        assert stream.frames_sent == 0
        stream.abort()


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (1011, "See https://dpgr.am/net0001", Kind.TRANSIENT),
        (1008, "DATA-0000", Kind.REFUSED),
        (1012, "", Kind.TRANSIENT),
        (1000, "", Kind.TRANSIENT),
        (4001, "odd", Kind.TRANSIENT),
    ],
)
async def test_a_close_by_the_server_reaches_reader_and_sender(
    code: int, reason: str, kind: Kind
) -> None:
    async def hang_up(peer: Peer) -> None:
        await peer.websocket.send(results("Oui."))
        await peer.websocket.close(code, reason)

    async with fake_listen(hang_up) as server:
        stream = await transcriber(server.url).connect("en")
        events: list[StreamEvent] = []
        with pytest.raises(ProviderError) as caught:  # noqa: PT012
            async for event in stream:
                events.append(event)  # noqa: PERF401 - what came before the error counts
        assert [event.text for event in events if isinstance(event, Result)] == ["Oui."]
        assert (caught.value.kind, caught.value.status) == (kind, code)
        assert caught.value.request_id == "req-1"
        with pytest.raises(ProviderError) as sent:
            await stream.send(FRAME)
        assert sent.value.kind is kind


async def test_a_reset_is_transient() -> None:
    async def reset(peer: Peer) -> None:
        sock = peer.websocket.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        peer.websocket.transport.abort()

    async with fake_listen(reset) as server:
        stream = await transcriber(server.url).connect("en")
        with pytest.raises(ProviderError) as caught:
            await read(stream)
        assert (caught.value.kind, caught.value.status) == (Kind.TRANSIENT, None)


async def test_after_metadata_audio_is_refused_though_no_close_follows() -> None:
    """What is sent meanwhile would be lost."""

    async def over(peer: Peer) -> None:
        await peer.websocket.send(METADATA)

    async with fake_listen(over) as server:
        stream = await transcriber(server.url).connect("en")
        assert isinstance(await anext(aiter(stream)), StreamMetadata)
        with pytest.raises(ProviderError) as caught:
            await stream.send(FRAME)
        assert caught.value.kind is Kind.TRANSIENT
        stream.abort()


@pytest.mark.parametrize(
    ("code", "name", "kind"),
    [(1011, "NET-0000", Kind.TRANSIENT), (1008, "DATA-0000", Kind.REFUSED)],
)
async def test_a_close_that_follows_metadata_tells_the_sender_why(
    code: int, name: str, kind: Kind
) -> None:
    async def over(peer: Peer) -> None:
        await peer.websocket.send(METADATA)
        await asyncio.sleep(0.025)
        page = name.lower().replace("-", "")
        await peer.websocket.close(code, f"It went wrong. See https://dpgr.am/{page}")

    async with fake_listen(over) as server:
        stream = await transcriber(server.url).connect("en")
        assert isinstance(await anext(aiter(stream)), StreamMetadata)
        with pytest.raises(ProviderError, match=name) as caught:
            await stream.send(FRAME)
        assert (caught.value.kind, caught.value.status) == (kind, code)
        stream.abort()


async def test_a_close_tells_the_sender_why_before_the_connection_is_gone() -> None:
    async def linger(peer: Peer) -> None:
        peer.websocket.transport.pause_reading()  # our own close is never read
        peer.websocket.transport.write(b"\x88\x02\x03\xf3")

    async with fake_listen(linger, read=False) as server:
        stream = await transcriber(server.url).connect("en")
        with pytest.raises(ProviderError) as caught:  # noqa: PT012
            for _ in range(500):
                await stream.send(FRAME)
                await asyncio.sleep(0.01)
        assert caught.value.status == 1011
        stream.abort()


async def test_a_close_that_is_not_answered_is_bounded_and_reported() -> None:
    async with fake_listen() as server:
        stream = await transcriber(server.url).connect("en")
        reader = asyncio.create_task(read(stream))
        begun = time.monotonic()
        await stream.close(wait=0.1)
        assert time.monotonic() - begun < 10
        with pytest.raises(ProviderError, match="not answered") as caught:
            await reader
        assert caught.value.kind is Kind.TRANSIENT


async def test_an_abort_ends_the_reader_at_once() -> None:
    async with fake_listen() as server:
        stream = await transcriber(server.url).connect("en")
        reader = asyncio.create_task(read(stream))
        await asyncio.sleep(0)
        stream.abort()
        stream.abort()
        with pytest.raises(ProviderError, match="aborted here"):
            await asyncio.wait_for(reader, 1)
        with pytest.raises(ProviderError):
            await stream.send(FRAME)
        await stream.close()


async def test_a_peer_that_stops_reading_blocks_the_sender_within_seconds_of_audio() -> None:
    """So that a bound on `send` takes effect; without the small buffers it would be minutes."""

    async def deaf(peer: Peer) -> None:
        peer.websocket.transport.pause_reading()

    async with fake_listen(deaf, read=False) as server:
        stream = await transcriber(server.url).connect("en")
        server.peers[0].websocket.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, 4096
        )
        await asyncio.sleep(0.05)
        sent = 0
        with pytest.raises(TimeoutError):  # noqa: PT012
            while sent < 20 * 32_000:  # 20 s; without them it is megabytes
                async with asyncio.timeout(0.3):
                    if not stream.send_now(FRAME):
                        await stream.send(FRAME)
                sent += len(FRAME)
        assert not stream.send_now(FRAME)
        print(f"blocked after {sent / 32_000:.1f} s of audio")
        begun = time.monotonic()
        stream.abort()
        assert time.monotonic() - begun < 5


async def test_a_keep_alive_that_fails_surfaces_at_the_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(self: Listen, now: float) -> None:
        raise ArithmeticError("bug")

    monkeypatch.setattr(Listen, "tick", broken)
    async with fake_listen() as server:
        stream = await transcriber(server.url, keep_alive=0.01).connect("en")
        with pytest.raises(ProviderError, match="keep-alive failed: ArithmeticError"):
            await asyncio.wait_for(read(stream), 2)


async def test_garbage_and_unknown_messages_do_not_end_the_stream() -> None:
    async def babble(peer: Peer) -> None:
        await peer.websocket.send("{")
        await peer.websocket.send(b"\xff\xfe\x00")
        await peer.websocket.send(b"\xff\xfe", text=True)
        await peer.websocket.send('{"type":"SomethingNew"}')
        await peer.websocket.send(results("Oui."))
        await obedient(peer)

    async with fake_listen(babble) as server:
        stream = await transcriber(server.url).connect("en")
        reader = asyncio.create_task(read(stream))
        await stream.send(FRAME)
        await stream.close()
        texts = [event.text for event in await reader if isinstance(event, Result)]
        assert texts == ["Oui.", "Au revoir."]
        assert (stream.protocol.malformed, stream.protocol.unknown) == (3, 1)


async def test_bytes_that_are_no_websocket_are_transient() -> None:
    async def garble(peer: Peer) -> None:
        peer.websocket.transport.write(b"\xff\xff\xff\xff not a frame")

    async with fake_listen(garble) as server:
        stream = await transcriber(server.url).connect("en")
        with pytest.raises(ProviderError) as caught:
            await read(stream)
        assert caught.value.kind is Kind.TRANSIENT


class TestHandshake:
    async def refused(self, response: Response) -> ProviderError:
        def refuse(request: Request) -> Response:
            return response

        async with fake_listen(refuse=refuse) as server:
            with pytest.raises(ProviderError) as caught:
                await transcriber(server.url).connect("en")
            assert not server.peers
            return caught.value

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, Kind.REFUSED),
            (401, Kind.DENIED),
            (402, Kind.DENIED),
            (403, Kind.DENIED),
            (408, Kind.TRANSIENT),
            (429, Kind.BUSY),
            (500, Kind.TRANSIENT),
            (503, Kind.TRANSIENT),
        ],
    )
    async def test_a_status_decides_the_class(self, status: int, kind: Kind) -> None:
        error = await self.refused(plain(status, {"dg-error": "Sorry.", "Retry-After": "7"}, b""))
        assert (error.kind, error.status, error.retry_after) == (kind, status, 7.0)
        assert "Sorry." in str(error)

    @needs_shared
    async def test_the_documented_refusals_are_distinguished(self) -> None:
        path = SHARED / "protocols/data/derived/scenarios/deepgram-handshake-errors.json"
        table = json.loads(path.read_text())["responses"]
        kinds = []
        for row in table:
            body = json.dumps(row["body"]).encode()
            error = await self.refused(plain(row["status"], row["headers"], body))
            kinds.append(error.kind.value)
            assert error.request_id == row["headers"]["dg-request-id"]
            assert row["body"]["err_msg"] in str(error)
        assert kinds == ["refused", *["denied"] * 4, "busy", "transient"]

    async def test_a_key_that_the_server_echoes_is_struck_out(self) -> None:
        body = json.dumps({"err_msg": f"bad {KEY} at https://x/v1/listen?token={KEY}"}).encode()
        error = await self.refused(plain(401, {}, body))
        assert KEY not in str(error)
        assert "token" not in str(error)

    async def test_a_refused_connection_is_transient(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            with pytest.raises(ProviderError) as caught:
                await transcriber(url).connect("en")
        assert caught.value.kind is Kind.TRANSIENT

    async def test_a_handshake_without_an_answer_is_bounded(self) -> None:
        async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await reader.read()

        async with raw_server(silent) as url:
            begun = time.monotonic()
            with pytest.raises(ProviderError, match="timed out") as caught:
                await transcriber(url, connect_timeout=0.1).connect("en")
            assert time.monotonic() - begun < 10
            assert caught.value.kind is Kind.TRANSIENT

    @pytest.mark.parametrize("answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
    async def test_an_answer_that_is_none_is_reported(self, answer: bytes) -> None:
        async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(answer)
            await writer.drain()

        async with raw_server(odd) as url:
            with pytest.raises(ProviderError):
                await transcriber(url).connect("en")

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_no_redirect_is_followed(self, status: int) -> None:
        async with fake_listen() as elsewhere:
            for location in (elsewhere.url.replace("http", "ws"), "/v1/listen", "wss:// odd", ""):
                error = await self.refused(plain(status, {"Location": location}, b""))
                assert error.status == status
            assert not elsewhere.requests

    @settings(deadline=None, max_examples=150)
    @given(
        status=st.sampled_from(
            [b"101 Switching Protocols", b"200 OK", b"302 Found", b"404 x", b"-1 "]
        ),
        headers=st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=6),
        body=st.binary(max_size=40),
        cut=st.integers(0, 400),
    )
    def test_whatever_a_server_answers_is_a_stream_or_a_provider_error(
        self, status: bytes, headers: list[tuple[bytes, bytes]], body: bytes, cut: int
    ) -> None:
        async def odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = await reader.readuntil(b"\r\n\r\n")
            key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
            said = b"HTTP/1.1 " + status + b"\r\n"
            for name, value in headers:
                value = accept_key(key.decode()).encode() if value == b"<right>" else value
                said += name + b": " + value + b"\r\n"
            writer.write((said + b"\r\n" + body)[: cut if cut < 300 else None])
            await writer.drain()
            writer.close()

        async def connect() -> None:
            async with raw_server(odd) as url:
                try:
                    stream = await transcriber(url, connect_timeout=1.0).connect("en")
                    await read(stream)
                except ProviderError:
                    pass
                else:
                    stream.abort()

        asyncio.run(connect())

    async def test_a_cancelled_connect_leaves_nothing_behind(self) -> None:
        came, gone = asyncio.Event(), asyncio.Event()

        async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await read_request(reader)
            came.set()
            await reader.read()
            gone.set()

        async with raw_server(silent) as url:
            connecting = asyncio.create_task(transcriber(url).connect("en"))
            await asyncio.wait_for(came.wait(), 20)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            await asyncio.wait_for(gone.wait(), 20)


async def test_no_key_is_logged_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with fake_listen(obedient) as server:
        stream = await transcriber(server.url).connect("en")
        reader = asyncio.create_task(read(stream))
        await stream.close()
        await reader
    ours = [r for r in caplog.records if not r.name.startswith("websockets.server")]
    assert KEY not in "\n".join(record.getMessage() for record in ours)


@needs_shared
@pytest.mark.parametrize("name", scenarios.names(SHARED))
async def test_a_scripted_scenario_plays_through_the_socket(name: str) -> None:
    """Order as in the script, without its pauses: the server waits for what the client does."""
    scenario = scenarios.load(SHARED, name)
    said = [step for step in scenario.steps if not step.by_client]

    async def play(peer: Peer) -> None:
        before = 0
        for step in scenario.steps:
            if step.by_client:
                before += step.kind == "text" or bool(step.binary)
                continue
            await peer.until(lambda p, n=before: len(p.received) >= n)  # type: ignore[misc]
            if step.kind == "text":
                await peer.websocket.send(json.dumps(step.message))
            else:
                await peer.websocket.close(step.code, step.reason)

    async with fake_listen(play) as server:
        stream = await transcriber(server.url).connect("fr")
        events: list[StreamEvent] = []
        failure: ProviderError | None = None

        async def reading() -> None:
            nonlocal failure
            try:
                async for event in stream:
                    events.append(event)  # noqa: PERF401 - what came before the error counts
            except ProviderError as error:
                failure = error

        reader = asyncio.create_task(reading())
        for step in scenario.steps:
            if not step.by_client:
                continue
            try:
                if step.kind == "binary":
                    await stream.send(step.binary)
                elif step.message == {"type": "Finalize"}:
                    await stream.finalize()
                else:
                    await stream.close()
            except ProviderError:
                break
        messages = [step for step in said if step.kind == "text"]
        if said and said[-1].kind == "close":
            await asyncio.wait_for(reader, 5)
            assert (failure is None) == (name == "close_stream")
        else:
            async with asyncio.timeout(5):
                while stream.protocol.unknown + len(events) < len(messages):  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            stream.abort()
            await reader
        assert len(events) + stream.protocol.unknown == len(messages)


async def configurable(peer: Peer) -> None:
    """Answers each Configure: refuses the word "no"."""
    done = 0
    while True:
        await peer.until(lambda p: len(p.texts) > done)  # noqa: B023
        message = json.loads(peer.texts[done])
        done += 1
        if message["type"] == "Configure":
            kind = "ConfigureFailure" if "no" in message["keyterms"] else "ConfigureSuccess"
            await peer.websocket.send(json.dumps({"type": kind, "code": "NO"}))
        elif message["type"] == "CloseStream":
            await peer.websocket.send(METADATA)
            await peer.websocket.close(1000)
            return


async def test_an_open_stream_is_sent_key_terms_with_those_of_all_and_says_what_came_of_it() -> (
    None
):
    async with fake_listen(configurable) as server:
        live = DeepgramLive(
            base_url=server.url,
            api_key=KEY,
            options=ListenOptions(keyterm=("Agathe",)),
            configure=True,
        )
        stream = await live.connect_expecting("fr", ("Zoé",))
        reader = asyncio.create_task(read(stream))
        said: list[str | None] = []
        assert stream.expect(("Bob",), said.append)
        assert stream.expect(("no",), said.append)
        assert stream.expect((), said.append)
        assert not stream.expect(tuple(f"RYR{n}AB" for n in range(90)), said.append), "too many"
        await stream.send(FRAME)
        await stream.close()
        assert await reader == [StreamMetadata("req-1", 1.0)]
        assert said == [None, "NO", None]
        assert not stream.expect(("late",), said.append)
        (request,), (peer,) = server.requests, server.peers
        assert "keyterm=Agathe&keyterm=Zo%C3%A9" in request.path
        configured = [json.loads(text) for text in peer.texts if "Configure" in text]
        assert [each["keyterms"] for each in configured] == [
            ["Agathe", "Bob"],
            ["Agathe", "no"],
            ["Agathe"],
        ]


async def test_only_the_global_host_takes_key_terms_on_an_open_stream() -> None:
    async with fake_listen(obedient) as server:
        stream = await transcriber(server.url).connect("fr")
        assert not stream.expect(("Bob",), lambda _: None)
        stream.abort()
    for host, model, takes in (
        ("https://api.deepgram.com/", "nova-3", True),
        ("https://api.eu.deepgram.com", "nova-3", False),
        ("https://api.deepgram.com", "nova-2", False),
    ):
        live = DeepgramLive(base_url=host, api_key=KEY, options=ListenOptions(model=model))
        assert live._configure is takes, host
