"""The console, as the admin server asks it."""

from __future__ import annotations

from dataclasses import fields

from tests.support.console import ConsoleDesk
from tests.support.serve import until
from translink.observe.views import CallRow


async def test_a_call_in_full_says_all_that_its_row_says() -> None:
    desk = ConsoleDesk(idle_timeout=30)
    desk.board.legs["1"].hear(5)
    (call,) = desk.board.switchboard.calls
    await until(lambda: desk.board.events("call"))
    desk.board.switchboard.legs["1"].recorded = True
    detail = await desk.console.call(call)
    assert detail["recorded"]
    names = {"legs": "names"}  # the legs themselves stand there
    assert {names.get(field.name, field.name) for field in fields(CallRow)} <= detail.keys()
    await desk.board.switchboard.close("test over")
