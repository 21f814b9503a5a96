"""A real Asterisk that connects to translink: events and requests over its one socket."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.fakes.providers import FakeProviders
from tests.interop.test_asterisk import LEGS, gone, hears, words
from tests.support.asterisk import PASSWORD, USER, Asterisk, pbx_root
from tests.support.serve import serving, until
from translink.callers.ports import free_port

pytestmark = [
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]


async def test_a_call_needs_no_port_of_asterisks(fake: FakeProviders, tmp_path: Path) -> None:
    port = free_port(socket.SOCK_STREAM)
    extra = (
        f'drain_timeout = 5.0\n[ari]\nlisten = "127.0.0.1:{port}"\napp = "outbound"\n'
        f'user = "{USER}"\npassword = "{PASSWORD}"\n{LEGS}'
    )
    async with (
        Asterisk(pbx_root(), outbound=port) as asterisk,
        serving(tmp_path, fake, [], extra=extra) as server,
    ):
        await until(lambda: server.lines("connected to Asterisk"), server.tail, 20.0)
        app = {"__APP": "outbound"}
        one = await asterisk.dial("3333", words(1), last=20, variables=app)
        two = await asterisk.dial("4444", words(2), last=20, variables=app)
        await hears(one, words(2), server)
        await hears(two, words(1), server)
        connected = len(server.lines("connected to Asterisk"))
        asterisk.kill()
        await asterisk.start()
        await until(
            lambda: len(server.lines("connected to Asterisk")) > connected, server.tail, 20.0
        )
        await until(lambda: server.happened("call", state="ended"), lambda: server.tail(40), 15.0)
        begun = len(server.happened("call", state="begun"))
        async with asterisk.events("phones"):
            three = await asterisk.dial("3333", words(3), last=20, variables=app, does="steered")
            four = await asterisk.dial("4444", last=20, variables=app)
            await until(
                lambda: len(server.happened("call", state="begun")) > begun, server.tail, 20.0
            )
            assert await asterisk.ask("POST", f"/channels/{three.channel}/continue") == 204
            await hears(four, words(3), server)
        await three.hang_up()
        await gone(four, within=12.0)
        await asterisk.empty()
        await server.idle()
