"""Every address is tried before anything is started; one that cannot be had is named with its mend."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from translink.commands.addresses import ListeningAddress, refuse_taken_ports
from translink.commands.machine_check import look_at_ports
from translink.commands.unusable import refuse_unusable
from translink.errors import SettingsError
from translink.settings.model import Settings
from translink.settings.types import Address


def with_asterisk(folder: Path, *wanted: str) -> Settings:
    environ = {"TRANSLINK_ARI__URL": "http://me:a-secret-word@127.0.0.1:8088"}
    flags = {"--set": ["admin.port=0", *wanted]}
    return Settings.load(environ=environ, flags=flags, directory=folder)


async def test_asterisks_way_to_us_that_is_not_this_machines_is_named_with_its_mend(
    tmp_path: Path,
) -> None:
    behind_nat = with_asterisk(tmp_path, "ari.host=192.0.2.7")
    with pytest.raises(SettingsError, match=r"^ari\.host = 192\.0\.2\.7: .*shared") as refused:
        refuse_taken_ports(behind_nat)
    assert "legs" not in str(refused.value)
    (found,) = await look_at_ports(behind_nat)
    assert (found.what, found.cause) == ("ari.host", "machine")
    assert "shared_port.listen" in found.mend
    assert "audiosocket.listen" in found.mend


async def test_connections_that_have_no_address_of_their_own_need_one_of_this_machine_too(
    tmp_path: Path,
) -> None:
    behind_nat = with_asterisk(tmp_path, "ari.host=192.0.2.7", "ari.media=audiosocket")
    for refuse in (refuse_taken_ports, refuse_unusable):
        with pytest.raises(SettingsError, match=r"^ari\.host = 192\.0\.2\.7: ") as refused:
            refuse(behind_nat)
        assert "audiosocket.listen" in str(refused.value)
        assert "shared" not in str(refused.value)
    (found,) = await look_at_ports(behind_nat)
    assert (found.what, found.cause) == ("ari.host", "machine")
    assert "audiosocket.listen" in found.mend


@pytest.mark.parametrize(
    "mend",
    [
        ["shared_port.listen=127.0.0.1:0"],
        ["ari.media=audiosocket", "audiosocket.listen=127.0.0.1:0"],
    ],
)
def test_with_a_shared_port_or_connections_it_need_not_be(tmp_path: Path, mend: list[str]) -> None:
    refuse_taken_ports(with_asterisk(tmp_path, "ari.host=192.0.2.7", *mend))


def test_a_legs_own_address_is_named_as_the_legs(tmp_path: Path) -> None:
    for port in (0, 7_000):
        own = f"legs.3333.listen=192.0.2.7:{port}"
        with pytest.raises(SettingsError, match=r"^legs\.3333\.listen = 192\.0\.2\.7"):
            refuse_taken_ports(with_asterisk(tmp_path, own))


def test_a_name_of_the_admin_server_may_have_addresses_that_are_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It listens on those that are this machine's."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, 0)) for at in ("192.0.2.7", "::1")]

    def probe(host: str, port: int, kind: socket.SocketKind) -> None:
        if host != "::1":
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr("translink.commands.addresses.probe", probe)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    named = Address("calls.example.com", 3020)
    assert ListeningAddress("admin.port", named, socket.SOCK_STREAM).problem() is None
    other = ListeningAddress("websocket.listen", named, socket.SOCK_STREAM)
    assert other.problem() is not None, "which takes the first"
    found.pop()
    assert ListeningAddress("admin.port", named, socket.SOCK_STREAM).problem() is not None
