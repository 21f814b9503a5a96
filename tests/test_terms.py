"""Names and terms in the running server: sent beforehand, changed while people talk, and refused where
they cannot be had. Real processes and sockets, fake vendors."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.fakes.providers import FakeProviders
from tests.support.serve import Phone, Serve, ServerPlan, pairs, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
SERVER = ServerPlan(
    legs=pairs(("3333", "4444")),
    extra="""idle_timeout = 0.8
drain_timeout = 5.0
[calls]
ports = "24700-24799"
[deepgram]
keyterm = ["translink"]
configure = true
[deepl]
glossary_ids = ["shared"]
glossaries = { "en-fr" = "own" }
""",
)


async def test_a_call_s_terms_are_sent_to_its_streams_and_changed_while_one_is_open(
    server: Serve, fake: FakeProviders
) -> None:
    fake.forget()
    made = await server.made(
        "/api/calls",
        {
            "keyterm": ["Łódź"],
            "legs": [{"language": "en", "keyterm": ["Anna Schmidt"]}, {"language": "fr"}],
        },
    )
    anna, bob = made["legs"]
    async with Phone.at(anna) as one, Phone.at(bob) as two:
        await one.say(1, 2)
        await two.hears(1, 2)
        by_language = {stream.language: stream for stream in fake.streams}
        assert by_language["en"].keyterms == ["translink", "Łódź", "Anna Schmidt"]
        assert by_language["fr"].keyterms == ["translink", "Łódź"]

        assert await server.patch(f"/api/legs/{anna['name']}", {"keyterm": ["Zoé"]}) == 200
        await until(lambda: server.happened("keyterm", leg=anna["name"]))
        (event,) = server.happened("keyterm")
        assert (event["state"], event["reason"]) == ("applied", "while the stream goes on")
        assert by_language["en"].keyterms == ["translink", "Zoé"]
        assert [text for text in by_language["en"].texts if "Configure" in text] == [
            '{"type":"Configure","keyterms":["translink","Zoé"]}'
        ]

        # A host that takes none: the next stream has them.
        fake.configures = False
        assert await server.patch(f"/api/legs/{anna['name']}", {"keyterm": []}) == 200
        await until(lambda: len(server.happened("keyterm")) == 2)
        assert server.happened("keyterm")[-1]["reason"] == "by a new stream"
        assert len(fake.streams) == 3
        assert fake.streams[-1].keyterms == ["translink"]
        await one.say(3, 4)
        await two.hears(1, 2, 3, 4)
        await two.say(5)
        await one.hears(5)
        fake.configures = True

        # Pieces have them, too.
        assert await server.patch(f"/api/legs/{bob['name']}", {"keyterm": ["Eve"]}) == 200
        assert await server.patch(f"/api/legs/{bob['name']}", {"mode": "prerecorded"}) == 200
        await asyncio.sleep(0.5)
        await two.say(6)
        await one.hears(5, 6)
        assert [each.keyterms for each in fake.uploads if each.words] == [["translink", "Eve"]]
    await server.idle()
    assert not server.happened("loss")


async def test_a_pair_without_a_dictionary_is_translated_without_it_and_that_is_said_once(
    server: Serve, fake: FakeProviders
) -> None:
    await server.idle()
    fake.forget()
    fake.dictionaries = {"shared": {("EN", "FR")}}
    async with Phone(server.legs["3333"]) as one, Phone(server.legs["4444"]) as two:
        for numbers in ((1, 2), (3, 4)):
            await one.say(*numbers)
            await until(lambda: numbers[-1] in two.words)  # noqa: B023
            await two.say(*numbers)
            await until(lambda: numbers[-1] in one.words)  # noqa: B023
    asked = {(each.source, each.glossaries) for each in fake.asked}
    assert asked == {("EN", ("own", "shared")), ("FR", ())}
    (said,) = server.lines("goes without glossary_id")
    assert "No dictionary for the pair" in said


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (["!"], "keyterm: should hold terms that have a letter or a digit"),
        ([f"RYR{number}AB" for number in range(90)], "keyterm: counts as 710 tokens"),
        (["x" * 101], "keyterm.0: "),
        ("Anna", "keyterm: Input should be a valid"),
    ],
)
async def test_terms_that_cannot_be_had_are_refused_by_name(
    server: Serve, terms: object, said: str
) -> None:
    assert server._http is not None
    legs = [{"language": "en"}, {"language": "fr"}]
    for method, path, body, where in (
        ("PATCH", "/api/legs/3333", {"keyterm": terms}, ""),
        ("POST", "/api/calls", {"legs": legs, "keyterm": terms}, ""),
        ("POST", "/api/calls", {"legs": [{**legs[0], "keyterm": terms}, legs[1]]}, "legs.0."),
    ):
        async with server._http.request(method, server._url(path), json=body) as answer:
            assert answer.status == 400
            assert json.loads(await answer.text())["error"].startswith(where + said)
