"""A process that ended: why, and when the next one is started."""

from __future__ import annotations

from translink.process.restarts import RESTART_PAUSES, STEADY_SECONDS, Restarts, reason_of


def test_starts_in_a_row_are_further_and_further_apart() -> None:
    restarts = Restarts()
    assert [restarts.pause() for _ in range(8)] == [*RESTART_PAUSES, *RESTART_PAUSES[-1:] * 2]


def test_after_long_service_the_next_end_counts_as_the_first() -> None:
    restarts = Restarts()
    restarts.pause()
    restarts.ended(STEADY_SECONDS - 1)
    assert restarts.pause() == RESTART_PAUSES[1]
    restarts.ended(STEADY_SECONDS)
    assert restarts.pause() == RESTART_PAUSES[0]


def test_an_exit_code_is_said_in_words() -> None:
    assert reason_of(3) == "exit code 3"
    assert reason_of(-15) == "killed by SIGTERM"
    assert reason_of(-99) == "killed by signal 99"
