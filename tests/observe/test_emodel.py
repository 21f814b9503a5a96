"""The E-model gives what its sources' tables give."""

from __future__ import annotations

import pytest

from translink.observe.emodel import BASE_R, line_mos, mos_of, r_factor


@pytest.mark.parametrize(
    ("r", "mos"), [(90, 4.34), (80, 4.02), (70, 3.60), (60, 3.10), (50, 2.58), (BASE_R, 4.41)]
)
def test_mos_is_that_of_the_tables(r: float, mos: float) -> None:
    """ITU-T G.107 annex B, table B.1; the default line."""
    assert mos_of(r) == pytest.approx(mos, abs=0.012)


@pytest.mark.parametrize(("r", "mos"), [(-5, 1.0), (0, 1.0), (3, 1.0), (100, 4.5), (120, 4.5)])
def test_it_stays_on_the_scale(r: float, mos: float) -> None:
    assert mos_of(r) == mos


def test_a_perfect_line_has_the_default_r() -> None:
    assert r_factor(0.0, 0.0) == BASE_R


@pytest.mark.parametrize(("lost", "impairment"), [(0.01, 3.64), (0.05, 15.78), (0.251, 47.5)])
def test_loss_impairs_as_g711_with_concealment(lost: float, impairment: float) -> None:
    """Ie,eff = 95 Ppl / (Ppl + Bpl); at Ppl = Bpl it is half of 95."""
    assert r_factor(0.0, 0.0) - r_factor(lost, 0.0) == pytest.approx(impairment, abs=0.01)


def test_delay_disturbs_from_its_bend_on() -> None:
    slopes = [(r_factor(0.0, at) - r_factor(0.0, at + 1)) for at in (50.0, 150.0, 200.0, 300.0)]
    assert slopes == pytest.approx([0.024, 0.024, 0.134, 0.134])


def test_worse_is_worse() -> None:
    scores = [line_mos(lost, 80.0) for lost in (0.0, 0.02, 0.1, 0.3, 1.0)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 5
    assert scores[0] > 4.3
