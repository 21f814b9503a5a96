"""A face before two nodes of one process: each with its own calls, console and admin server, over loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any, cast

import aiohttp
import orjson
import pytest
import structlog
from aiohttp import web

from tests.support.console import ConsoleDesk
from tests.support.serve import until
from translink.admin import AdminServer
from translink.admin.access.guard import Guard
from translink.admin.access.roles import Access
from translink.admin.routes.live import MOST_DASHBOARDS
from translink.admin.routes.requests import ModeChange
from translink.commands.control import CONTROL_SECONDS
from translink.commands.takeover import ASK_SECONDS
from translink.face import streams
from translink.face.fan import ViewerGone
from translink.face.peers import HAND_OVER_TIME, AdminPeer, Peers
from translink.face.screen import LOST_WITH_NODE
from translink.face.server import FaceServer
from translink.observe.journal import Journal
from translink.placement.memory import MemoryPlacement
from translink.placement.protocol import Node
from translink.settings.admin import AdminSettings

TOKEN = "a-node-s-token-0123456789"
TWO = {"legs": [{"language": "en"}, {"language": "fr"}]}


class TwoNodes:
    """Two of them and the face, and a client of it."""

    def __init__(self) -> None:
        self.desks: dict[str, ConsoleDesk] = {}
        self.servers: dict[str, AdminServer] = {}
        self.peers: dict[str, AdminPeer] = {}
        self.placement = MemoryPlacement()
        self.journal = Journal()
        self.face = FaceServer(
            AdminSettings(port=0, listen_in=True),
            lambda: self.peers,
            self.placement,
            self.journal,
            general=lambda: {"idle_timeout": 7.0},
        )
        self.http = aiohttp.ClientSession()

    async def open(self) -> None:
        for number, name in enumerate(("w1", "w2")):
            first = 24_000 + 20 * number
            desk = ConsoleDesk(calls={"ports": f"{first}-{first + 9}", "max_created": 3})
            desk.board.switchboard.name_calls(name, 1)
            guard = Guard(Access("127.0.0.1", TOKEN, listen_in=True))
            server = AdminServer(desk.console, port=0, guard=guard)
            await server.start()
            self.desks[name], self.servers[name] = desk, server
            self.peers[name] = AdminPeer(name, server.url, TOKEN)
            await self.announce(name)
        await self.face.start()

    async def announce(self, name: str, *, capacity: int = 3, running: int = 0) -> None:
        url = self.servers[name].url
        node = Node(name, url, capacity, running, busy=0.0, accepts=True, began=1.0)
        await self.placement.announce(node)

    async def die(self, name: str) -> None:
        """As a killed process: its connections end."""
        await self.servers[name].close()
        self.peers[name] = AdminPeer(name, "", TOKEN)

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self.http.request(method, self.face.url + path, json=body) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await (answer.json() if is_json else answer.text())

    def streams(self, kind: str) -> int:
        """That the nodes have open, as they count them."""
        return sum(server.counts()[kind] for server in self.servers.values())

    async def made(self) -> Any:
        status, made = await self.ask("POST", "/api/calls", TWO)
        assert status == 201, made
        return made

    async def close(self) -> None:
        await self.http.close()
        await self.face.close()
        for server in self.servers.values():
            await server.close()
        for desk in self.desks.values():
            await desk.board.switchboard.close("the end of a test")


@pytest.fixture
async def nodes() -> AsyncIterator[TwoNodes]:
    nodes = TwoNodes()
    await nodes.open()
    yield nodes
    await nodes.close()


async def test_calls_are_made_evenly_and_known_everywhere(nodes: TwoNodes) -> None:
    made = [await nodes.made() for _ in range(4)]
    assert sorted(call["call"] for call in made) == ["w1-c1", "w1-c2", "w2-c1", "w2-c2"]
    assert all(call["call"].startswith(call["node"]) for call in made)
    _, listed = await nodes.ask("GET", "/api/calls")
    assert {row["call"]: row["node"] for row in listed["calls"]} == {
        call["call"]: call["node"] for call in made
    }
    assert listed["silent"] == []
    assert sorted(nodes.placement.slots("w1").values()) == ["w1-c1", "w1-c2"]


async def test_what_concerns_one_call_is_asked_of_its_node(nodes: TwoNodes) -> None:
    made = [await nodes.made() for _ in range(2)]
    for call in made:
        name, leg = call["call"], call["legs"][0]["name"]
        status, detail = await nodes.ask("GET", f"/api/calls/{name}")
        assert (status, detail["call"]) == (200, name)
        status, changed = await nodes.ask("PATCH", f"/api/legs/{leg}", {"mode": "prerecorded"})
        assert (status, changed.get("setting")) == (200, "prerecorded"), changed
        assert (await nodes.ask("POST", f"/api/legs/{leg}/flush", {}))[0] == 200
        status, text = await nodes.ask("GET", f"/api/calls/{name}/transcript?format=vtt")
        assert (status, text.splitlines()[0]) == (200, "WEBVTT")
        status, explained = await nodes.ask("GET", f"/api/calls/{name}/postmortem")
        assert (status, explained["call"]) == (200, name)
    assert (await nodes.ask("DELETE", f"/api/calls/{made[0]['call']}"))[0] == 200
    assert (await nodes.ask("POST", f"/api/calls/{made[1]['call']}/end", {}))[0] == 200
    for path in ("/api/calls/w1-c99", "/api/calls/nobody", "/api/legs/nobody"):
        assert (await nodes.ask("GET", path))[0] == 404


async def test_an_operator_who_listens_in_is_told_why_it_ends(nodes: TwoNodes) -> None:
    """Through the face, too: the dashboard said "Listening ended", in red."""
    made = await nodes.made()
    leg = made["legs"][0]["name"]
    async with nodes.http.ws_connect(f"{nodes.face.url}/api/legs/{leg}/audio") as listener:
        await until(lambda: nodes.streams("listeners") == 1)
        assert (await nodes.ask("DELETE", f"/api/calls/{made['call']}"))[0] == 200
        message = await listener.receive(timeout=5)
        assert (message.data, message.extra) == (1001, "the call is over")


async def test_a_node_that_refuses_is_passed_over(nodes: TwoNodes) -> None:
    nodes.desks["w1"].out_of_memory = True
    assert [(await nodes.made())["node"] for _ in range(3)] == ["w2"] * 3
    status, refusal = await nodes.ask("POST", "/api/calls", TWO)
    assert (status, refusal["error"]) == (503, "there is no memory for another call")
    assert nodes.placement.slots("w1") == {}
    assert len(nodes.placement.slots("w2")) == 3
    # What no node would take is not tried at the next one.
    status, refusal = await nodes.ask("POST", "/api/calls", {"legs": [{"language": "en"}]})
    assert status == 400


async def test_no_two_nodes_have_legs_of_one_name(nodes: TwoNodes) -> None:
    named = {"legs": [{"language": "en", "name": "anna"}, {"language": "fr", "name": "bob"}]}
    answers = await asyncio.gather(*(nodes.ask("POST", "/api/calls", named) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [201, 409, 409, 409]
    # Of a name that does not say whose it is, all are asked.
    status, leg = await nodes.ask("GET", "/api/legs/anna")
    assert (status, leg["leg"]) == (200, "anna")
    assert {refusal["error"] for status, refusal in answers if status == 409} <= {
        "a leg is called anna already",
        "a leg is called bob already",
    }


async def test_an_order_for_a_leg_that_two_nodes_have_is_carried_out_by_neither(
    nodes: TwoNodes,
) -> None:
    """Each has a leg 1 of its settings."""
    said = "leg 1 is on w1, w2: legs of a fleet need names of their own (legs[].name)"
    for method, path, body in (
        ("PATCH", "/api/legs/1", {"muted": True}),
        ("POST", "/api/legs/1/flush", {}),
        ("POST", "/api/mode", {"mode": "prerecorded", "leg": "1"}),
    ):
        status, refusal = await nodes.ask(method, path, body)
        assert (status, refusal["error"]) == (409, said)
    assert [desk.board.events("settings") for desk in nodes.desks.values()] == [[], []]
    with pytest.raises(aiohttp.WSServerHandshakeError, match="409"):
        await nodes.http.ws_connect(f"{nodes.face.url}/api/legs/1/audio")
    # Of one that is alone with it there is no doubt.
    await nodes.die("w2")
    assert (await nodes.ask("PATCH", "/api/legs/1", {"muted": True}))[0] == 200
    assert [desk.console.leg("1").muted for desk in nodes.desks.values()] == [True, False]


async def test_a_switch_of_the_whole_reaches_every_node(nodes: TwoNodes) -> None:
    changes: list[object] = []
    nodes.face.routes.on_mode = changes.append
    assert (await nodes.ask("POST", "/api/mode", {"mode": "prerecorded"}))[0] == 200
    assert {desk.board.switchboard.mode for desk in nodes.desks.values()} == {"prerecorded"}
    assert (await nodes.ask("POST", "/api/mode", {"mode": "auto", "leg": "nobody"}))[0] == 404
    assert (await nodes.ask("POST", "/api/mode", {"mode": "loud"}))[0] == 400
    assert len(changes) == 1
    _, settings = await nodes.ask("GET", "/api/settings")
    assert (settings["mode"], settings["idle_timeout"]) == ("prerecorded", 7.0)


async def test_a_leg_s_mode_is_known_to_the_whole_however_it_was_switched(nodes: TwoNodes) -> None:
    """As on the dashboard: a worker that was started again knew nothing of it."""
    changes: list[object] = []
    nodes.face.routes.on_mode = changes.append
    await nodes.die("w2")
    assert (await nodes.ask("PATCH", "/api/legs/1", {"muted": True}))[0] == 200
    assert (await nodes.ask("PATCH", "/api/legs/1", {"mode": "loud"}))[0] == 400
    assert (await nodes.ask("PATCH", "/api/legs/nobody", {"mode": "streaming"}))[0] >= 400
    assert changes == []
    assert (await nodes.ask("PATCH", "/api/legs/1", {"mode": "streaming"}))[0] == 200
    assert changes == [ModeChange(mode="streaming", leg="1")]


async def test_statistics_metrics_and_events_are_of_all(nodes: TwoNodes) -> None:
    await nodes.made()
    await nodes.made()
    _, stats = await nodes.ask("GET", "/api/stats")
    assert stats["totals"]["calls_active"] == 2
    assert set(stats["nodes"]) == {"w1", "w2"}
    _, text = await nodes.ask("GET", "/metrics")
    assert 'translink_calls_active{node="w1"} 1.0' in text
    assert 'translink_calls_active{node="w2"} 1.0' in text
    assert text.count("# TYPE translink_calls_active ") == 1
    nodes.journal.emit(
        "call", {"state": "ended", "reason": LOST_WITH_NODE, "node": "w9"}, call="w9-c1"
    )
    _, recent = await nodes.ask("GET", "/api/events/recent")
    begun = {event["node"] for event in recent["events"] if event.get("state") == "begun"}
    assert begun == {"w1", "w2"}
    assert recent["events"][-1]["call"] == "w9-c1"
    nodes.desks["w2"].board.journal.emit("breaker", {"state": "open"})
    nodes.journal.emit("node_lost", {"node": "w9", "calls": []})
    _, recent = await nodes.ask("GET", "/api/events/recent?call=")
    assert [event["type"] for event in recent["events"]] == ["breaker", "node_lost"]
    _, document = await nodes.ask("GET", "/openapi.json")
    assert "/api/calls/{call}" in document["paths"]


async def test_a_wrong_token_at_the_public_port_is_counted(nodes: TwoNodes) -> None:
    settings = AdminSettings.model_validate({"port": 0, "token": TOKEN})
    face = FaceServer(settings, lambda: nodes.peers, nodes.placement, nodes.journal)
    await face.start()

    async def ask(path: str, token: str = TOKEN) -> tuple[int, str]:
        shown = {"Authorization": f"Bearer {token}"}
        async with nodes.http.get(face.url + path, headers=shown) as answer:
            return answer.status, await answer.text()

    assert (await ask("/api/stats", "a-guess"))[0] == 401
    _, stats = await ask("/api/stats")
    assert orjson.loads(stats)["admin"]["failed_tokens"] == 1
    _, metrics = await ask("/metrics")
    assert 'translink_admin_refused_total{node="front",what="failed_tokens"} 1.0' in metrics
    assert 'translink_admin_refused_total{node="w1",what="failed_tokens"} 0.0' in metrics
    assert 'translink_node_up{node="front"}' not in metrics
    await face.close()


async def test_a_drain_for_a_successor_reaches_every_node_and_the_face_moves(
    nodes: TwoNodes,
) -> None:
    await nodes.made()
    begun: list[bool] = []
    nodes.face.routes.on_drain = lambda: begun.append(True)
    before = nodes.face.url
    status, state = await nodes.ask("POST", "/api/drain", {"hand_over": True})
    assert (status, state["hand_over"], state["admin"]) == (200, True, nodes.face.url)
    assert [call["call"] for call in state["calls"]] == ["w1-c1"]
    assert begun
    assert nodes.face.url != before
    # Asked again, it stays where it is.
    assert (await nodes.ask("POST", "/api/drain", {"hand_over": True}))[1]["admin"] == state[
        "admin"
    ]
    assert (await nodes.ask("GET", "/api/drain"))[1]["hand_over"]


async def test_a_node_that_hangs_does_not_keep_the_successor_from_its_answer(
    nodes: TwoNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gave up first, when the others had given way already: then nobody served."""
    assert min(CONTROL_SECONDS, ASK_SECONDS) > HAND_OVER_TIME + 1
    monkeypatch.setattr("translink.face.routes.HAND_OVER_TIME", 1.0)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as hangs:
        hangs.bind(("127.0.0.1", 0))
        hangs.listen()
        nodes.peers["w2"] = AdminPeer("w2", f"http://127.0.0.1:{hangs.getsockname()[1]}", TOKEN)
        status, state = await nodes.ask("POST", "/api/drain", {"hand_over": True})
        assert (status, state["silent"], state["admin"]) == (200, ["w2"], nodes.face.url)


