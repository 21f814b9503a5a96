"""What parties hear and may ask for, through a running server: the language menu, the notice, keys; and a
call made on request whose legs are connections of AudioSocket."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.audiosocket import AsteriskEnd, Phone
from tests.support.serve import Serve, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

ONE = "40325ec2-5efd-4bd3-805f-000000003333"
TWO = "40325ec2-5efd-4bd3-805f-000000004444"


def settings(port: int) -> str:
    return f"""drain_timeout = 5.0
[audiosocket]
listen = "127.0.0.1:{port}"
[menu]
languages = "en, fr"
wait = 20
[notice.text]
en = "t901"
fr = "t902"
[dtmf]
repeat = "1"
end = "9"
[[legs]]
name = "3333"
language = "en"
[[legs]]
name = "4444"
language = "en"
"""


async def hears(line: AsteriskEnd, *words: int, server: Serve) -> None:
    await until(
        lambda: len(line.heard) >= len(words), lambda: f"{line.heard}{server.tail(30)}", 20.0
    )
    assert line.heard == list(words)


async def test_a_party_chooses_a_language_hears_of_the_machine_and_has_the_last_words_again(
    phone: Phone, talking: Serve
) -> None:
    one, two = await phone(8_000, ONE), await phone(8_000, TWO)
    await asyncio.gather(hears(one, 1, 2, server=talking), hears(two, 1, 2, server=talking))
    one.press("1")
    two.press("2")
    await asyncio.gather(
        hears(one, 1, 2, 901, server=talking), hears(two, 1, 2, 902, server=talking)
    )
    await one.say(31, 32)
    await hears(two, 1, 2, 902, 31, 32, server=talking)
    two.press("1")
    await hears(two, 1, 2, 902, 31, 32, 31, 32, server=talking)
    (call,) = (await talking.get("/api/calls"))["calls"]
    assert sorted(call["languages"]) == ["en", "fr"]
    kept = await talking.get(f"/api/calls/{call['call']}")
    assert {each["leg"]: each["text"] for each in kept["notices"]} == {
        "3333": "t901",
        "4444": "t902",
    }
    two.press("9")
    await asyncio.wait_for(asyncio.gather(one.ended.wait(), two.ended.wait()), 12.0)
    await talking.idle()
    text = (await talking.ask(f"/api/calls/{call['call']}/transcript?format=txt"))[1]
    assert "to 4444: t902" in text
    assert (await talking.get("/api/legs/4444"))["language"] == "en", "the next one chooses anew"


async def test_a_call_on_request_says_by_which_uuids_its_parties_come(
    port: int, phone: Phone, talking: Serve
) -> None:
    asked: dict[str, object] = {
        "legs": [
            {"language": "en", "name": "anna", "transport": "audiosocket"},
            {"language": "fr", "name": "bob", "transport": "audiosocket"},
        ]
    }
    made = await talking.made("/api/calls", asked)
    assert {leg["send_to"] for leg in made["legs"]} == {f"127.0.0.1:{port}"}
    one, two = [await phone(8_000, leg["uuid"]) for leg in made["legs"]]
    await asyncio.gather(hears(one, 901, server=talking), hears(two, 902, server=talking))
    await asyncio.gather(one.say(41, 42), two.say(51, 52))
    await asyncio.gather(
        hears(one, 901, 51, 52, server=talking), hears(two, 902, 41, 42, server=talking)
    )
    one.hang_up()
    await asyncio.wait_for(two.ended.wait(), 12.0)
    await talking.idle()
    late = await phone(8_000, made["legs"][0]["uuid"])
    await asyncio.wait_for(late.ended.wait(), 10.0)
    await talking.says("no call or leg has UUID")


async def test_a_leg_in_datagrams_has_no_uuid(talking: Serve) -> None:
    made = await talking.made("/api/calls", {"legs": [{"language": "en"}, {"language": "fr"}]})
    assert {leg["uuid"] for leg in made["legs"]} == {None}
    assert await talking.post(f"/api/calls/{made['call']}/end", {}) == 200
    await talking.idle()
