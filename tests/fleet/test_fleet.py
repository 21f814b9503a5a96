"""One node by itself: what it lets the others ask, and what it counts, with NATS out of reach."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import orjson
import pytest

from tests.fakes.providers import FakeProviders
from tests.support.board import Board
from tests.support.in_process import settings_for
from translink.admin.access.roles import Access
from translink.admin.guarded import guard_of
from translink.app import App
from translink.errors import SettingsError
from translink.fleet.fleet import Fleet

NATS = "placement.nats=nats://127.0.0.1:9"
TOKEN = "a-fleet-s-token-0123456789"


def own_access(folder: Path, *more: str) -> Access:
    """Of the server that the other nodes ask."""
    settings = settings_for("http://127.0.0.1:9", folder, NATS, *more, token=TOKEN)
    return guard_of(Fleet(settings).admin)[0].access


@pytest.mark.parametrize(
    ("more", "host"),
    [
        (("placement.listen=10.0.0.7:3022",), "10.0.0.7:3022"),
        (("placement.listen=10.0.0.7:3022", "placement.url=http://node-1:3022"), "node-1:3022"),
        (("placement.listen=127.0.0.1:3022",), "127.0.0.1:3022"),
        (("placement.url=http://node-1:8022",), "node-1:8022"),
        (("placement.url=https://node-1:443",), "node-1"),
    ],
)
def test_the_other_nodes_are_let_in_by_the_name_they_ask_for_whatever_clients_call_the_public_port(
    tmp_path: Path, more: tuple[str, ...], host: str
) -> None:
    access = own_access(tmp_path, "admin.allowed_hosts=calls.example.com", *more)
    assert access.refuses("GET", {"Host": host}) is None


def test_on_loopback_no_other_name_is_let_in(tmp_path: Path) -> None:
    access = own_access(tmp_path, "placement.url=http://node-1:8022")
    assert access.refuses("GET", {"Host": "rebound.example.com:8022"}) is not None


async def test_a_node_is_announced_as_soon_as_it_has_met_the_others(tmp_path: Path) -> None:
    """Those that drain send their calls to it: they must not learn of it a second after it is ready."""
    fleet = Fleet(settings_for("http://127.0.0.1:9", tmp_path, NATS))
    assert not fleet._news.is_set()
    fleet.placement.on_reach(True)
    assert fleet._news.is_set()


async def test_a_mode_of_all_that_is_the_systems_here_ends_the_legs_own_too(tmp_path: Path) -> None:
    """As it did where it was set: a node that starts later may not differ."""
    fleet = Fleet(settings_for("http://127.0.0.1:9", tmp_path, NATS))
    fleet._board = switchboard = Board().switchboard
    switchboard.set_mode("streaming", "1")
    fleet._changed("mode", "auto")
    assert (switchboard.mode, switchboard.mode_of("1")) == ("auto", "auto")


async def test_a_mode_of_all_that_is_told_late_ends_no_leg_s_own_that_was_set_since(
    tmp_path: Path,
) -> None:
    """As by a node that could not tell NATS when it was switched: it asked us all over HTTP then."""
    fleet = Fleet(settings_for("http://127.0.0.1:9", tmp_path, NATS))
    fleet._board = switchboard = Board().switchboard
    fleet.placement.on_reach(True)
    fleet.placement.on_reach(False)
    switchboard.set_mode("streaming", "1")
    fleet._changed("mode", "auto")
    assert switchboard.mode_of("1") == "streaming"
    # One that is news here is of all.
    fleet._changed("mode", "prerecorded")
    assert switchboard.mode_of("1") == "prerecorded"


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ("admin.tls_self_signed=true", "set admin.tls_cert"),
        ("placement.listen=10.0.0.7:3022", "is needed where nodes of a fleet"),
        ("placement.url=http://node-1:3022", "is needed where nodes of a fleet"),
    ],
)
def test_nodes_that_could_never_ask_each_other_are_refused_with_the_mend(
    tmp_path: Path, more: str, wrong: str
) -> None:
    with pytest.raises(SettingsError, match=wrong):
        settings_for("http://127.0.0.1:9", tmp_path, NATS, more)
    assert not settings_for("http://127.0.0.1:9", tmp_path, more).placement.nats


async def test_a_wrong_token_at_the_public_port_is_counted_with_the_node_s_own(
    own_fake: FakeProviders, tmp_path: Path
) -> None:
    settings = settings_for(own_fake.url, tmp_path, NATS, token=TOKEN)
    app = App(settings, lambda: settings)
    async with app.running(), aiohttp.ClientSession() as http:
        assert app._fleet is not None
        front = app._fleet.front
        assert front is not None

        async def ask(path: str, token: str = TOKEN) -> tuple[int, str]:
            shown = {"Authorization": f"Bearer {token}"}
            async with http.get(front.url + path, headers=shown) as answer:
                return answer.status, await answer.text()

        assert (await ask("/api/stats", "a-guess"))[0] == 401
        _, stats = await ask("/api/stats")
        assert orjson.loads(stats)["admin"]["failed_tokens"] == 1
        _, metrics = await ask("/metrics")
        assert 'translink_admin_refused_total{what="failed_tokens"} 1.0' in metrics