async def test_a_node_that_is_silent_is_named_and_the_others_answer(nodes: TwoNodes) -> None:
    await nodes.made()
    await nodes.die("w1")
    status, listed = await nodes.ask("GET", "/api/calls")
    assert (status, listed["silent"]) == (200, ["w1"])
    assert (await nodes.ask("GET", "/api/calls/w1-c1"))[0] == 503
    assert (await nodes.ask("GET", "/ready"))[0] == 200
    assert (await nodes.made())["node"] == "w2"
    await nodes.die("w2")
    assert (await nodes.ask("GET", "/ready"))[0] == 503
    assert (await nodes.ask("POST", "/api/calls", TWO))[0] == 503


async def test_why_a_node_cannot_be_asked_is_in_the_log_and_once(nodes: TwoNodes) -> None:
    there, gone = nodes.peers["w1"], nodes.peers["w2"]
    nodes.peers["w1"] = AdminPeer("w1", there.url, "another-token-0123456789")
    await nodes.servers["w2"].close()
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            _, listed = await nodes.ask("GET", "/api/calls")
            assert listed["silent"] == ["w1", "w2"]
    one, two = sorted(
        (line for line in lines if line["event"] == "a node could not be asked"),
        key=lambda line: line["node"],
    )
    assert (one["node"], one["reason"][:4]) == ("w1", "401 ")
    assert (two["node"], two["url"]) == ("w2", gone.url)
    assert two["reason"]


