"""Which program does which fault."""

from __future__ import annotations

import itertools

import pytest

from translink.sim.faults import datagram_size, flip_mode, plan


def test_faults_are_sorted_by_who_does_them() -> None:
    planned = plan(["listen:reset@5", "mode:flip(4)", "media:flood(20000)", "translate:hang(3)"])
    assert [str(fault) for fault in planned.providers] == [
        "listen:reset@5",
        "translate:hang(3)@random",
    ]
    assert planned.flips == 4
    assert planned.datagrams == 20_000
    assert planned.longest == 3
    assert not planned.second_vendor
    assert plan(["speak:vendor_down"]).second_vendor, "else nobody would be left"


def test_a_flood_is_as_many_datagrams_as_asked_for() -> None:
    planned = plan(["media:flood(20000)"])
    size = datagram_size(planned, 20, 3, vary=True)
    assert 20 * 32_000 / size == pytest.approx(20_000, rel=0.02)


def test_without_a_flood_gateways_differ_or_not() -> None:
    planned = plan([])
    assert {datagram_size(planned, 4, n, vary=False) for n in range(8)} == {640}
    assert len({datagram_size(planned, 4, n, vary=True) for n in range(8)}) > 3


async def test_the_mode_is_flipped_as_often_as_asked_and_ends_in_auto() -> None:
    modes: list[str] = []

    async def take(mode: str) -> None:
        modes.append(mode)

    await flip_mode(7, 0.05, 1, take)
    assert len(modes) == 8
    assert modes[-1] == "auto"
    assert all(one != other for one, other in itertools.pairwise(modes[:-1]))
