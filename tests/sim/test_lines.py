"""Telephone lines over real sockets, with a relay instead of translink between them."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from translink.sim.beacons import Manner, Talker
from translink.sim.lines import Lines, SimLine
from translink.sim.report import Counts, DirectionReport, count

QUICK = Manner(words=(3, 5), pause=(0.1, 0.3), first=(0.05, 0.1))
Treat = Callable[[bytes], list[bytes]]


@pytest.mark.parametrize(("datagram", "dtx"), [(640, False), (160, True), (637, True)])
def test_every_word_arrives_through_an_honest_relay(datagram: int, dtx: bool) -> None:
    counts = talk(honest, datagram=datagram, dtx=dtx)
    assert counts.perfect()
    assert counts.words_said >= 4
    assert max(delay for _, delay in counts.delays_ms) < 500


def test_a_relay_that_drops_datagrams_is_found_out() -> None:
    chance = random.Random(1)
    counts = talk(lambda payload: [] if chance.random() < 0.05 else [payload])
    assert counts.words_lost > 0
    assert not counts.perfect()


def test_a_relay_that_says_things_twice_is_found_out() -> None:
    def twice(payload: bytes) -> list[bytes]:
        """A second's worth of datagrams held back and then said twice."""
        held.append(payload)
        if len(held) < 50:
            return []
        out, held[:] = held * 2, []
        return out

    held: list[bytes] = []
    counts = talk(twice, speakers=1)
    assert counts.words_doubled > 0
    assert not counts.perfect()


def test_twenty_lines_keep_real_time() -> None:
    lines = [SimLine(str(n), Talker(n, 1, QUICK)) for n in range(20)]
    with relays(lines, honest):
        both = Lines(lines)
        began = time.monotonic()
        both.start()
        while min(heard(lines)) < 60 and time.monotonic() - began < 20:
            time.sleep(0.02)
        took, most = time.monotonic() - began, max(heard(lines))
        both.close()
    assert min(heard(lines)) >= 60
    assert took > 1.1
    assert most <= 50 * took + 5


def heard(lines: list[SimLine]) -> list[int]:
    return [line.listener.datagrams for line in lines]


def talk(treat: Treat, *, datagram: int = 640, dtx: bool = False, speakers: int = 2) -> Counts:
    pair = [SimLine(str(n), Talker(n, 7, QUICK), datagram=datagram, dtx=dtx) for n in range(2)]
    with relays(pair, treat, treated=speakers):
        for line in pair[speakers:]:
            line.talker.hush()
        lines = Lines(pair)
        lines.start()
        time.sleep(1.0)
        lines.hush()
        hushed = time.monotonic()
        while not (lines.all_sent() and lines.missing() == 0):
            if time.monotonic() > max(hushed, lines.newest()) + 2.0:
                break  # what is missing does not come any more
            time.sleep(0.02)
        lines.close()
    return count(
        DirectionReport(place, line.said, pair[place ^ 1].listener.heard)
        for place, line in enumerate(pair[:speakers])
    )


@contextlib.contextmanager
def relays(lines: list[SimLine], treat: Treat, *, treated: int = 1000) -> Iterator[None]:
    """What a line says goes to its neighbour's ear; the first `treated` ones' by way of `treat`."""
    socks = []
    for place, line in enumerate(lines):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        line.dial(sock.getsockname()[1])
        ear = ("127.0.0.1", lines[place ^ 1].ear_port)
        how = treat if place < treated else honest
        thread = threading.Thread(target=relay, args=(sock, ear, how), daemon=True)
        thread.start()
        socks.append((sock, thread))
    yield
    for sock, thread in socks:
        sock.sendto(b"", sock.getsockname())
        thread.join()
        sock.close()


def honest(payload: bytes) -> list[bytes]:
    return [payload]


def relay(sock: socket.socket, ear: tuple[str, int], treat: Treat) -> None:
    while payload := sock.recv(65_536):
        for out in treat(payload):
            sock.sendto(out, ear)