async def test_a_node_that_does_not_take_our_token_answers_nobody_and_has_no_leg(
    nodes: TwoNodes,
) -> None:
    """As while the token of a fleet is being changed. It was restarted, so it is the freest."""
    nodes.peers["w1"] = AdminPeer("w1", nodes.servers["w1"].url, "another-token-0123456789")
    await nodes.announce("w1", capacity=9)
    assert (await nodes.made())["node"] == "w2"
    said = "w1 does not answer"
    for _ in range(12):  # from some time on it looks at no token of ours
        status, refusal = await nodes.ask("GET", "/api/legs/nobody")
        assert (status, refusal["error"]) == (503, said)
    named = {"legs": [{"language": "en", "name": "anna"}, {"language": "fr", "name": "bob"}]}
    status, made = await nodes.ask("POST", "/api/calls", named)
    assert (status, made.get("node")) == (201, "w2"), made
    assert (await nodes.ask("GET", "/api/legs/anna"))[0] == 200


async def test_one_dashboard_shows_all_and_sees_a_node_die(nodes: TwoNodes) -> None:
    await nodes.made()
    async with nodes.http.ws_connect(f"{nodes.face.url}/api/live") as live:
        first = await live.receive_json(timeout=20)
        assert first["hello"]["role"] == "control"
        assert [row["call"] for row in first["calls"]] == ["w1-c1"]
        assert set(first["system"]["nodes"]) == {"w1", "w2"}
        await live.send_json({"watch": {"calls": [], "events": "all"}})
        messages: list[dict[str, Any]] = [first]

        async def follow() -> None:
            async for message in live:
                messages.append(message.json())  # noqa: PERF401 - looked at meanwhile

        following = asyncio.create_task(follow())

        def rows() -> dict[str, dict[str, Any]]:
            return {row["call"]: row for news in messages for row in news.get("calls", ())}

        await nodes.made()
        await until(lambda: "w2-c1" in rows())
        await nodes.die("w1")
        await until(lambda: rows()["w1-c1"]["state"] == "ended")
        assert rows()["w1-c1"]["reason"] == LOST_WITH_NODE
        assert rows()["w2-c1"]["state"] == "running"
        assert [news["n"] for news in messages] == list(range(len(messages)))
        following.cancel()
        await live.close()


