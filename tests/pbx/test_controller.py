"""The controller of an Asterisk, in virtual time: whatever comes and in whatever order, nothing is
left and nobody that came after is touched."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.pbx.controller import Controller
from translink.pbx.dialled import dial_words
from translink.pbx.line import Medium, Place, Unavailable


class FakeSeat:
    """A place and its medium in one."""

    def __init__(self, log: list[str], leg: str, hang_up: Callable[[], None]) -> None:
        self.log, self.leg, self.hang_up = log, leg, hang_up
        self.left = 0

    def arrive(self) -> None:
        self.log.append(f"{self.leg} arrives")

    def leave(self, reason: str) -> None:
        self.left += 1
        self.log.append(f"{self.leg} leaves: {reason}")

    def hold(self, on: bool) -> None:
        self.log.append(f"{self.leg} holds {on}")

    def digit(self, key: str) -> None:
        self.log.append(f"{self.leg} presses {key}")

    def query(self) -> Mapping[str, str]:
        return {"external_host": "127.0.0.1:9", "format": "slin16"}

    def made(self, channel: Mapping[str, object]) -> None:
        pass

    def close(self) -> None:
        pass


class FakeLegs:
    """Legs 3333 and 4444, and what was done with them."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.seats: list[FakeSeat] = []
        self.orders: Mapping[str, tuple[str, ...]] = {}

    def seize(self, leg: str, call_id: str, hang_up: Callable[[], None]) -> tuple[Place, Medium]:
        if leg not in ("3333", "4444"):
            raise Unavailable("no such leg", busy=False)
        if any(seat.leg == leg and not seat.left for seat in self.seats):
            raise Unavailable("busy", busy=True)
        return self._seat(leg, hang_up)

    def seize_pair(
        self,
        name: str,
        languages: tuple[str, str],
        hang_ups: tuple[Callable[[], None], ...],
        orders: Mapping[str, tuple[str, ...]],
    ) -> tuple[tuple[Place, Medium], tuple[Place, Medium]]:
        self.orders = orders
        return self._seat(languages[0], hang_ups[0]), self._seat(languages[1], hang_ups[1])

    def report(self, what: str, **details: str) -> None:
        self.log.append(what)

    def _seat(self, leg: str, hang_up: Callable[[], None]) -> tuple[Place, Medium]:
        seat = FakeSeat(self.log, leg, hang_up)
        self.seats.append(seat)
        return seat, seat


