"""A running server explains its calls: to a receiver of webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.fakes.providers import FakeProviders
from tests.support.hooks import HOOK_SECRET, HookReceiver, receiving
from tests.support.serve import Serve, call, pairs, serving, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Explained(NamedTuple):
    """A server and whom it tells."""

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
            extra=f'idle_timeout = 0.8\n[webhook]\nurl = "{receiver.url}"\n',
            env=(f"TRANSLINK_WEBHOOK__SECRET={HOOK_SECRET}",),
        ) as server,
    ):
        yield Explained(server, receiver)


async def test_a_call_is_told_when_it_begins_and_ends(explained: Explained) -> None:
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
    name = ended["data"]["call"]
    status, text = await server.ask(f"/api/calls/{name}/transcript")
    assert ended["data"]["transcript"].endswith(f"/api/calls/{name}/transcript")
    assert (status, "t1 t2 t3" in text) == (200, True)
    figures = (await server.get("/api/stats"))["webhooks"]
    assert (figures["delivered"], figures["waiting"], figures["dropped"]) == (2, 0, 0)
    _, metrics = await server.ask("/metrics")
    assert 'translink_webhooks_total{what="delivered"} 2.0' in metrics
    _, shown = await server.ask("/api/settings")
    assert HOOK_SECRET not in shown + "".join(server.log())