def test_beside_all_dashboards_a_node_has_a_place_for_its_crew() -> None:
    """Which takes a worker that it does not hear for one that hangs."""
    open_ones = streams.NodeStreams(Peers(dict), Journal(), listen_in=False).dashboards
    assert open_ones.most == MOST_DASHBOARDS - 1


async def test_events_come_from_every_node_and_from_the_face(nodes: TwoNodes) -> None:
    events: list[dict[str, Any]] = []
    async with nodes.http.ws_connect(f"{nodes.face.url}/api/events") as stream:
        assert (await stream.receive_json(timeout=20))["type"] == "hello"

        async def follow() -> None:
            async for message in stream:
                events.append(message.json())  # noqa: PERF401 - looked at meanwhile

        following = asyncio.create_task(follow())
        await until(lambda: nodes.streams("event_streams") == 2)
        await nodes.made()
        await nodes.made()
        nodes.journal.emit("call", {"state": "ended", "reason": LOST_WITH_NODE}, call="w9-c1")
        await until(
            lambda: (
                {"w1", "w2"}
                <= {event.get("node") for event in events if event.get("state") == "begun"}
            )
        )
        await until(lambda: any(event["call"] == "w9-c1" for event in events))
        following.cancel()
    await until(lambda: nodes.streams("event_streams") == 0)


