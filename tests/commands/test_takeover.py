"""What is known of the process that we take over from while it drains. `tests/test_drain.py` has the processes."""

from __future__ import annotations

import asyncio
import errno
from types import SimpleNamespace

import pytest

from tests.commands.test_check import LEGS
from tests.support.serve import until
from translink.commands import takeover
from translink.commands.control import SERVER_SAYS_NO, ControlError, Target, asked, target_of
from translink.commands.takeover import GaveWay, LegsToCome, Predecessor, predecessor
from translink.errors import SettingsError
from translink.media import MediaLeg
from translink.process.threads import in_thread
from translink.settings.legs import LegSettings
from translink.settings.model import Settings


def _taken(_: LegSettings) -> MediaLeg:
    raise OSError(errno.EADDRINUSE, "it is the predecessor's")


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        ("404 Not Found", "Cannot GET /api/drain", True),
        ("401 Unauthorized", "", True),
        ("200 OK", "<html>for every path</html>", True),
        ("200 OK", '{"of": "another program"}', False),
    ],
)
async def test_a_server_that_is_no_translink_has_the_port_and_is_not_asked_to_give_way(
    status: str, body: str, refused: bool
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = Settings.model_validate({"legs": LEGS, "admin": {"port": port}})
        with pytest.raises(SettingsError, match=rf"^admin\.port = {port}: is in use by a server"):
            await predecessor(settings)
        here = target_of(settings, None, None)
        if refused:
            with pytest.raises(ControlError, match="is no translink") as error:
                await in_thread(lambda: asked(here, "GET", "/api/stats"), 10.0)
            assert error.value.code == SERVER_SAYS_NO


async def test_a_longer_limit_that_the_one_before_was_given_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state, now, looks = {"left_s": 40.0}, [0.0], list[float]()

    def answered(*_: object) -> tuple[int, dict[str, float]]:
        looks.append(now[0])
        return 200, state

    async def looked_again() -> None:
        so_far = len(looks)
        await until(lambda: len(looks) >= so_far + 2)

    monkeypatch.setattr(takeover, "PULSE", 0.01)
    monkeypatch.setattr(takeover, "asked", answered)
    monkeypatch.setattr(takeover, "time", SimpleNamespace(monotonic=lambda: now[0]))
    before = Predecessor(Target("http://127.0.0.1:9", ""), 1, deadline=50.0, beyond=10.0)
    pair = LegSettings(name="3333", language="en"), LegSettings(name="4444", language="fr")
    gone, to_come = asyncio.Event(), LegsToCome(_taken, [pair])
    tasks = [
        asyncio.create_task(before.gone(gone)),
        asyncio.create_task(to_come.fetch(before, lambda _: None)),
    ]
    await looked_again()
    state["left_s"] = 500.0
    await looked_again()
    now[0] = 60.0  # the first limit is over
    await looked_again()
    assert not gone.is_set()
    assert not any(task.done() for task in tasks)
    # One that is still there when it should have ended is waited for no longer.
    state["left_s"] = 0.0
    await looked_again()
    now[0] = 10_000.0
    await until(gone.is_set)
    await asyncio.gather(*tasks)
    assert to_come.names == ("3333", "4444")


def test_a_worker_knows_of_it_what_its_crew_does() -> None:
    settings = Settings.model_validate({"legs": LEGS})
    before = Predecessor(Target("http://127.0.0.1:9", ""), 1, deadline=50.0, beyond=10.0)
    told = GaveWay.of(before, settings).predecessor(settings)
    assert (told.target.url, told.pid, told.deadline, told.beyond) == (
        before.target.url,
        1,
        50.0,
        10.0,
    )
