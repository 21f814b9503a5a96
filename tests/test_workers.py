"""`translink serve --workers 2`: one admin API, calls on both workers, and one that dies takes only its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.fakes.providers import FakeProviders
from tests.support.hooks import HOOK_SECRET, HookReceiver, receiving
from tests.support.page_talker import PageTalker
from tests.support.serve import Phone, Serve, pairs, serving, until
from translink.callers.ports import claim_block
from translink.callers.server_process import SERVE_COMMAND

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
LEGS = pairs(("3333", "4444"), ("5555", "6666"))
TWO: dict[str, object] = {
    "legs": [{"language": "en", "source": "127.0.0.1"}, {"language": "fr", "source": "127.0.0.1"}]
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def receiver() -> AsyncIterator[HookReceiver]:
    async with receiving() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(
    fake: FakeProviders, receiver: HookReceiver, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Serve]:
    ports = claim_block()
    extra = (
        f'idle_timeout = 20\ndrain_timeout = 5.0\n[calls]\nports = "{ports[0]}-{ports[39]}"\n'
        f'[webhook]\nurl = "{receiver.url}"\n'
    )
    command = (*SERVE_COMMAND, "--workers", "2")
    folder = tmp_path_factory.mktemp("serve")
    async with serving(
        folder,
        fake,
        LEGS,
        extra=extra,
        env=[f"TRANSLINK_WEBHOOK__SECRET={HOOK_SECRET}"],
        command=command,
    ) as made:
        yield made


def worker_pids(server: Serve) -> dict[str, int]:
    """Of the processes that serve now, by name, as the log says."""
    found = {}
    for line in server.lines("a worker serves"):
        fields = dict(part.split("=", 1) for part in line.split() if "=" in part)
        found[fields["worker"]] = int(fields["pid"])
    return found


async def test_calls_on_both_workers_and_one_worker_dies(
    server: Serve, receiver: HookReceiver
) -> None:
    made = [await server.made("/api/calls", TWO) for _ in range(2)]
    assert sorted(call["node"] for call in made) == ["w1", "w2"]
    of = {call["node"]: call for call in made}
    async with AsyncExitStack() as stack:
        people = {
            node: [await stack.enter_async_context(Phone.at(leg)) for leg in call["legs"]]
            for node, call in of.items()
        }
        # The pairs of the settings are one worker's each.
        for pair in (LEGS[:2], LEGS[2:]):
            one, two = [await stack.enter_async_context(Phone(leg)) for leg in pair]
            await one.say(1, 2)
            await two.hears(1, 2)
        for one, two in people.values():
            await one.say(11, 12)
            await two.hears(11, 12)
        _, listed = await server.asked("GET", "/api/calls")
        running = {row["call"]: row["node"] for row in listed["calls"]}
        assert sorted(running.values()) == ["w1", "w1", "w2", "w2"]
        assert all(name.startswith(f"{node}-") for name, node in running.items())
        _, text = await server.asked("GET", "/metrics")
        assert 'translink_calls_active{node="w1"} 2.0' in text
        assert 'translink_calls_active{node="w2"} 2.0' in text
        _, stats = await server.asked("GET", "/api/stats")
        assert set(stats["legs"]) >= {leg.name for leg in LEGS}
        assert (await server.asked("POST", "/api/mode", {"share": 0.75}))[0] == 200

        # One is killed in the middle of what the other's talkers say.
        one, two = people["w2"]
        said = [21, 22, 23, 24, 25, 26]
        speaking = asyncio.create_task(one.say(*said))
        killed = worker_pids(server)["w1"]
        os.kill(killed, signal.SIGKILL)
        await speaking
        await two.hears(11, 12, *said)
        detail = (await server.asked("GET", f"/api/calls/{of['w2']['call']}"))[1]
        assert detail["lost_ms"] == 0
        lost = {name for name, node in running.items() if node == "w1"}
        await until(
            lambda: (
                {event["call"] for event in server.happened("call", state="ended", node="w1")}
                >= lost
            ),
            server.tail,
        )
        assert len(server.lines("a call was lost with its worker")) == len(lost)

        def ended() -> dict[str, Any]:
            messages = [hook["data"] for hook in receiver.taken if hook["type"] == "call.ended"]
            return {data["call"]: data["legs"] for data in messages}

        await until(lambda: ended().keys() >= lost, lambda: f"messages of the end: {ended()}")
        assert all(len(ended()[name]) == 2 for name in lost)

        for phone in people["w1"]:
            await phone.caller.close()
        # It is started again, with what was switched meanwhile, and takes calls.
        await server.says("a worker serves again")
        assert worker_pids(server)["w1"] != killed
        settings = (await server.asked("GET", "/api/settings"))[1]
        assert settings["streaming_share"] == 0.75
        again = await _made_on(server, "w1")
        assert again["call"] not in running
        async with Phone.at(again["legs"][0]) as three, Phone.at(again["legs"][1]) as four:
            await three.say(31)
            await four.hears(31)
            await one.say(27)
            await two.hears(11, 12, *said, 27)
        assert (await server.asked("DELETE", f"/api/calls/{again['call']}"))[0] == 200
        assert (await server.asked("DELETE", f"/api/calls/{of['w2']['call']}"))[0] == 200

        async def over() -> bool:
            _, listed = await server.asked("GET", "/api/calls?state=ended")
            return {again["call"], of["w2"]["call"]} <= {row["call"] for row in listed["calls"]}

        await _holds(over)
    assert not server.lines("Traceback")


async def test_a_dashboard_sees_both_and_secrets_are_nowhere(server: Serve) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(server._url("/api/live")) as live,
    ):
        first = await live.receive_json(timeout=20)
        assert set(first["system"]["nodes"]) == {"w1", "w2"}
    for pid in worker_pids(server).values():
        assert b"translink.workers" in _of_process(pid, "cmdline")
        for what in ("cmdline", "environ"):
            assert b"dg-0123" not in _of_process(pid, what)


async def test_browsers_talk_on_both_workers_and_one_worker_dies(server: Serve) -> None:
    links: dict[str, list[str]] = {}

    async def both_have_one() -> bool:
        """One may have calls of the test before, and the other is freer until they are over."""
        made = [server.url + link for link in (await server.made("/api/talks", {}))["links"]]
        links[made[0].partition("#")[2].partition(".")[0]] = made
        return links.keys() == {"w1", "w2"}

    await _holds(both_have_one)
    assert (await server.asked("GET", "/talk"))[0] == 200
    assert {"en", "fr"} <= set((await server.get("/api/talks/languages"))["languages"])
    people = {node: (PageTalker(), PageTalker()) for node in links}
    async with AsyncExitStack() as stack:
        lines = {
            node: [
                await stack.enter_async_context(person.at(link, language))
                for person, link, language in zip(
                    people[node], links[node], ("en", "fr"), strict=True
                )
            ]
            for node in links
        }
        for node, (one, two) in people.items():
            await asyncio.gather(one.say(lines[node][0], 41, 42), two.say(lines[node][1], 51, 52))
            await until(lambda: two.heard == [41, 42], server.tail)  # noqa: B023 - at once
            await until(lambda: one.heard == [51, 52], server.tail)  # noqa: B023 - at once
        _, listed = await server.asked("GET", "/api/calls?state=running")
        talks = {row["call"]: row["node"] for row in listed["calls"] if "talk" in row["call"]}
        assert sorted(talks.values()) == ["w1", "w2"]
        assert all(name.startswith(f"{node}-talk") for name, node in talks.items())

        # One is killed while the other's talk.
        one, two = people["w2"]
        speaking = asyncio.create_task(one.say(lines["w2"][0], 43, 44, 45))
        os.kill(worker_pids(server)["w1"], signal.SIGKILL)
        await asyncio.wait_for(lines["w1"][0].wait_closed(), 20.0)
        await speaking
        await until(lambda: two.heard == [41, 42, 43, 44, 45], server.tail)
    # Its links are gone with it, and the page is told.
    await _holds(lambda: _is_closed_with(4404, links["w1"][0]))
    # The other's make the next call.
    again = PageTalker(), PageTalker()

    async def hears_again() -> bool:
        """The last words of the call before are being said at first."""
        async with again[0].at(links["w2"][0], "en") as first, again[1].at(links["w2"][1], "fr"):
            await again[0].say(first, 46)
            return again[1].heard[-1:] == [46]

    await _holds(hears_again)
    assert not server.lines("Traceback")


async def _is_closed_with(code: int, link: str) -> bool:
    async with PageTalker().at(link, "en") as line:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(line.wait_closed(), 5.0)
        return line.close_code == code


async def test_sigterm_ends_all(server: Serve) -> None:
    pids = worker_pids(server)
    server.signal(signal.SIGTERM)
    assert await server.exit_code(within=30) == 0
    assert [_of_process(pid, "cmdline") for pid in pids.values()] == [b"", b""]
    assert server.lines("stopped")


def _of_process(pid: int, what: str) -> bytes:
    """Empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except FileNotFoundError:
        return b""


async def _made_on(server: Serve, node: str) -> dict[str, Any]:
    """A call on that node: the others have more calls."""
    made: list[dict[str, Any]] = []

    async def there() -> bool:
        made.append(await server.made("/api/calls", TWO))
        if made[-1]["node"] == node:
            return True
        await server.asked("DELETE", f"/api/calls/{made[-1]['call']}")
        return False

    await _holds(there)
    return made[-1]


async def _holds(condition: Any) -> None:
    end = time.monotonic() + 40.0
    while not await condition():
        assert time.monotonic() < end, "not within 40 s"
        await asyncio.sleep(0.2)
