"""A running server explains its calls: to a receiver of webhooks, and to those who ask why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.fakes.providers import FakeProviders
from tests.support.hooks import HOOK_SECRET, HookReceiver, receiving
from tests.support.serve import PATIENCE, Serve, call, pairs, serving, until
from translink.commands.control import Target
from translink.commands.rca import run_rca
from translink.process.threads import in_thread

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRICES = """
[cost]
currency = "EUR"
[cost.prices]
deepgram = { minute = 0.6, million_characters = 30 }
deepl = { million_characters = 25, request = 0.5 }
"""


class Explained(NamedTuple):
    """A server and the receiver of its webhooks."""

    server: Serve
    receiver: HookReceiver


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def explained(
    fake: FakeProviders, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Explained]:
    folder = tmp_path_factory.mktemp("explained")
    async with (
        receiving() as receiver,
        serving(
            folder,
            fake,
            pairs(("3333", "4444")),
            extra=f'idle_timeout = 0.8\n[webhook]\nurl = "{receiver.url}"\n{PRICES}',
            env=(f"TRANSLINK_WEBHOOK__SECRET={HOOK_SECRET}",),
        ) as server,
    ):
        yield Explained(server, receiver)


async def test_a_call_is_reported_when_it_begins_and_ends(explained: Explained) -> None:
    server, receiver = explained
    async with call(server, "3333", "4444") as (one, two):
        await one.say(1, 2, 3)
        await two.hears(1, 2, 3)
    await server.idle()
    await until(lambda: len(receiver.taken) == 2)
    started, ended = receiver.taken
    assert (started["type"], ended["type"]) == ("call.started", "call.ended")
    assert ended["data"]["summary"]["3333.words"] == 3
    assert ended["data"]["troubles"] == {}
    assert 0.5 < ended["data"]["summary"]["cost"] < 1.0
    name = ended["data"]["call"]
    status, text = await server.ask(f"/api/calls/{name}/transcript")
    assert ended["data"]["transcript"].endswith(f"/api/calls/{name}/transcript")
    assert (status, "t1 t2 t3" in text) == (200, True)
    figures = (await server.get("/api/stats"))["webhooks"]
    assert (figures["delivered"], figures["waiting"], figures["dropped"]) == (2, 0, 0)
    _, metrics = await server.ask("/metrics")
    assert 'translink_webhooks_total{what="delivered"} 2.0' in metrics
    assert 'translink_usage_requests_total{provider="deepl"} 1.0' in metrics
    assert 'translink_cost_total{currency="EUR",provider="deepl"} 0.5' in metrics
    assert 'translink_quota_characters{provider="deepl",what="limit"} 500000.0' in metrics
    usage = (await server.get("/api/stats"))["usage"]
    assert usage["quotas"] == {"deepl": {"used": 1_000, "limit": 500_000}}
    assert usage["providers"]["deepl"]["characters"] == len("b1 b2 b3")
    assert usage["providers"]["deepgram.listen"]["seconds"] > 0.5
    _, shown = await server.ask("/api/settings")
    assert HOOK_SECRET not in shown + "".join(server.log())


async def test_a_call_is_explained_while_it_runs_and_after_it_ended(
    explained: Explained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, receiver = explained
    receiver.taken.clear()
    async with call(server, "3333", "4444") as (one, two):
        await one.say(1, 2, 3)
        await two.hears(1, 2, 3)
        (row,) = (await server.get("/api/calls"))["calls"]
        name = row["call"]
        running = await server.get(f"/api/calls/{name}/postmortem")
        leg = await server.get("/api/legs/3333")
        assert (leg["mos"], leg["speech_db"] < 0) == (None, True)
        _, metrics = await server.ask("/metrics")
        assert 'translink_leg_speech_level_db{leg="3333"} -' in metrics
        assert (running["state"], running["incomplete"]) == ("running", "the call goes on")
    await server.idle()
    found = await server.get(f"/api/calls/{name}/postmortem")
    assert (found["state"], found["words"], found["spoken"]) == ("ended", 3, 1)
    whole = found["mouth_to_ear"]
    assert sum(part["seconds"] for part in found["delay"]) == pytest.approx(
        whole["p50_ms"] / 1000, rel=0.1, abs=0.05
    )
    assert {part["owner"] for part in found["delay"]} == {"provider", "policy", "own", "talker"}
    record = await server.get(f"/api/calls/{name}/record")
    assert record["lines"]["3333"]["datagrams"] > 20
    assert record["lines"]["3333"]["level_db"] < 0
    assert record["usage"]["3333"]["deepgram.speak"]["characters"] > 0
    assert found["cost"] > 0.5
    assert "t1" not in str(record), "no word of what was said"

    saved = tmp_path / "call.json"
    target = Target(server.url, "")
    code = await in_thread(lambda: run_rca(name, lambda: target, save=saved), PATIENCE)
    from_server = capsys.readouterr().out
    assert code == await in_thread(lambda: run_rca(str(saved), lambda: target), PATIENCE)
    assert capsys.readouterr().out == from_server
    assert f"call {name}" in from_server
    assert await in_thread(lambda: run_rca("nobody-1", lambda: target), PATIENCE) == 1
    assert (await server.ask("/api/calls/nobody-1/postmortem"))[0] == 404
