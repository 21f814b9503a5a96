"""Webhooks against a receiver that checks them with somebody else's library."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import orjson
import pytest
import standardwebhooks
from aiohttp import web
from pydantic import ValidationError

from tests.fakes.web import served
from tests.support.hooks import HOOK_SECRET as SECRET
from tests.support.hooks import HookReceiver, receiving
from tests.support.serve import until
from translink.observe.journal import Journal
from translink.observe.webhooks import Webhooks
from translink.settings.webhook import WebhookSettings


@pytest.fixture
async def receiver() -> AsyncIterator[HookReceiver]:
    async with receiving() as made:
        yield made


def hooks(url: str, journal: Journal, **more: object) -> Webhooks:
    made = Webhooks(journal, WebhookSettings.model_validate({"url": url, "secret": SECRET, **more}))
    made.link_to("http://127.0.0.1:3020")
    return made


def begin(journal: Journal, call: str = "c1") -> None:
    journal.emit("call", {"state": "begun", "legs": ["1", "2"]}, call=call)


def end(journal: Journal, call: str = "c1") -> None:
    journal.emit("call", {"state": "ended", "reason": "idle", "seconds": 4.0}, call=call)


async def test_a_call_is_reported_and_somebody_elses_library_believes_it(
    receiver: HookReceiver,
) -> None:
    journal = Journal()
    async with hooks(receiver.url, journal).running() as webhooks:
        begin(journal)
        journal.emit("loss", {"ms": 900.0, "start": 0, "end": 14_400}, call="c1", leg="1")
        end(journal)
        await until(lambda: len(receiver.taken) == 3)
        await until(lambda: webhooks.figures()["delivered"] == 3)
    assert [message["type"] for message in receiver.taken] == [
        "call.started",
        "call.trouble",
        "call.ended",
    ]
    ended = receiver.taken[-1]
    assert ended["data"]["transcript"] == "http://127.0.0.1:3020/api/calls/c1/transcript"
    assert ended["data"]["troubles"] == {"speech_lost": 1}
    assert ended["timestamp"].startswith("20")
    assert len(set(receiver.ids)) == 3


async def test_a_changed_body_is_not_believed(receiver: HookReceiver) -> None:
    journal = Journal()
    seen: list[tuple[bytes, dict[str, str]]] = []

    async def spy(request: web.Request) -> web.Response:
        seen.append((await request.read(), dict(request.headers)))
        return web.Response()

    receiver.take = spy  # type: ignore[method-assign]
    app = web.Application()
    app.router.add_post("/", spy)
    async with served(app) as url, hooks(f"{url}/", journal).running():
        begin(journal)
        await until(lambda: bool(seen))
    body, headers = seen[0]
    library = standardwebhooks.Webhook(SECRET)
    library.verify(body, headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        library.verify(body.replace(b"c1", b"c2"), headers)


async def test_a_message_that_failed_comes_again_under_the_same_id(
    receiver: HookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("translink.observe.outbox.FIRST_WAIT", 0.02)
    journal = Journal()
    receiver.answers = [web.Response(status=503), web.Response(status=500)]
    async with hooks(receiver.url, journal).running() as webhooks:
        begin(journal)
        await until(lambda: len(receiver.taken) == 1)
        await until(lambda: webhooks.figures()["delivered"] == 1)
    assert len(receiver.ids) == 3
    assert len(set(receiver.ids)) == 1
    assert (webhooks.outbox.failed, webhooks.outbox.trouble) == (2, "")


async def test_no_redirect_is_followed(receiver: HookReceiver) -> None:
    journal = Journal()
    receiver.answers = [web.Response(status=307, headers={"Location": "/elsewhere"})]
    async with hooks(receiver.url, journal, attempts=1).running() as webhooks:
        begin(journal)
        await until(lambda: webhooks.figures()["given_up"] == 1)
    assert receiver.elsewhere == 0
    assert webhooks.outbox.trouble == "answered 307"


async def test_a_receiver_that_hangs_holds_up_no_call_and_loses_the_oldest(
    receiver: HookReceiver,
) -> None:
    journal = Journal()
    receiver.may_answer.clear()
    async with hooks(receiver.url, journal, queue=10, timeout=60).running() as webhooks:
        began = time.monotonic()
        for number in range(1_000):
            begin(journal, f"c{number}")
        assert time.monotonic() - began < 5.0
        await asyncio.sleep(0.05)
        assert (webhooks.figures()["waiting"], webhooks.figures()["dropped"]) == (10, 990)
        began = time.monotonic()
    assert time.monotonic() - began < 5.0, "nor does it hold up the end"


async def test_a_receiver_that_does_not_answer_in_time_has_failed(receiver: HookReceiver) -> None:
    journal = Journal()
    receiver.may_answer.clear()
    async with hooks(receiver.url, journal, timeout=0.05).running() as webhooks:
        begin(journal)
        await until(lambda: webhooks.figures()["trouble"] == "timed out")


async def test_nothing_is_sent_without_a_url() -> None:
    journal = Journal()
    async with Webhooks(journal, WebhookSettings()).running() as webhooks:
        begin(journal)
        assert webhooks.figures()["waiting"] == 0


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"url": "ftp://here/x"}, "http(s)://"),
        ({"url": "file:///etc/passwd"}, "http(s)://"),
        ({"url": "https://me:pw@here/x"}, "signature"),
        ({"url": "https://here/x?key=4711"}, "signature"),
        ({"url": "https://here/x", "secret": ""}, "whsec_"),
        ({"url": "https://here/x", "secret": "whsec_c2hvcnQ="}, "24 to 64 bytes"),
        ({"url": "https://here/x", "secret": SECRET.removeprefix("whsec_")}, "whsec_"),
        ({"url": "https://here/x"}, "secret: is needed"),
    ],
)
def test_settings_that_would_not_do_are_refused(wrong: dict[str, str], right: str) -> None:
    with pytest.raises(ValidationError) as refused:
        WebhookSettings.model_validate(wrong)
    said = refused.value.errors(include_url=False)[0]["msg"]
    assert right in said
    assert "c2hvcnQ" not in said


def test_http_beyond_this_machine_can_be_read_by_others() -> None:
    def readable(url: str) -> bool:
        return WebhookSettings.model_validate({"url": url, "secret": SECRET}).can_be_read

    assert readable("http://hooks.example.com/x")
    assert not readable("https://hooks.example.com/x")
    assert not readable("http://127.0.0.1:9000/x")


def test_the_secret_is_never_shown() -> None:
    settings = WebhookSettings.model_validate({"url": "https://here/x", "secret": SECRET})
    assert SECRET not in orjson.dumps(settings.model_dump(mode="json")).decode() + repr(settings)
