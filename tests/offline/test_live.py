"""WebSocket `/v1/listen` over trivial engines."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest
import websockets

from tests.offline.conftest import QUERY, Start, listening, rest, schema
from tests.offline.stand_ins import BurstEngine, burst, silence
from translink.offline.engines.protocols import BusyError, EngineMissing
from translink.offline.hooks import Ask, Connection, NoFaults, Refusal, Reset
from translink.offline.session import ListenTiming

FULL = QUERY + "&endpointing=300&utterance_end_ms=1000&vad_events=true&smart_format=true"
CLOSE = json.dumps({"type": "CloseStream"})


def transcripts(messages: list[dict[str, object]], *, final: bool) -> list[str]:
    return [
        m["channel"]["alternatives"][0]["transcript"]  # type: ignore[index]
        for m in messages
        if m["type"] == "Results" and m["is_final"] is final
    ]


async def test_two_words_become_one_turn_and_an_utterance_end(start: Start) -> None:
    server = await start()
    async with listening(server, FULL) as ws:
        await ws.send(silence(0.5) + burst(0.3) + silence(0.1) + burst(0.3) + silence(2))
        await ws.send(CLOSE)
        messages = await rest(ws)
    finals = [m for m in messages if m.get("is_final") and m["speech_final"]]
    assert transcripts(messages, final=True)[0] == "word0 word1"
    assert finals[0]["start"] == 0
    assert finals[0]["duration"] == pytest.approx(1.54, abs=0.05)
    words = finals[0]["channel"]["alternatives"][0]["words"]
    assert [w["start"] for w in words] == [
        pytest.approx(0.5, abs=0.02),
        pytest.approx(0.9, abs=0.02),
    ]
    kinds = [m["type"] for m in messages]
    assert kinds.index("SpeechStarted") < kinds.index("Results") < kinds.index("UtteranceEnd")
    assert kinds[-1] == "Metadata"
    assert ws.close_code == 1000


async def test_every_message_validates_against_the_official_schema(start: Start) -> None:
    validator = schema("deepgram-listen-v1-server")
    server = await start()
    async with listening(server, FULL) as ws:
        await ws.send(silence(0.5) + burst(0.3) + silence(2) + burst(0.5) + silence(7))
        await ws.send(json.dumps({"type": "Finalize"}))
        await ws.send(CLOSE)
        messages = await rest(ws)
    assert {m["type"] for m in messages} == {
        "Results",
        "Metadata",
        "UtteranceEnd",
        "SpeechStarted",
    }
    for message in messages:
        validator.validate(message)


async def test_each_segment_starts_where_the_one_before_ended(start: Start) -> None:
    server = await start()
    async with listening(server, FULL) as ws:
        for _ in range(4):
            await ws.send(burst(0.4) + silence(0.9))
        await ws.send(silence(6))
        await ws.send(CLOSE)
        messages = await rest(ws)
    finals = [m for m in messages if m["type"] == "Results" and m["is_final"]]
    assert len(finals) >= 5
    for one, following in pairwise(finals):
        assert following["start"] == pytest.approx(one["start"] + one["duration"], abs=1e-4)


async def test_a_long_turn_comes_in_pieces_and_only_the_last_is_speech_final(start: Start) -> None:
    server = await start(timing=ListenTiming(piece=2.0, piece_limit=3.0))
    async with listening(server, FULL) as ws:
        await ws.send((burst(0.4) + silence(0.1)) * 12 + silence(1))
        await ws.send(CLOSE)
        messages = await rest(ws)
    finals = [m for m in messages if m.get("is_final") and m["duration"] > 0]
    pieces = [m["speech_final"] for m in finals]
    assert pieces.count(False) >= 2
    assert " ".join(transcripts(finals, final=True)).split() == [f"word{i}" for i in range(12)]


async def test_silence_gives_empty_interims_and_an_empty_final(start: Start) -> None:
    server = await start()
    async with listening(server, FULL) as ws:
        await ws.send(silence(5.5))
        await ws.send(CLOSE)
        messages = await rest(ws)
    assert transcripts(messages, final=False) == [""] * 4
    assert transcripts(messages, final=True)[0] == ""


async def test_finalize_is_answered_at_once(start: Start) -> None:
    server = await start()
    async with listening(server, QUERY + "&endpointing=false") as ws:
        await ws.send(silence(0.2) + burst(0.3) + silence(0.1))
        await ws.send(json.dumps({"type": "Finalize"}))
        message = json.loads(await ws.recv())
        assert message["from_finalize"] is True
        assert transcripts([message], final=True) == ["word0"]


async def test_an_empty_frame_ends_the_stream(start: Start) -> None:
    server = await start()
    async with listening(server) as ws:
        await ws.send(silence(0.5))
        await ws.send(b"")
        messages = await rest(ws)
    assert messages[-1]["type"] == "Metadata"
    assert messages[-1]["sha256"] != "incomplete"
    assert ws.close_code == 1000


async def test_keepalive_holds_the_line_and_silence_drops_it(start: Start) -> None:
    server = await start(timing=ListenTiming(idle_timeout=0.3))
    async with listening(server) as ws:
        for _ in range(4):
            await asyncio.sleep(0.15)
            await ws.send(json.dumps({"type": "KeepAlive"}))
        messages = await rest(ws)
    assert [m["type"] for m in messages] == ["Metadata"]
    assert messages[0]["sha256"] == "incomplete"
    assert messages[0]["channels"] == 0
    assert ws.close_code == 1011
    assert "net0001" in (ws.close_reason or "")


async def test_text_that_is_no_command_is_refused_with_1008(start: Start) -> None:
    server = await start()
    async with listening(server) as ws:
        await ws.send("hello?")
        messages = await rest(ws)
    assert messages[-1]["type"] == "Metadata"
    assert ws.close_code == 1008


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("model=nova-9", 400),
        ("model=nova-3&language=fr_FR", 400),
        ("model=nova-3&language=de", 400),
        ("model=nova-2-phonecall&language=fr", 400),
        ("encoding=linear16", 400),
        ("encoding=opus&sample_rate=48000", 400),
        ("interim_results=yes", 400),
    ],
)
async def test_a_wrong_query_is_refused_before_the_upgrade(
    start: Start, query: str, status: int
) -> None:
    server = await start()
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with listening(server, query):
            pass
    response = refused.value.response
    assert response.status_code == status
    assert response.headers["dg-error"] == json.loads(response.body)["err_msg"]
    assert response.headers["dg-request-id"]


async def test_a_bad_key_is_401_and_a_full_house_429(start: Start) -> None:
    server = await start(limits={"listen": 1})
    url = server.url.replace("http", "ws") + "/v1/listen?" + QUERY
    for headers in ({}, {"Authorization": "Token invalid"}, {"Authorization": "Basic abc"}):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url, additional_headers=headers)
        assert refused.value.response.status_code == 401
    async with listening(server):
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with listening(server):
                pass
    assert refused.value.response.status_code == 429
    async with listening(server):
        pass
    assert server.stats()["listen"]["most"] == 1


@pytest.mark.parametrize(
    ("error", "status"), [(BusyError("all taken"), 429), (EngineMissing("apt install x"), 503)]
)
async def test_an_engine_that_is_not_there_refuses_the_handshake(
    start: Start, error: Exception, status: int
) -> None:
    engine = BurstEngine()
    engine.fail = error
    server = await start(recognizer=engine)
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with listening(server):
            pass
    assert refused.value.response.status_code == status


async def test_the_recogniser_is_given_back_when_the_client_vanishes(start: Start) -> None:
    engine = BurstEngine()
    server = await start(recognizer=engine)
    async with listening(server) as ws:
        await ws.send(silence(0.5))
        ws.transport.abort()
        await asyncio.wait_for(engine.all_closed.wait(), 5)
    assert (engine.opened, engine.closed) == (1, 1)


async def test_audio_faster_than_permitted_is_refused(start: Start) -> None:
    server = await start(timing=ListenTiming(backlog_rate=1.25, backlog_slack=1.0))
    async with listening(server) as ws:
        await ws.send(silence(0.9))
        await ws.send(silence(0.9))
        await rest(ws)
    assert ws.close_code == 1008


async def test_or_read_only_at_the_permitted_pace(start: Start) -> None:
    timing = ListenTiming(backlog_rate=1.25, backlog_slack=0.2, backlog_refused=False)
    server = await start(timing=timing)
    loop = asyncio.get_running_loop()
    async with listening(server, QUERY + "&endpointing=300") as ws:
        began = loop.time()
        for _ in range(5):
            await ws.send(silence(0.2))
        await ws.send(CLOSE)
        await rest(ws)
    assert loop.time() - began > 0.55


class LiveFaults(NoFaults):
    """One fault of each kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.events: list[str] = []

    async def handshake(self, ask: Ask) -> Refusal | None:
        if self.kind == "hang":
            await asyncio.sleep(60)
        if self.kind == "reset-handshake":
            raise Reset
        return Refusal(402, {"Retry-After": "1"}) if self.kind == "refuse" else None

    async def opened(self, connection: Connection) -> None:
        self.events.append("opened")
        if self.kind == "close":
            await connection.close(4001, "because")
        if self.kind == "inject":
            await connection.inject('{"type":"Novelty"}')

    async def closed(self, connection: Connection) -> None:
        self.events.append("closed")

    async def inbound(self, connection: Connection, message: str | bytes) -> str | bytes | None:
        if self.kind == "reset" and connection.audio_seconds > 0.5:
            raise Reset
        return message

    async def outbound(self, connection: Connection, message: str | bytes) -> str | bytes | None:
        return None if self.kind == "mute" and "Results" in str(message) else message


