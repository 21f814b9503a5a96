"""A node of a fleet as it is asked at its own port."""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.support.console import ConsoleDesk
from translink.admin import AdminServer
from translink.fleet.front import FleetFront
from translink.observe.journal import Journal
from translink.placement.memory import MemoryPlacement
from translink.settings.admin import AdminSettings


async def test_a_node_drains_and_has_no_successor_at_its_addresses() -> None:
    desk = ConsoleDesk()
    admin = AdminServer(desk.console, port=0)
    front = FleetFront(
        AdminSettings(port=0), admin, dict, MemoryPlacement(), Journal(), home="berlin-1"
    )
    await front.start()
    try:
        async with aiohttp.ClientSession() as http:

            async def drain(body: object) -> tuple[int, Any]:
                async with http.post(f"{front.url}/api/drain", json=body) as answer:
                    return answer.status, await answer.json()

            status, refusal = await drain({"hand_over": True})
            assert status == 409
            assert refusal["error"].startswith(
                "hand_over cannot be had in a fleet: drain this node"
            )
            assert not desk.console.drain_state().draining
            assert (await drain({"hand_over": "perhaps"}))[0] == 400
            status, state = await drain({"limit": 60, "hand_over": False})
            assert (status, state["draining"], state["hand_over"]) == (200, True, False)
    finally:
        await front.close()
        await admin.close()
        await desk.board.switchboard.close("the end of a test")