@pytest.mark.parametrize(("path", "kind"), [("events", "event_streams"), ("live", "dashboards")])
async def test_a_watcher_for_whom_a_node_left_events_out_hears_it(
    nodes: TwoNodes, path: str, kind: str
) -> None:
    async with nodes.http.ws_connect(f"{nodes.face.url}/api/{path}") as stream:
        await stream.receive_json(timeout=20)
        await stream.send_json({"watch": {"events": "all"}})
        await until(lambda: nodes.streams(kind) == 2)
        end = asyncio.create_task(_end(stream))
        while not end.done():  # the node may not know yet what a dashboard watches
            for _ in range(1_001):
                nodes.desks["w1"].board.journal.emit("settings", {"muted": True})
            await asyncio.wait((end,), timeout=0.5)
        assert await end == (1013, "too far behind for w1")


async def test_a_watcher_that_is_behind_with_what_the_face_tells_hears_it(nodes: TwoNodes) -> None:
    """As when a node is lost that had many calls."""
    async with nodes.http.ws_connect(f"{nodes.face.url}/api/events") as stream:
        await stream.receive_json(timeout=20)
        await until(lambda: nodes.streams("event_streams") == 2)
        for number in range(1_001):
            nodes.journal.emit("call", {"state": "ended"}, call=f"w9-c{number}")
        assert await _end(stream) == (1013, "more than 1000 events behind")


async def test_a_watcher_that_takes_nothing_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class TakesNothing:
        async def send_str(self, _: str) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(streams, "SEND_PATIENCE", 0.05)
    with pytest.raises(ViewerGone, match="took no data for 5 s"):
        await streams._sender(cast("web.WebSocketResponse", TakesNothing()))({})


async def _end(stream: aiohttp.ClientWebSocketResponse) -> tuple[int, str | None]:
    """How the other side closes it."""
    while (message := await stream.receive(timeout=20)).type is aiohttp.WSMsgType.TEXT:
        pass
    assert message.type is aiohttp.WSMsgType.CLOSE
    return message.data, message.extra
