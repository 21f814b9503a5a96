"""Connections of AudioSocket to a real `translink serve`, the other end a script of what Asterisk
sends."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from tests.support.audiosocket import Phone
from tests.support.serve import Serve, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

LEGS = '[[legs]]\nname = "3333"\nlanguage = "en"\n[[legs]]\nname = "4444"\nlanguage = "fr"\n'
ENGLISH = "40325ec2-5efd-4bd3-805f-000000003333"
FRENCH = "11111111-2222-3333-4444-555555555555"


def settings(port: int) -> str:
    return (
        f'drain_timeout = 5.0\n[audiosocket]\nlisten = "127.0.0.1:{port}"\n'
        f'[audiosocket.legs]\n"{FRENCH}" = "4444"\n{LEGS}'
    )


async def test_a_narrow_and_a_wide_line_hear_each_other(phone: Phone, talking: Serve) -> None:
    narrow = await phone(8_000, ENGLISH)
    wide = await phone(16_000, FRENCH)
    await asyncio.gather(narrow.say(1, 2, 3), wide.say(4, 5, 6))
    await until(lambda: len(narrow.heard) >= 3 and len(wide.heard) >= 3, talking.tail, 20.0)
    assert (narrow.heard, wide.heard) == ([4, 5, 6], [1, 2, 3])
    assert 0x12 in wide.kinds
    third = await phone(8_000, ENGLISH)
    await asyncio.wait_for(third.ended.wait(), 10.0)
    await talking.says("leg 3333 is busy")
    narrow.hang_up()
    await asyncio.wait_for(wide.ended.wait(), 12.0)
    await talking.idle()


async def test_who_names_no_call_is_hung_up_and_named(
    port: int, phone: Phone, talking: Serve
) -> None:
    stranger = await phone(8_000, "40325ec2-5efd-4bd3-805f-000000005555")
    await asyncio.wait_for(stranger.ended.wait(), 10.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 10.0) in (b"", bytes(3))
    writer.close()
    _, silent = await asyncio.open_connection("127.0.0.1", port)
    await until(lambda: talking.lines("which call it is"), talking.tail)
    silent.close()
    await talking.says("5555; legs are 3333, 4444")
    await talking.says("this is no AudioSocket")


async def test_a_leg_can_be_called_again(phone: Phone, talking: Serve) -> None:
    for word in (11, 12):
        one = await phone(8_000, ENGLISH)
        two = await phone(8_000, FRENCH)
        await one.say(word)
        await until(two.has_heard, talking.tail, 20.0)
        assert two.heard == [word]
        one.hang_up()
        await asyncio.wait_for(two.ended.wait(), 12.0)
        await talking.idle()
