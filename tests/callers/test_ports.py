"""Ports that two processes never choose both."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from translink.callers import ports

OTHERS = """
import socket, sys
from translink.callers.ports import free_port
for _ in range(int(sys.argv[1])):
    print(free_port(socket.SOCK_DGRAM))
print("all", flush=True)
sys.stdin.read()
"""
MANY = 3 * ports.BLOCK // 2


def test_processes_at_work_at_once_are_never_given_the_same_port() -> None:
    others = [
        subprocess.Popen(
            (sys.executable, "-c", OTHERS, str(MANY)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    given = [ports.free_port(socket.SOCK_DGRAM) for _ in range(MANY)]
    for other in others:
        assert other.stdout is not None
        given += [int(line) for line in iter(other.stdout.readline, "all\n")]
    for other in others:
        other.communicate()
        assert other.returncode == 0
    assert len(given) == 3 * MANY
    assert len(set(given)) == len(given)


def test_a_port_that_a_stranger_holds_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ports.free_port(socket.SOCK_DGRAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", mine))
        monkeypatch.setattr(ports, "_LEFT", [mine + 1, mine])
        assert ports.free_port(socket.SOCK_DGRAM) != mine


def test_ports_that_were_lent_are_handed_out_again_after_all_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A benchmark of two hours used up all that there are."""
    given = [ports.free_port(socket.SOCK_DGRAM) for _ in range(3)]
    monkeypatch.setattr(ports, "_LEFT", given[:])
    with ports.lent():
        assert [ports.free_port(socket.SOCK_DGRAM) for _ in range(2)] == given[:0:-1]
    assert [ports.free_port(socket.SOCK_DGRAM) for _ in range(3)] == given


def test_a_block_is_free_again_when_its_process_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two blocks that nobody else looks at: the claims need no port to be free."""
    every = "from translink.callers import ports\nports.FIRST, ports.END = 61_000, 61_800\n"
    every += "for _ in range(3): print(ports.claim_block(), flush=True)"
    for _ in range(2):
        done = subprocess.run(
            (sys.executable, "-c", every), capture_output=True, text=True, timeout=60, check=False
        )
        assert sorted(done.stdout.split("\n")) == ["", "range(61000, 61400)", "range(61400, 61800)"]
        assert "all ports from 61000 to 61799 are claimed by other processes" in done.stderr
    monkeypatch.setattr(ports, "FIRST", 61_000)
    monkeypatch.setattr(ports, "END", 61_400)
    assert ports.claim_block() == range(61_000, 61_400)
