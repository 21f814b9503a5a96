"""How slow is dead? Learned from what came."""

from __future__ import annotations

from translink.providers.cadence import HALF_LIFE, LONGEST_PATIENCE, Cadence


def test_a_recogniser_that_answers_quickly_gets_the_least() -> None:
    cadence = Cadence()
    assert cadence.patience(2.5, 0.0) == 2.5
    for second in range(60):
        cadence.answered(1.1, float(second))
    assert cadence.patience(2.5, 60.0) == 2.5


def test_a_slow_answer_is_remembered_and_fades() -> None:
    cadence = Cadence()
    cadence.answered(4.0, 0.0)
    cadence.answered(0.5, 10.0)
    assert cadence.patience(2.5, 10.0) > 6.0
    assert cadence.patience(2.5, 2 * HALF_LIFE) == 2.5


def test_a_recogniser_that_has_never_answered_is_given_more_time_each_time() -> None:
    cadence = Cadence()
    given = []
    for _ in range(4):
        given.append(cadence.patience(2.5, 0.0))
        cadence.gave_up(given[-1])
    assert given == [2.5, 5.0, 10.0, LONGEST_PATIENCE]
    cadence.answered(1.0, 1.0)
    cadence.gave_up(2.5)
    assert cadence.patience(2.5, 1.0) == 2.5, "now it is known, and silence is silence"


def test_the_rules_may_ask_for_more_than_is_ever_learned() -> None:
    assert Cadence().patience(20.0, 0.0) == 20.0