async def test_a_fault_refuses_the_handshake(start: Start) -> None:
    server = await start(faults=LiveFaults("refuse"))
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with listening(server):
            pass
    assert refused.value.response.status_code == 402
    assert refused.value.response.headers["Retry-After"] == "1"
    assert json.loads(refused.value.response.body)["err_code"] == "ASR_PAYMENT_REQUIRED"


@pytest.mark.parametrize("kind", ["hang", "reset-handshake"])
async def test_a_fault_leaves_the_handshake_without_answer(start: Start, kind: str) -> None:
    server = await start(faults=LiveFaults(kind))
    with pytest.raises((TimeoutError, OSError, websockets.InvalidMessage)):
        async with asyncio.timeout(0.5), listening(server):
            pass


async def test_a_fault_resets_the_stream(start: Start) -> None:
    script = LiveFaults("reset")
    server = await start(faults=script)
    async with listening(server) as ws:
        for _ in range(3):
            await ws.send(silence(0.4))
        await rest(ws)
        with pytest.raises(websockets.ConnectionClosedError) as gone:
            await ws.send(silence(0.4))
    assert gone.value.rcvd is None
    assert script.events == ["opened", "closed"]


async def test_a_fault_closes_with_a_code(start: Start) -> None:
    server = await start(faults=LiveFaults("close"))
    async with listening(server) as ws:
        assert await rest(ws) == []
    assert (ws.close_code, ws.close_reason) == (4001, "because")


async def test_a_fault_injects_and_swallows(start: Start) -> None:
    server = await start(faults=LiveFaults("inject"))
    async with listening(server) as ws:
        assert json.loads(await ws.recv()) == {"type": "Novelty"}
    server = await start(faults=LiveFaults("mute"))
    async with listening(server) as ws:
        await ws.send(silence(3))
        await ws.send(CLOSE)
        assert [m["type"] for m in await rest(ws)] == ["Metadata"]


async def test_a_recogniser_that_breaks_down_closes_the_stream_with_1011(start: Start) -> None:
    engine = BurstEngine()
    server = await start(recognizer=engine)
    async with listening(server) as ws:
        engine.broken = True
        await ws.send(silence(0.5))
        await rest(ws)
    assert ws.close_code == 1011
    assert "net0000" in (ws.close_reason or "")