class FakeAsterisk:
    """Does what it is asked, when `answer` is called; behaves as 22.10.1 was measured to."""

    def __init__(self, token: str = "aaaa") -> None:
        self.legs = FakeLegs()
        self.now = 100.0
        self.channels: dict[str, dict[str, Any]] = {}
        self.bridges: dict[str, set[str]] = {}
        self.inside: set[str] = set()
        self.refuse: dict[str, int] = {}
        """Beginning of a path to a status."""
        self.pending: list[Any] = []
        self.hung_up: dict[str, str] = {}
        self.restart(token)

    def restart(self, token: str) -> None:
        """Another translink."""
        self.legs = FakeLegs()
        self.controller = Controller("translink", token, self.legs)
        self.controller.attached(self.now)
        self.settle()

    def call(self, channel: str, *args: str) -> None:
        """A caller comes to `Stasis(translink,…)`."""
        data = ",".join(("translink", *args))
        self.channels[channel] = {
            "id": channel,
            "state": "Ring",
            "dialplan": {"app_data": data},
        }
        self._enter(channel, [*args])

    def leave(self, channel: str, *, announced: bool = True) -> None:
        """A channel is gone."""
        self.channels.pop(channel, None)
        for members in self.bridges.values():
            members.discard(channel)
        if channel in self.inside:
            self.inside.discard(channel)
            if announced:
                self.event("StasisEnd", channel)
        elif announced:
            self.event("ChannelDestroyed", channel, cause=17)

    def event(self, kind: str, channel: str, **more: object) -> None:
        about = self.channels.get(channel, {"id": channel})
        self.controller.event({"type": kind, "channel": about, **more}, self.now)

    def settle(self) -> None:
        """Answer until nothing more is asked."""
        while self.answer():
            pass

    def answer(self, index: int = 0) -> bool:
        """Answer one of the requests that wait."""
        self.pending += self.controller.take()
        if not self.pending:
            return False
        request = self.pending.pop(index % len(self.pending))
        status, body = self._do(request.method, request.path, request.query)
        self.controller.answered(request.number, status, body, self.now)
        return True

    def later(self, seconds: float) -> None:
        """Time passes, in which everything is answered."""
        end = self.now + seconds
        self.settle()
        while (at := self.controller.deadline()) is not None and at <= end:
            self.now = max(self.now, at)
            self.controller.wake(self.now)
            self.settle()
        self.now = end

    def _enter(self, channel: str, args: list[str]) -> None:
        self.inside.add(channel)
        self.event("StasisStart", channel, args=args)

    def _do(self, method: str, path: str, query: Mapping[str, str]) -> tuple[int, object]:
        for beginning, status in self.refuse.items():
            if f"{method} {path}".startswith(beginning):
                return status, {"message": "refused by the test"}
        path, _, tail = path.partition("?")
        match (method, *path.strip("/").split("/")):
            case ("GET", "channels"):
                return 200, [*self.channels.values()]
            case ("GET", "bridges"):
                return 200, [{"id": name} for name in self.bridges]
            case ("GET", "applications", _):
                return 200, {"channel_ids": sorted(self.inside)}
            case ("POST", "bridges", name):
                self.bridges[name] = set()
                return 200, {"id": name}
            case ("POST", "channels", "externalMedia"):
                name = query["channelId"]
                self.channels[name] = {"id": name, "state": "Up"}
                self._enter(name, [])
                return 200, {"id": name}
            case ("POST", "channels"):
                self.channels[query["channelId"]] = {"id": query["channelId"], "state": "Down"}
                return 200, {}
            case ("POST", "channels", name, "answer" | "ring" as what):
                if name not in self.channels:
                    return 404, {}
                self.channels[name]["state"] = "Up" if what == "answer" else "Ring"
                return 204, None
            case ("POST", "bridges", name, "addChannel"):
                members = query["channel"].split(",")
                if not set(members) <= self.inside:
                    return 422, {"message": "not in Stasis"}
                self.bridges[name] |= set(members)
                return 204, None
            case ("DELETE", "channels", name):
                if name not in self.channels:
                    return 404, {}
                self.hung_up[name] = tail
                self.leave(name)
                return 204, None
            case ("DELETE", "bridges", name):
                return (204, None) if self.bridges.pop(name, None) is not None else (404, {})
        raise AssertionError((method, path))

    @property
    def empty(self) -> bool:
        return not (self.channels or self.bridges or self.controller.lines)


@pytest.fixture
def asterisk() -> FakeAsterisk:
    return FakeAsterisk()


