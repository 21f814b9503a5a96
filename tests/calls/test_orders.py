"""A call of legs that name vendors is served by them, and the next one by those of the settings."""

from __future__ import annotations

from tests.support.board import Board
from translink.calls.orders import CallVendors, Orders

OWN = Orders(translate=("openai",), speak=("elevenlabs",))


async def test_legs_that_name_vendors_get_calls_with_them() -> None:
    legs: list[dict[str, object]] = [
        {"name": name, "language": language, "listen": 0, "play_to": int(name)}
        for name, language in (("1", "en"), ("2", "fr"), ("3", "de"), ("4", "es"))
    ]
    legs[1]["orders"] = {"translate": ["openai"], "speak": ["elevenlabs"]}
    board = Board(legs=legs, openai={"api_key": "k" * 20}, elevenlabs={"api_key": "k" * 20})
    usual = board.switchboard.vendors.usual
    asked: list[Orders] = []

    def choose(orders: Orders) -> CallVendors:
        asked.append(orders)
        return CallVendors(OWN, usual.services, usual.rules)

    board.switchboard.vendors.choose = choose
    board.legs["1"].hear()
    board.legs["3"].hear()
    orders = {call.legs: call.books.vendors for call in board.switchboard.calls.values()}
    assert asked == [OWN]
    assert orders[("1", "2")] == OWN.named
    assert orders[("3", "4")] == usual.orders.named
    await board.switchboard.close("over")
