"""`translink drain` and what a server says meanwhile, from a script. Real servers are in `tests/test_drain.py`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from translink.commands import drain
from translink.commands.control import (
    NOBODY_ANSWERS,
    SERVER_SAYS_NO,
    TOKEN_REFUSED,
    ControlError,
    Target,
)
from translink.commands.drain import CUT_AT_LIMIT, LOST_TOUCH, run_drain
from translink.face import sums

TARGET = Target("http://127.0.0.1:3020", "")
BUSY = ControlError("429: too many wrong tokens", SERVER_SAYS_NO, busy=True)
GONE = [ControlError("does not answer", NOBODY_ANSWERS)] * LOST_TOUCH

Said = Mapping[str, Any] | ControlError
Drain = Callable[[Iterable[Said]], int]


def state(*calls: str, cut: int = 0, left: float = 60.0, pid: int = 7) -> dict[str, Any]:
    """What `/api/drain` answers."""
    rows = [{"call": call, "talking": [f"{call}-leg"]} for call in calls]
    return {"pid": pid, "began": 1.0, "left_s": left, "cut_calls": cut, "calls": rows}


@pytest.fixture
def drained(monkeypatch: pytest.MonkeyPatch) -> Drain:
    """The command's exit code, where the server says this, one after the other."""

    def command(said: Iterable[Said]) -> int:
        script = iter(said)

        def asked(*_: object) -> tuple[int, Mapping[str, Any]]:
            each = next(script)
            if isinstance(each, ControlError):
                raise each
            return 200, each

        monkeypatch.setattr(drain, "asked", asked)
        return run_drain(TARGET, sleep=lambda _: None)

    return command


def test_a_server_that_is_too_busy_to_answer_is_asked_again(
    drained: Drain, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another client of this address guesses tokens, say; the calls run on all the same."""
    said: list[Said] = [state("c1"), BUSY, BUSY, state("c1"), *GONE[1:], BUSY, state(), *GONE]
    assert drained(said) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "ended: drained"


def test_a_proxy_that_is_busy_for_ever_does_not_keep_the_command(
    drained: Drain, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drained(itertools.chain([state("c1")], itertools.repeat(BUSY))) == SERVER_SAYS_NO
    assert "too many wrong tokens" in capsys.readouterr().err


def test_a_token_that_is_refused_meanwhile_ends_the_command(drained: Drain) -> None:
    assert drained([state("c1"), ControlError("401", TOKEN_REFUSED)]) == TOKEN_REFUSED


def test_a_call_that_was_cut_is_not_forgotten_when_its_worker_has_ended(drained: Drain) -> None:
    left_over = sums.drain({"w1": None, "w2": state("w2-c1")}, 7, TARGET.url)
    nobody = sums.drain({}, 7, TARGET.url)
    both = state("w1-c1", "w2-c1", left=0.5)
    said: list[Said] = [both, state("w2-c1", cut=1), left_over, state(), nobody, *GONE]
    assert drained(said) == CUT_AT_LIMIT


def test_calls_that_ran_at_the_limit_when_all_workers_ended_at_once_were_cut(
    drained: Drain,
) -> None:
    nobody = sums.drain({}, 7, TARGET.url)
    assert drained([state("w1-c1", left=0.5), state("w1-c1", left=0.0), nobody, *GONE]) == 5


def test_a_call_that_ran_just_before_the_limit_was_cut_when_nobody_answers_after_it(
    drained: Drain,
) -> None:
    """A server with one call has ended a tenth of a second after the limit: nobody may see `cut_calls` then."""
    assert drained([state("c1", left=0.1), *GONE]) == CUT_AT_LIMIT
    assert drained([state("c1", left=0.1), BUSY, state("c1", left=0.1), *GONE]) == CUT_AT_LIMIT
    assert drained([state("c1", left=60.0), *GONE]) == 0


def test_another_process_at_the_address_is_said(
    drained: Drain, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drained([state("c1"), state(pid=8)]) == 0
    assert "process 7 drains on" in capsys.readouterr().out