def test_each_caller_has_a_bridge_of_their_own(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.call("b", "4444")
    asterisk.settle()
    assert [len(members) for members in asterisk.bridges.values()] == [2, 2]
    assert not set.intersection(*asterisk.bridges.values())
    assert "3333 arrives" in asterisk.legs.log
    assert asterisk.channels["a"]["state"] == "Up"


def test_who_hangs_up_leaves_nothing_behind(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    asterisk.leave("a")
    asterisk.settle()
    assert asterisk.empty
    assert "3333 leaves: hung up" in asterisk.legs.log


def test_a_second_caller_at_a_busy_leg_hears_that_it_is_busy(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    asterisk.call("b", "3333")
    asterisk.settle()
    assert asterisk.hung_up == {"b": "reason_code=17"}
    assert "caller refused" in asterisk.legs.log


def test_a_leg_that_there_is_not_is_no_line(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "5555")
    asterisk.call("b")
    asterisk.call("c", "dial", "PJSIP/x")
    asterisk.settle()
    assert asterisk.hung_up == dict.fromkeys("abc", "reason_code=1")


@pytest.mark.parametrize("refused", ["POST /bridges", "POST /channels/ext", "POST /channels/a"])
def test_what_asterisk_refuses_ends_the_line(asterisk: FakeAsterisk, refused: str) -> None:
    asterisk.refuse[refused] = 500
    asterisk.call("a", "3333")
    asterisk.later(2.0)
    assert asterisk.hung_up["a"] == "reason_code=38"
    assert asterisk.empty


@pytest.mark.parametrize("unanswered", ["POST /bridges", "POST /channels/a"])
def test_a_connection_that_breaks_is_no_refusal(asterisk: FakeAsterisk, unanswered: str) -> None:
    asterisk.refuse[unanswered] = 0
    asterisk.call("a", "3333")
    asterisk.later(2.0)
    assert "3333 arrives" not in asterisk.legs.log
    asterisk.refuse.clear()
    asterisk.later(1.0)
    assert "3333 arrives" in asterisk.legs.log


def test_what_is_asked_to_go_is_asked_again(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    asterisk.refuse["DELETE"] = 0
    asterisk.leave("a")
    asterisk.settle()
    assert asterisk.bridges
    del asterisk.refuse["DELETE"]
    asterisk.later(1.0)
    assert asterisk.empty


def test_a_hold_is_reported(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    asterisk.event("ChannelHold", "a")
    asterisk.event("ChannelUnhold", "a")
    assert asterisk.legs.log[-2:] == ["3333 holds True", "3333 holds False"]


def test_a_hold_whose_end_may_be_missed_is_over(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    asterisk.event("ChannelHold", "a")
    asterisk.controller.detached(asterisk.now)
    asterisk.controller.attached(asterisk.now)
    asterisk.event("ChannelHold", "a")
    asterisk.controller.event({"type": "ApplicationReplaced"}, asterisk.now)
    holds = [each for each in asterisk.legs.log if "holds" in each]
    assert holds == ["3333 holds True", "3333 holds False"] * 2


def test_a_call_that_is_over_is_hung_up(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    asterisk.legs.seats[0].hang_up()
    asterisk.settle()
    assert asterisk.empty


def dial(asterisk: FakeAsterisk) -> str:
    """A caller dials; the id of whom they call."""
    asterisk.call("a", "dial", "PJSIP/bob", "en", "fr", "20")
    asterisk.settle()
    assert asterisk.channels["a"]["state"] == "Ring"
    return next(name for name in asterisk.channels if name.endswith("callee"))


def test_a_dialled_call_may_name_its_vendors(asterisk: FakeAsterisk) -> None:
    words = ("translate=openai+deepl", "20", "speak=elevenlabs")
    asterisk.call("a", "dial", "PJSIP/bob", "en", "fr", *words)
    asterisk.settle()
    assert asterisk.legs.orders == {"translate": ("openai", "deepl"), "speak": ("elevenlabs",)}
    assert dial_words(["PJSIP/bob/x=1", "en", "fr", "30"])[0] == ["PJSIP/bob/x=1", "en", "fr", "30"]


def test_a_caller_hears_ringing_until_the_other_answers(asterisk: FakeAsterisk) -> None:
    callee = dial(asterisk)
    asterisk.channels[callee]["state"] = "Up"
    asterisk._enter(callee, [])
    asterisk.settle()
    assert asterisk.channels["a"]["state"] == "Up"
    assert len(asterisk.bridges) == 2
    asterisk.leave(callee)
    asterisk.settle()
    assert "fr leaves: hung up" in asterisk.legs.log
    asterisk.legs.seats[0].hang_up()  # all its words were said
    asterisk.later(30.0)
    assert asterisk.empty


@pytest.mark.parametrize("gone", ["the caller", "the other", "neither"])
def test_a_dialled_call_that_could_not_begin_leaves_nobody_waiting(
    asterisk: FakeAsterisk, gone: str
) -> None:
    callee = dial(asterisk)
    if gone == "neither":
        asterisk.refuse["POST /channels/a/answer"] = 404
    asterisk.channels[callee]["state"] = "Up"
    asterisk._enter(callee, [])
    if gone != "neither":  # before either line is through
        asterisk.leave("a" if gone == "the caller" else callee)
    asterisk.later(30.0)
    assert asterisk.empty
    assert [seat.left for seat in asterisk.legs.seats] == [1, 1]
    assert "the other one is gone" in "".join(asterisk.legs.log)


def test_who_is_busy_is_busy_for_the_caller_too(asterisk: FakeAsterisk) -> None:
    asterisk.leave(dial(asterisk))
    asterisk.settle()
    assert asterisk.hung_up["a"] == "reason_code=17"
    assert asterisk.empty
    assert [seat.left for seat in asterisk.legs.seats] == [1, 1]


def test_a_caller_who_does_not_wait_stops_the_ringing(asterisk: FakeAsterisk) -> None:
    dial(asterisk)
    asterisk.leave("a")
    asterisk.later(30.0)
    assert asterisk.empty


def test_a_call_that_still_rings_is_hung_up_at_both_ends(asterisk: FakeAsterisk) -> None:
    dial(asterisk)
    asterisk.legs.seats[0].hang_up()
    asterisk.settle()
    assert asterisk.hung_up["a"] == "reason_code=16"
    assert asterisk.empty
    assert [seat.left for seat in asterisk.legs.seats] == [1, 1]


def test_an_asterisk_that_forgets_the_time_is_reminded(asterisk: FakeAsterisk) -> None:
    dial(asterisk)
    asterisk.later(22.0)
    assert "a" in asterisk.channels
    asterisk.later(2.0)
    assert asterisk.empty


def test_calls_go_on_without_events_and_what_ended_is_noticed(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.call("b", "4444")
    asterisk.settle()
    asterisk.controller.detached(asterisk.now)
    asterisk.leave("a", announced=False)
    asterisk.later(3.0)
    assert len(asterisk.controller.lines) == 2
    asterisk.controller.attached(asterisk.now)
    asterisk.later(3.0)
    assert [line.channel for line in asterisk.controller.lines] == ["b"]
    assert len(asterisk.bridges) == 1


def test_a_telephone_that_is_picked_up_without_an_event_is_connected(
    asterisk: FakeAsterisk,
) -> None:
    callee = dial(asterisk)
    asterisk.controller.detached(asterisk.now)
    asterisk.channels[callee]["state"] = "Up"
    asterisk.inside.add(callee)
    asterisk.controller.attached(asterisk.now)
    asterisk.later(3.0)
    assert asterisk.channels["a"]["state"] == "Up"
    assert [len(members) for members in asterisk.bridges.values()] == [2, 2]
    asterisk.event("StasisStart", callee, args=[])  # should it come after all
    asterisk.later(3.0)
    assert len(asterisk.controller.lines) == 2


def test_a_telephone_that_is_refused_without_an_event_rings_no_longer(
    asterisk: FakeAsterisk,
) -> None:
    callee = dial(asterisk)
    asterisk.controller.detached(asterisk.now)
    asterisk.leave(callee, announced=False)
    asterisk.controller.attached(asterisk.now)
    asterisk.later(3.0)
    assert asterisk.hung_up["a"] == "reason_code=1"
    assert asterisk.empty
    assert [seat.left for seat in asterisk.legs.seats] == [1, 1]


@pytest.mark.parametrize("what", ["channels", "bridges", "applications"])
def test_who_hung_up_meanwhile_is_missed_though_the_first_look_gets_no_answer(
    asterisk: FakeAsterisk, what: str
) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    asterisk.controller.detached(asterisk.now)
    asterisk.leave("a", announced=False)
    asterisk.refuse[f"GET /{what}"] = 503
    asterisk.controller.attached(asterisk.now)
    asterisk.later(3.0)
    assert asterisk.controller.lines
    asterisk.refuse.clear()
    asterisk.later(3.0)
    assert asterisk.empty


def test_without_asterisk_its_calls_are_over(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    asterisk.controller.detached(asterisk.now)
    asterisk.later(9.0)
    assert asterisk.controller.lines
    asterisk.later(2.0)
    assert not asterisk.controller.lines


def test_keys_are_taken_from_the_telephone_and_not_from_our_own_channel(
    asterisk: FakeAsterisk,
) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    (media,) = (name for name in asterisk.channels if name.endswith("-media"))
    asterisk.event("ChannelDtmfReceived", "a", digit="1", duration_ms=100)
    asterisk.event("ChannelDtmfReceived", media, digit="2", duration_ms=100)
    asterisk.event("ChannelDtmfReceived", "strangers", digit="3", duration_ms=100)
    assert [each for each in asterisk.legs.log if "presses" in each] == ["3333 presses 1"]


def test_a_successor_connects_callers_anew(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    callee = next(iter(asterisk.bridges))
    asterisk.restart("bbbb")
    asterisk.later(2.0)
    assert "3333 arrives" in asterisk.legs.log
    assert len(asterisk.bridges) == 1
    assert callee not in asterisk.bridges


def test_a_successor_ends_what_it_cannot_connect_anew(asterisk: FakeAsterisk) -> None:
    callee = dial(asterisk)
    asterisk._enter(callee, [])
    asterisk.settle()
    asterisk.restart("bbbb")
    asterisk.later(2.0)
    assert asterisk.empty


def test_a_successor_does_not_touch_who_came_after_it(asterisk: FakeAsterisk) -> None:
    asterisk.controller.detached(asterisk.now)
    asterisk.controller.attached(asterisk.now)
    asterisk.call("a", "3333")  # while we look what there is
    asterisk.later(5.0)
    assert asterisk.legs.log.count("3333 arrives") == 1
    assert "a" in asterisk.channels


def test_who_came_after_it_and_was_refused_is_not_left_over(asterisk: FakeAsterisk) -> None:
    asterisk.controller.detached(asterisk.now)
    asterisk.controller.attached(asterisk.now)
    asterisk.refuse["DELETE"] = 0  # so that it is there for a while
    asterisk.call("a", "5555")
    asterisk.later(2.0)
    assert "caller taken over" not in asterisk.legs.log
    assert asterisk.legs.log.count("caller refused") == 1


def test_who_takes_our_events_over_is_named_and_calls_end_all_the_same(
    asterisk: FakeAsterisk,
) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    asterisk.controller.event({"type": "ApplicationReplaced"}, asterisk.now)
    assert any("another client" in line for line in asterisk.legs.log)
    asterisk.leave("a", announced=False)
    asterisk.later(5.0)
    assert asterisk.empty


def test_while_another_client_has_our_events_requests_do_not_pile_up(
    asterisk: FakeAsterisk,
) -> None:
    """Each look that got no answer asked again each second, for ever, and one more began every three."""
    asterisk.controller.event({"type": "ApplicationReplaced"}, asterisk.now)
    asterisk.refuse["GET /bridges"] = 503
    before = next(asterisk.controller.numbers)
    asterisk.later(60.0)
    assert next(asterisk.controller.numbers) - before <= 3 * 20 + 1


def test_an_application_that_nobody_has_any_more_is_taken_again(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    asterisk.controller.event({"type": "ApplicationReplaced"}, asterisk.now)
    asterisk.later(5.0)
    assert not asterisk.controller.vacant
    asterisk.refuse["GET /applications"] = 404
    asterisk.leave("a", announced=False)
    asterisk.later(5.0)
    assert asterisk.controller.vacant
    assert asterisk.empty, "who hung up is missed all the same"
    assert sum("nobody has" in line for line in asterisk.legs.log) == 1
    asterisk.refuse.clear()
    asterisk.controller.detached(asterisk.now)
    asterisk.controller.attached(asterisk.now)
    assert not asterisk.controller.vacant
    asterisk.call("b", "3333")
    asterisk.settle()
    assert asterisk.legs.log[-1] == "3333 arrives"


def test_a_connection_that_breaks_meanwhile_is_still_looked_after(asterisk: FakeAsterisk) -> None:
    """Asterisk was started again, and the other client was not."""
    asterisk.controller.event({"type": "ApplicationReplaced"}, asterisk.now)
    asterisk.controller.detached(asterisk.now)
    asterisk.refuse["GET"] = 0
    asterisk.later(7.0)
    assert not asterisk.controller.vacant
    asterisk.refuse = {"GET /applications": 404}
    asterisk.later(3.0)
    assert asterisk.controller.vacant


def transfer(asterisk: FakeAsterisk, of: str, to: str) -> None:
    """As Asterisk does it: `to` comes into our application and into the bridge of `of`, which leaves."""
    asterisk.channels[to] = {"id": to, "state": "Up"}
    asterisk.inside.add(to)
    asterisk.event("StasisStart", to, args=[], replace_channel={"id": of})
    for members in asterisk.bridges.values():
        if of in members:
            members.add(to)
    asterisk.leave(of)
    asterisk.settle()


def test_a_telephone_that_hands_its_call_on_leaves_the_line_to_the_other(
    asterisk: FakeAsterisk,
) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    asterisk.event("ChannelHold", "a")
    transfer(asterisk, "a", "c")
    assert not any(seat.left for seat in asterisk.legs.seats)
    assert "3333 holds False" in asterisk.legs.log, "their question to the other one is over"
    assert "c" in asterisk.channels
    asterisk.event("ChannelDtmfReceived", "c", digit="5")
    assert asterisk.legs.log[-1] == "3333 presses 5"
    asterisk.leave("c")
    asterisk.settle()
    assert [seat.left for seat in asterisk.legs.seats] == [1]
    assert asterisk.empty


def test_who_took_a_call_over_is_hung_up_with_it(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    transfer(asterisk, "a", "c")
    transfer(asterisk, "c", "d")
    asterisk.legs.seats[0].hang_up()
    asterisk.settle()
    assert "d" in asterisk.hung_up
    assert asterisk.empty


def test_a_dialled_call_that_is_handed_on_ends_with_both(asterisk: FakeAsterisk) -> None:
    callee = dial(asterisk)
    asterisk._enter(callee, [])
    asterisk.settle()
    transfer(asterisk, "a", "c")
    transfer(asterisk, callee, "d")
    assert not any(seat.left for seat in asterisk.legs.seats)
    for each in ("c", "d"):
        asterisk.leave(each)
        asterisk.settle()
    assert asterisk.empty
    assert not asterisk.controller._dialled


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=5, max_size=80))
def test_in_whatever_order_things_happen_nothing_is_left(steps: list[tuple[int, int]]) -> None:
    asterisk = FakeAsterisk()
    names = (f"c{number}" for number in itertools.count())
    for what, which in steps:
        there = [name for name in asterisk.channels if name.startswith("c")]
        match what:
            case 0 | 1:
                asterisk.call(next(names), ("3333", "4444")[which % 2])
            case 2:
                asterisk.call(next(names), "dial", "PJSIP/x", "en", "fr", "5")
            case 3 if there:
                asterisk.leave(there[which % len(there)])
            case 4:
                callees = [name for name in asterisk.channels if name.endswith("callee")]
                for callee in set(callees[:1]) - asterisk.inside:
                    asterisk._enter(callee, [])
            case 5:
                asterisk.controller.detached(asterisk.now)
                for name in there[:1]:
                    asterisk.leave(name, announced=False)
                asterisk.controller.attached(asterisk.now)
            case 6:
                for seat in asterisk.legs.seats:
                    seat.hang_up()
            case _:
                asterisk.answer(which)
    for name in [name for name in asterisk.channels if name.startswith("c")]:
        asterisk.leave(name)
    for seat in asterisk.legs.seats:
        seat.hang_up()
    asterisk.later(60.0)
    assert not asterisk.controller.lines
    assert not asterisk.channels
    assert not asterisk.bridges
    assert all(seat.left == 1 for seat in asterisk.legs.seats)


def test_in_the_end_everybody_is_hung_up(asterisk: FakeAsterisk) -> None:
    asterisk.call("a", "3333")
    asterisk.settle()
    dial_caller = "d"
    asterisk.call(dial_caller, "dial", "PJSIP/x", "en", "fr")
    asterisk.settle()
    asterisk.controller.close(asterisk.now)
    asterisk.settle()
    assert asterisk.empty
