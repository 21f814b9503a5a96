"""The console, as the admin server asks it."""

from __future__ import annotations

from dataclasses import asdict

from tests.support.console import ConsoleDesk


async def test_a_call_in_full_says_all_that_its_row_says() -> None:
    desk = ConsoleDesk(idle_timeout=30)
    desk.board.legs["1"].hear(5)
    (call,) = desk.board.switchboard.calls
    desk.board.switchboard.legs["1"].recorded = True
    row = asdict(desk.console.row(call))
    assert row["recorded"]
    detail = {**await desk.console.call(call)}
    names = {"legs": "names"}  # its legs themselves stand there
    assert {key: detail.get(names.get(key, key)) for key in row} == row | {
        "seconds": detail["seconds"]
    }
    await desk.board.switchboard.close("test over")
