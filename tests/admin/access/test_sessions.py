"""Sessions, in virtual time."""

from __future__ import annotations

import pytest

from translink.admin.access.sessions import LONGEST_SESSION, MOST_SESSIONS, Sessions


def name(number: int) -> str:
    return f"{number:043d}"


def test_a_session_has_the_role_it_began_with() -> None:
    sessions = Sessions(idle=60.0)
    sessions.begin(name(1), "read", 0.0)
    sessions.begin(name(2), "control", 0.0)
    assert sessions.role(name(1), 1.0) == "read"
    assert sessions.role(name(2), 1.0) == "control"
    assert sessions.role(name(3), 1.0) is None
    assert sessions.role("", 1.0) is None


def test_it_ends_when_it_was_idle_and_not_while_it_is_used() -> None:
    sessions = Sessions(idle=60.0)
    sessions.begin(name(1), "read", 0.0)
    for minute in range(1, 5):
        assert sessions.role(name(1), minute * 60.0) == "read"
    assert sessions.role(name(1), 301.0) is None
    assert sessions.role(name(1), 241.0) is None


def test_it_ends_some_day_even_if_it_is_used() -> None:
    sessions = Sessions(idle=60.0)
    sessions.begin(name(1), "read", 0.0)
    now = 0.0
    while sessions.role(name(1), now):
        now += 59.0
    assert LONGEST_SESSION < now < LONGEST_SESSION + 60


def test_it_ends_at_log_out() -> None:
    sessions = Sessions(idle=60.0)
    sessions.begin(name(1), "read", 0.0)
    sessions.end(name(1))
    sessions.end(name(1))
    assert sessions.role(name(1), 0.0) is None


def test_one_too_many_ends_the_one_least_used() -> None:
    sessions = Sessions(idle=60.0)
    for number in range(MOST_SESSIONS):
        sessions.begin(name(number), "read", 0.0)
    sessions.role(name(0), 1.0)
    sessions.begin(name(MOST_SESSIONS), "read", 2.0)
    assert len(sessions) == MOST_SESSIONS
    assert sessions.role(name(0), 2.0) == "read"
    assert sessions.role(name(1), 2.0) is None
    assert not sessions.is_open(name(1), 2.0)  # and so its streams end
    assert sessions.is_open(name(0), 2.0)


@pytest.mark.parametrize("id_", ["", "short", "7"])
def test_an_id_that_can_be_guessed_is_refused(id_: str) -> None:
    with pytest.raises(ValueError, match="random"):
        Sessions(60.0).begin(id_, "read", 0.0)


def test_no_id_is_kept() -> None:
    sessions = Sessions(60.0)
    sessions.begin(name(1), "read", 0.0)
    assert name(1).encode() not in list(sessions._open)
    with pytest.raises(ValueError, match="new"):
        sessions.begin(name(1), "control", 0.0)
