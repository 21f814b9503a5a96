"""Settings divided among workers: nothing twice, nothing left over, no pair apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from translink.errors import SettingsError
from translink.settings.model import Settings
from translink.workers.split import split

TOKEN = "worker-token-0123456789"


def settings(pairs: int = 5, **more: Any) -> Settings:
    legs = [
        {"name": f"{pair}{side}", "language": side, "listen": f"127.0.0.1:{7000 + 10 * pair + at}",
         "play_to": f"127.0.0.1:{7005 + 10 * pair + at}"}
        for pair in range(pairs)
        for at, side in enumerate(("en", "fr"))
    ]  # fmt: skip
    return Settings.model_validate({"legs": legs, **more})


def test_pairs_are_dealt_out_evenly_and_never_split() -> None:
    whole = settings(5)
    parts = split(whole, 2, TOKEN)
    assert [len(part.pairs) for part in parts] == [3, 2]
    assert sorted(pair for part in parts for pair in part.pairs) == sorted(whole.pairs)
    for part in parts:
        assert {leg.name for leg in part.legs} == {name for pair in part.pairs for name in pair}


def test_a_worker_may_have_no_legs_of_its_own() -> None:
    assert [len(part.legs) for part in split(settings(1), 3, TOKEN)] == [2, 0, 0]


def test_limits_of_the_whole_are_divided() -> None:
    whole = settings(calls={"ports": "24000-24009", "max_created": 7}, pressure={"max_calls": 5})
    parts = split(whole, 2, TOKEN)
    assert [part.calls.ports for part in parts] == ["24000-24003", "24004-24007"]
    assert [part.calls.max_created for part in parts] == [4, 3]
    assert [part.pressure.max_calls for part in parts] == [3, 2]
    assert [part.pressure.max_calls for part in split(settings(), 2, TOKEN)] == [0, 0]
    assert [part.transcripts.keep_calls for part in parts] == [100, 100]


def test_what_cannot_be_divided_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"calls\.ports = 24000-24004: .* at least 6 ports"):
        split(settings(calls={"ports": "24000-24004"}), 3, TOKEN)
    with pytest.raises(SettingsError, match=r"pressure\.max_calls = 2: .* at least 3"):
        split(settings(pressure={"max_calls": 2}), 3, TOKEN)


def test_what_has_one_address_is_the_first_workers() -> None:
    whole = Settings.model_validate(
        {
            "legs": [
                {"name": "a", "language": "en", "listen": "127.0.0.1:7000", "play_to": "127.0.0.1:7001"},
                {"name": "b", "language": "fr", "listen": "127.0.0.1:7002", "play_to": "127.0.0.1:7003"},
                {"name": "c", "language": "en"},
                {"name": "d", "language": "fr"},
                {"name": "e", "language": "en", "shared": True, "source": "127.0.0.1:7010"},
                {"name": "f", "language": "fr", "shared": True, "source": "127.0.0.1:7011"},
            ],
            "audiosocket": {"listen": "127.0.0.1:9092"},
            "websocket": {"listen": "127.0.0.1:9093"},
            "shared_port": {"listen": "127.0.0.1:7020"},
        }
    )  # fmt: skip
    first, second = split(whole, 2, TOKEN)
    assert (first.pairs, second.pairs) == ((("c", "d"), ("e", "f")), (("a", "b"),))
    assert first.audiosocket.listen is not None
    assert (second.audiosocket.listen, second.websocket.listen, second.shared_port.listen) == (
        None,
        None,
        None,
    )


def test_a_workers_admin_server_is_for_its_crew_alone(tmp_path: Path) -> None:
    whole = settings(
        admin={"host": "0.0.0.0", "token": "the-operators-own-token", "listen_in": True, "allowed_hosts": ["a.example"]}
    )  # fmt: skip
    for part in split(whole, 2, TOKEN):
        admin = part.admin
        assert (admin.host, admin.port, admin.allowed_hosts, admin.listen_in) == (
            "127.0.0.1",
            0,
            (),
            True,
        )
        assert admin.token is not None
        assert admin.token.get_secret_value() == TOKEN
        assert "the-operators-own-token" not in part.secrets()
