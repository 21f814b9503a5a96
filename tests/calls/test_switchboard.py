"""Calls begin, end, and fail alone; figures are those of the call. No sockets; virtual time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from structlog.testing import capture_logs

from tests.support.board import Board, FakeLeg
from tests.support.virtual import run_virtually
from translink.calls.call import GUARD_SECONDS
from translink.calls.lag import tone
from translink.calls.switchboard import Switchboard
from translink.observe.journal import Journal
from translink.process.pressure import STEP_SECONDS, LoadLimits
from translink.recognition.rules import ListenRules

if TYPE_CHECKING:
    from translink.media import MediaLeg
    from translink.settings.legs import Mode


def on_a_board(scenario: Callable[[Board], Awaitable[None]], **settings: object) -> Board:
    """Run it, end all calls, return what is left."""

    async def run() -> Board:
        board = Board(**settings)
        await scenario(board)
        await board.switchboard.close("test over")
        return board

    return run_virtually(run())


def stats(board: Board, leg: str) -> dict[str, Any]:
    return cast("dict[str, Any]", dict(board.switchboard.leg_stats())[leg])


# --- Beginning and end ---


def test_a_call_begins_with_the_first_datagram_on_either_leg() -> None:
    async def scenario(board: Board) -> None:
        assert board.switchboard.calls == {}
        board.legs["2"].hear()
        (name,) = board.switchboard.calls
        assert name.startswith("2-")
        board.legs["1"].hear()
        assert len(board.switchboard.calls) == 1
        board.legs["3"].hear()
        assert len(board.switchboard.calls) == 2
        assert stats(board, "1")["call"] == stats(board, "2")["call"] == name

    on_a_board(scenario)


def test_silence_of_our_own_begins_no_call() -> None:
    async def scenario(board: Board) -> None:
        board.legs["1"].hear(speech=False, filled=640)
        assert board.switchboard.calls == {}

    on_a_board(scenario)


def test_a_call_ends_when_neither_of_them_is_heard_any_more() -> None:
    async def scenario(board: Board) -> None:
        watching = asyncio.create_task(board.switchboard.watch())
        await board.talk("1", 0.3)
        await board.talk("2", 0.3)
        assert len(board.switchboard.calls) == 1
        await board.no_calls()
        watching.cancel()
        (begun, ended) = board.events("call")
        assert (begun["state"], ended["state"], ended["reason"]) == ("begun", "ended", "idle")
        assert board.providers.open == 0
        assert [board.legs[leg].resets for leg in "1234"] == [1, 1, 0, 0]

    on_a_board(scenario)


def test_who_calls_after_an_idle_end_is_heard_from_the_first_frame() -> None:
    async def scenario(board: Board) -> None:
        watching = asyncio.create_task(board.switchboard.watch())
        await board.talk("1", 0.1)
        await board.no_calls()
        board.legs["1"].hear()
        assert len(board.switchboard.calls) == 1
        watching.cancel()

    on_a_board(scenario)


def test_a_straggler_after_a_hang_up_begins_no_call() -> None:
    async def scenario(board: Board) -> None:
        await board.talk("1", 0.1)
        (name,) = board.switchboard.calls
        board.switchboard.end_call(name, "hung up")
        await board.no_calls()
        board.legs["1"].hear()
        assert board.switchboard.calls == {}
        await asyncio.sleep(GUARD_SECONDS)
        board.legs["1"].hear()
        assert len(board.switchboard.calls) == 1

    on_a_board(scenario, idle_timeout=30)


def test_what_was_said_before_the_hang_up_is_spoken_after_it() -> None:
    async def scenario(board: Board) -> None:
        await board.talk("1", 0.3)  # the recogniser tells nothing before half a second
        assert board.events("final") == []
        (name,) = board.switchboard.calls
        board.switchboard.end_call(name, "hung up")
        board.legs["1"].hear(50)  # said after it: of no call
        await board.no_calls()
        assert bytes(board.legs["2"].played).rstrip(b"\0") == b"(word)"
        (ended,) = board.events("call")[1:]
        assert (ended["1.words"], ended["1.spoken"], ended["2.words"]) == (1, 1, 0)
        assert ended["1.lost_ms"] == 0

    on_a_board(scenario)


def test_no_call_begins_while_the_server_stops() -> None:
    async def scenario(board: Board) -> None:
        board.legs["1"].hear()
        closing = asyncio.create_task(board.switchboard.close("shutdown"))
        await asyncio.sleep(0)
        board.legs["3"].hear()
        assert len(board.switchboard.calls) == 1
        await closing
        assert board.switchboard.calls == {}
        assert board.events("call")[-1]["reason"] == "shutdown"

    on_a_board(scenario)


def press(board: Board, seconds: float = 5.0, busy: float = 1.0) -> None:
    """As if the loop had been so busy for so long."""
    pressure, now = board.switchboard.pressure, time.monotonic()
    for step in range(round(seconds / STEP_SECONDS)):
        pressure.observe(now + step * STEP_SECONDS, 0.0, busy)


def test_an_overloaded_machine_begins_no_call_and_says_so_once() -> None:
    async def scenario(board: Board) -> None:
        board.legs["1"].hear()
        press(board)
        for _ in range(20):
            board.legs["3"].hear()
            await board.talk("1", 0.02)
        assert [call.legs for call in board.switchboard.calls.values()] == [("1", "2")]
        (refused,) = [event for event in board.events("call") if event["state"] == "refused"]
        assert refused["reason"] == "overloaded"
        assert (refused["leg"], refused["legs"]) == ("3", ["3", "4"])
        assert board.switchboard.pressure.given_up["calls"] == 1
        assert board.switchboard.calls_total == 1

    on_a_board(scenario, idle_timeout=30)


def test_those_who_go_on_talking_get_their_call_when_there_is_time() -> None:
    async def scenario(board: Board) -> None:
        press(board)
        await board.talk("1", 0.2)
        assert board.switchboard.calls == {}
        press(board, 60, busy=0.0)
        board.legs["1"].hear()
        assert len(board.switchboard.calls) == 1

    on_a_board(scenario, idle_timeout=30)


def test_who_calls_again_after_a_refusal_is_counted_again() -> None:
    async def scenario(board: Board) -> None:
        press(board)
        for _ in range(3):
            board.legs["1"].hear()
            board.legs["2"].hear()
            await asyncio.sleep(2.0)
        assert board.switchboard.pressure.given_up["calls"] == 3

    on_a_board(scenario, idle_timeout=1)


def test_no_more_calls_than_allowed() -> None:
    async def scenario(board: Board) -> None:
        board.switchboard.pressure._limits = LoadLimits(max_calls=1)
        board.legs["1"].hear()
        board.legs["3"].hear()
        assert len(board.switchboard.calls) == 1
        assert [event["reason"] for event in board.events("call")] == ["full"]
        board.switchboard.end_call(next(iter(board.switchboard.calls)), "over")
        await board.no_calls()
        board.legs["3"].hear()
        assert len(board.switchboard.calls) == 1

    on_a_board(scenario, idle_timeout=30)


@pytest.mark.parametrize(("drain", "words"), [(9.0, 3), (1.5, 2)])
def test_who_is_in_mid_sentence_when_the_server_stops_may_finish_it_within_bounds(
    drain: float, words: int
) -> None:
    async def scenario(board: Board) -> None:
        async def say_and_pause() -> None:
            await board.talk("1", 1.5)
            while board.switchboard.calls:
                board.legs["1"].hear(speech=False)
                await asyncio.sleep(0.02)

        talk = asyncio.create_task(say_and_pause())
        await asyncio.sleep(0.3)
        await board.switchboard.close("shutdown")
        await talk
        assert bytes(board.legs["2"].played).count(b"(word)") >= words
        (ended,) = [e for e in board.events("call") if e["state"] == "ended"]
        assert ended["1.lost_ms"] == 0
        assert ended["seconds"] < 0.3 + drain + 0.5

    on_a_board(scenario, idle_timeout=30, drain_timeout=drain)


# --- The next caller, while a call drains ---


async def ended(board: Board, after: float = 0.6) -> str:
    """A call in which leg 1 has spoken, and that has just been ended; it drains for 2 s."""
    board.providers.delays["translate en"] = 2.0
    await board.talk("1", after)
    (name,) = board.switchboard.calls
    board.switchboard.end_call(name, "asked to end")
    return name


def test_who_talks_on_when_a_call_is_ended_is_in_the_next_one_from_that_sample() -> None:
    async def scenario(board: Board) -> None:
        first = await ended(board)
        cut = board.legs["1"].head
        board.legs["2"].hear(speech=False)  # the other party is still there, too
        await board.talk("1", GUARD_SECONDS + 0.1)
        (old, new) = board.switchboard.calls.values()
        assert (old.name, new.name) == (first, "1-2")
        listener = new.interpreters["1"].listener
        assert listener._start == cut
        assert listener.speech.head == board.legs["1"].head
        await board.talk("1", 2.0)
        board.switchboard.end_call(new.name, "over")
        await board.no_calls()
        assert [e["call"] for e in board.events("call") if e["state"] == "ended"] == [first, "1-2"]
        assert sum(e["1.lost_ms"] for e in board.events("call") if e["state"] == "ended") == 0
        # 0.6 s, 1.1 s and 2 s at a word each half second: none unheard, none in both.
        assert bytes(board.legs["2"].played).count(b"word") == 1 + 6

    on_a_board(scenario, idle_timeout=30, drain_timeout=5.0)


def test_the_next_caller_is_heard_while_the_last_call_drains_and_speaks_after_it() -> None:
    async def scenario(board: Board) -> None:
        watching = asyncio.create_task(board.switchboard.watch())
        board.providers.delays["translate en"] = 2.0
        await board.talk("1", 0.6)
        while not any(call.detached for call in board.switchboard.calls.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        board.providers.delays["translate en"] = 0.01
        await board.talk("1", 0.02)
        (old, new) = board.switchboard.calls.values()
        assert not new.detached
        await board.talk("1", 0.6)
        assert new.interpreters["1"].tally.words >= 1
        assert not bytes(board.legs["2"].played), "the last call has the ear"
        await board.no_calls()
        watching.cancel()
        started = [e["call"] for e in board.events("speech") if e["state"] == "started"]
        assert started == sorted(started)
        assert set(started) == {old.name, new.name}
        assert board.legs["1"].resets == 1, "while somebody talks the leg is left alone"

    on_a_board(scenario, drain_timeout=5.0)


def test_a_straggler_is_not_heard_in_the_next_call() -> None:
    async def scenario(board: Board) -> None:
        watching = asyncio.create_task(board.switchboard.watch())
        await ended(board)
        await board.talk("1", 0.2)
        await asyncio.sleep(GUARD_SECONDS)
        head = board.legs["1"].head
        board.legs["1"].hear()
        new = board.switchboard.calls["1-2"]
        assert new.interpreters["1"].listener._start == head
        await asyncio.sleep(0.1)
        watching.cancel()

    on_a_board(scenario, idle_timeout=30, drain_timeout=5.0)


def test_a_leg_whose_straggler_held_up_its_reset_is_reset_all_the_same() -> None:
    async def scenario(board: Board) -> None:
        watching = asyncio.create_task(board.switchboard.watch())
        await board.talk("1", 0.3)
        (name,) = board.switchboard.calls
        board.switchboard.end_call(name, "asked to end")
        await board.talk("1", 0.1)
        while board.switchboard.calls:
            board.legs["1"].hear()
            await asyncio.sleep(0.02)
        assert board.legs["1"].resets == 0
        await asyncio.sleep(2.5)
        assert board.legs["1"].resets == 1
        watching.cancel()

    on_a_board(scenario, idle_timeout=30)


def test_frames_that_were_on_their_way_at_the_end_are_the_next_calls_out_of_the_ledger() -> None:
    async def scenario(board: Board) -> None:
        await ended(board)
        cut = board.legs["1"].head
        board.legs["1"].head += 3 * 320  # swallowed by the media's detaching
        await board.talk("1", GUARD_SECONDS + 0.1)
        (_, new) = board.switchboard.calls.values()
        assert new.interpreters["1"].listener._start == cut
        await board.talk("1", 0.5)
        board.switchboard.end_call(new.name, "over")
        await board.no_calls()
        assert sum(e["1.lost_ms"] for e in board.events("call") if e["state"] == "ended") == 0
        assert board.legs["1"].detached == 2
        assert board.legs["1"].forgotten == cut, "the next call does not see the last one's sound"

    on_a_board(scenario, idle_timeout=30, drain_timeout=5.0)


def test_silence_that_was_put_aside_belongs_to_the_call_that_ends() -> None:
    async def scenario(board: Board) -> None:
        leg = board.legs["1"]
        await board.talk("1", 0.6)
        (name,) = board.switchboard.calls
        while len(leg.aside) < 3:
            leg.hear(speech=False)
            await asyncio.sleep(0.02)
        board.switchboard.end_call(name, "over")
        assert board.switchboard.legs["1"].head == leg.head
        assert board.switchboard.calls[name].interpreters["1"].listener.speech.head == leg.head

    on_a_board(scenario, idle_timeout=30, drain_timeout=5.0)


def test_an_operator_who_listens_in_hears_silence_as_it_comes() -> None:
    async def scenario(board: Board) -> None:
        leg = board.legs["1"]
        await board.talk("1", 0.6)
        board.switchboard.legs["1"].listen_in("said")
        for _ in range(200):
            leg.hear(speech=False)
            assert not leg.aside
            await asyncio.sleep(0.02)
        board.switchboard.legs["1"].listen_no_more("said")
        while not leg.aside:
            leg.hear(speech=False)
            await asyncio.sleep(0.02)

    on_a_board(scenario, idle_timeout=30)


def test_a_source_that_changes_in_mid_call_is_an_event() -> None:
    async def scenario(board: Board) -> None:
        board.legs["1"].hear()
        change = SimpleNamespace(old=("127.0.0.1", 4000), new=("127.0.0.1", 4001))
        board.legs["1"].on_source(change)
        (event,) = board.events("source")
        assert (event["leg"], event["call"]) == ("1", "1-1")
        assert (event["before"], event["now"]) == ("127.0.0.1:4000", "127.0.0.1:4001")

    on_a_board(scenario)


def test_rtp_on_a_raw_leg_is_an_event_although_no_call_begins() -> None:
    async def scenario(board: Board) -> None:
        for format in ("alaw", None):
            found = SimpleNamespace(format=format, payload_type=96, taken=False)
            board.legs["1"].on_rtp(found)
        one, two = board.events("rtp")
        assert (one["leg"], one["call"]) == ("1", None)
        assert (one["format"], one["port"], one["heard"]) == ("alaw", 6000, False)
        assert two["format"] == "payload type 96"
        assert board.switchboard.unheard() == []
        board.legs["1"].unheard = found
        (unheard,) = board.switchboard.unheard()
        assert unheard == {"leg": "1", "format": "payload type 96", "port": 6000}

    on_a_board(scenario)


# --- Bugs ---


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Errors that the switchboard logs."""
    lines: list[tuple[str, dict[str, Any]]] = []

    def note(text: str, **more: object) -> None:
        lines.append((text, more))

    monkeypatch.setattr("translink.calls.switchboard.log.error", note)
    return lines


@pytest.mark.parametrize("bug", ["listen en", "translate en", "speak fr"])
def test_a_bug_ends_its_call_and_no_other(
    bug: str, logged: list[tuple[str, dict[str, Any]]]
) -> None:
    async def scenario(board: Board) -> None:
        board.providers.bugs[bug] = RuntimeError("a bug")
        other = asyncio.create_task(board.talk("3", 4.0))
        await asyncio.sleep(0.1)
        await board.talk("1", 0.7)
        assert list(board.switchboard.calls) == ["3-1"]
        assert board.legs["1"].resets == board.legs["2"].resets == 1
        (ended,) = [e for e in board.events("call") if e["state"] == "ended"]
        assert (ended["call"], ended["reason"]) == ("1-2", "error")

        board.providers.bugs.clear()
        await asyncio.sleep(GUARD_SECONDS)
        await board.talk("1", 0.7)
        assert len(board.switchboard.calls) == 2
        assert board.mode("1") == board.mode("3") == "streaming"
        assert bytes(board.legs["2"].played).startswith(b"(word)")
        await other
        assert stats(board, "3")["stt"]["connections_total"] == 1
        assert bytes(board.legs["4"].played).count(b"(word)") >= 6

    on_a_board(scenario, idle_timeout=30)
    ((text, more),) = logged
    assert (text, more["call"]) == ("a bug ended this call; others go on", "1-2")
    assert more["exc_info"] is not None


def test_a_bug_in_what_is_kept_of_a_call_leaves_its_legs_to_the_next() -> None:
    async def scenario() -> None:
        board = Board()
        board.switchboard.on_ended = _breaks
        await board.talk("1", 1.0)
        (call,) = board.switchboard.calls
        board.switchboard.end_call(call, "for a test")
        await asyncio.sleep(30.0)
        assert not board.switchboard.calls
        assert board.switchboard.legs["1"].call is None

    run_virtually(scenario())


def _breaks(call: object) -> None:
    raise TypeError("a bug")


def test_a_bug_where_the_media_calls_ends_its_call_too(
    logged: list[tuple[str, dict[str, Any]]],
) -> None:
    async def scenario(board: Board) -> None:
        board.legs["1"].hear()
        board.legs["3"].hear()
        (name, _) = board.switchboard.calls
        listener = board.switchboard.calls[name].interpreters["1"].listener
        listener.speech.head = None  # type: ignore[assignment]
        board.legs["1"].hear()
        await board.no_calls_of("1")
        assert list(board.switchboard.calls) == ["3-2"]
        assert board.legs["1"].resets == 1

    on_a_board(scenario, idle_timeout=30)
    assert [more["call"] for _, more in logged] == ["1-1"]


def test_a_leg_out_of_service_ends_its_call_and_takes_no_other(
    logged: list[tuple[str, dict[str, Any]]],
) -> None:
    async def scenario(board: Board) -> None:
        board.legs["3"].hear()
        await board.talk("1", 0.3)
        board.legs["2"].die()
        await board.no_calls_of("1")
        assert board.legs["1"].resets == 1
        assert board.switchboard.out_of_service == {"2"}
        await asyncio.sleep(GUARD_SECONDS)
        await board.talk("1", 0.2)
        assert list(board.switchboard.calls) == ["3-1"]
        (ended,) = [e for e in board.events("call") if e["state"] == "ended"]
        assert ended["reason"] == "a leg is out of service"

    on_a_board(scenario, idle_timeout=30)


# --- Modes ---


def test_each_leg_may_have_a_mode_of_its_own() -> None:
    async def scenario(board: Board) -> None:
        board.switchboard.set_mode("prerecorded", "1")
        for leg in "1234":
            board.legs[leg].hear()
        await asyncio.sleep(0.1)
        modes = {leg: board.mode(leg) for leg in "1234"}
        assert modes == {
            "1": "prerecorded",
            "2": "streaming",
            "3": "streaming",
            "4": "streaming",
        }
        # One for all: what a roll-back has to be.
        board.switchboard.set_mode("prerecorded")
        await asyncio.sleep(2.5)
        assert {board.mode(leg) for leg in "1234"} == {"prerecorded"}
        assert board.providers.open == 0
        with pytest.raises(KeyError):
            board.switchboard.set_mode("auto", "9")

    on_a_board(scenario, idle_timeout=30)


def test_modes_that_change_in_one_step_disturb_no_call_that_they_mean_alike() -> None:
    """Reloaded settings: the system's mode passes by a leg that has one of its own."""

    async def scenario(board: Board) -> None:
        board.switchboard.set_modes("auto", {"1": "streaming"}, 1.0)
        board.legs["1"].hear()
        await asyncio.sleep(0.1)
        board.switchboard.set_modes("prerecorded", {"1": "streaming"}, 1.0)
        await asyncio.sleep(2.5)
        assert (board.mode("1"), board.mode("2")) == ("streaming", "prerecorded")
        assert board.providers.connected.count("en") == 1

    on_a_board(scenario, idle_timeout=30)


def test_a_leg_that_comes_later_has_the_mode_that_was_switched_to_meanwhile() -> None:
    """After a take-over, once its call in the process before is over."""

    async def scenario(board: Board) -> None:
        switches: list[tuple[Mode | None, tuple[str, str]]] = [
            (None, ("streaming", "auto")),  # the share alone
            ("prerecorded", ("prerecorded", "prerecorded")),
        ]
        for mode, modes in switches:
            later = Switchboard(
                board.switchboard._settings,
                {},
                services=board.services,
                journal=Journal(),
                rules=ListenRules(),
            )
            later.set_mode(mode, share=0.5)
            later.open_legs(cast("dict[str, MediaLeg]", {"3": FakeLeg(), "4": FakeLeg()}))
            assert (later.mode_of("3"), later.mode_of("4")) == modes

    languages = {"1": "en", "2": "fr", "3": "de", "4": "es"}
    legs: list[dict[str, object]] = [
        {"name": name, "language": language, "listen": 0, "play_to": int(name)}
        for name, language in languages.items()
    ]
    legs[2]["mode"] = "streaming"
    on_a_board(scenario, legs=legs)


@pytest.mark.parametrize(
    ("mode", "share", "least", "most"),
    [
        ("auto", 0.0, 0, 0),
        ("auto", 0.5, 60, 140),
        ("auto", 1.0, 200, 200),
        ("streaming", 0.0, 200, 200),
        ("prerecorded", 1.0, 0, 0),
    ],
)
def test_the_share_decides_call_by_call_in_auto_only(
    mode: Any, share: float, least: int, most: int
) -> None:
    async def scenario(board: Board) -> None:
        streamed = 0
        for _ in range(200):
            board.legs["1"].hear()
            (name,) = board.switchboard.calls
            call = board.switchboard.calls[name]
            await asyncio.sleep(0.05)
            states = {i.listener.state.value for i in call.interpreters.values()}
            assert len(states) == 1, "both legs of a call draw the same lot"
            streamed += states == {"streaming"}
            call.end("next")
            await board.no_calls()
            await asyncio.sleep(GUARD_SECONDS + 0.1)
        assert least <= streamed <= most

    on_a_board(scenario, idle_timeout=30, mode=mode, streaming_share=share)


def test_a_call_keeps_its_lot_when_the_share_moves() -> None:
    async def scenario(board: Board) -> None:
        board.legs["1"].hear()
        board.legs["3"].hear()
        history = []
        for share in (1.0, 0.7, 0.3, 0.0, 0.3, 0.7, 1.0):
            board.switchboard.set_mode(share=share)
            await asyncio.sleep(2.5)
            history.append({leg for leg in "13" if board.mode(leg) == "streaming"})
        assert history == history[::-1]
        assert (history[0], history[3]) == ({"1", "3"}, set())

    on_a_board(scenario, idle_timeout=30)


# --- Figures ---


def test_a_legs_figures_are_its_calls_and_the_totals_go_on() -> None:
    async def scenario(board: Board) -> None:
        await board.talk("1", 1.0)
        assert stats(board, "1")["datagrams_in"] == 50
        first = dict(stats(board, "1")["stt"])
        assert first["connections_active"] == 1
        (name,) = board.switchboard.calls
        board.switchboard.end_call(name, "over")
        await board.no_calls()
        # Until the next one begins they are those of the last.
        last = stats(board, "1")
        assert (last["call"], last["datagrams_in"], last["stt"]["mode"]) == (None, 50, "idle")
        assert last["stt"]["bytes_sent"] == board.providers.heard
        assert last["stt"]["frames_sent"] == board.providers.heard // 640

        await asyncio.sleep(GUARD_SECONDS + 0.1)
        await board.talk("1", 0.2)
        now = stats(board, "1")
        assert (now["datagrams_in"], now["stt"]["connections_total"]) == (10, 1)
        totals = board.totals()
        assert totals["datagrams_in"] == 60
        assert totals["stt"]["connections_total"] == 4
        assert totals["stt"]["connections_active"] == 2
        assert totals["stt"]["bytes_sent"] == board.providers.heard
        assert (board.switchboard.calls_total, len(board.switchboard.calls)) == (2, 1)

    on_a_board(scenario, idle_timeout=30)


def test_what_is_no_sum_is_not_added_up() -> None:
    async def scenario(board: Board) -> None:
        for leg, late in (("1", 3_000_000), ("2", 5_000_000)):
            board.legs[leg].count("late_max", late)
            board.legs[leg].count("rcvbuf", 4_194_304)
            board.legs[leg].count("rtp_wait_ns", 80_000_000)
        totals = board.totals()
        assert totals["late_max"] == 5_000_000
        assert not {"rcvbuf", "rtp_wait_ns"} & totals.keys()
        assert stats(board, "1")["rcvbuf"] == 4_194_304
        assert stats(board, "1")["late_max"] == 3_000_000

    on_a_board(scenario)


def test_what_is_no_count_is_in_the_next_call_as_it_is_and_not_what_was_added() -> None:
    async def scenario(board: Board) -> None:
        board.legs["1"].count("rtp_wait_ns", 80_000_000)
        await board.talk("1", 0.2)
        (first,) = board.switchboard.calls
        board.switchboard.end_call(first, "over")
        await board.no_calls()
        await asyncio.sleep(GUARD_SECONDS)
        await board.talk("1", 0.2)
        assert stats(board, "1")["rtp_wait_ns"] == 80_000_000

    on_a_board(scenario, idle_timeout=30)


# --- What an ear hears ---


def looked_after(scenario: Callable[[Board], Awaitable[None]], **settings: object) -> Board:
    """The same, while the switchboard looks at its calls."""

    async def watched(board: Board) -> None:
        watching = asyncio.create_task(board.switchboard.watch())
        try:
            await scenario(board)
        finally:
            watching.cancel()

    return on_a_board(watched, **settings)


def test_each_ear_may_hear_the_talker_of_its_pair() -> None:
    async def scenario(board: Board) -> None:
        pairs = (("1", "2"), ("2", "1"), ("3", "4"), ("4", "3"))
        assert all(board.legs[ear].other is board.legs[talker] for ear, talker in pairs)

    on_a_board(scenario)


def test_an_ear_is_switched_to_the_original_and_back_and_no_word_is_lost() -> None:
    async def scenario(board: Board) -> None:
        await board.talk("1", 1.0)
        board.switchboard.legs["2"].set_hearing(original="through", echo_guard=None)
        assert board.legs["2"].original == "through"
        await board.talk("1", 2.0)
        board.switchboard.legs["2"].set_hearing(original="replace", echo_guard=None)
        await board.talk("1", 1.0)
        await asyncio.sleep(0.1)
        (call,) = board.switchboard.calls.values()
        tally = call.interpreters["1"].tally
        assert tally.segments == tally.translated + tally.through == 8
        assert tally.translated == tally.spoken
        # Two seconds were heard themselves, less the words at both ends.
        assert 1 <= tally.through <= 3

    on_a_board(scenario)


def test_a_switch_outlasts_the_call_and_its_counts_are_the_legs() -> None:
    async def scenario(board: Board) -> None:
        board.switchboard.legs["2"].set_hearing(original="captions", echo_guard=False)
        for _ in range(2):
            await board.talk("1", 1.0)
            await board.no_calls()
        assert not board.legs["2"].played
        assert board.legs["2"].echo_guard is False
        (measures,) = (m for m in board.switchboard.measures() if m.leg == "1")
        assert measures.said.captioned == measures.said.segments == 4
        live = board.switchboard.leg_live("2")
        assert (live.original, live.echo.guard) == ("captions", False)

    looked_after(scenario)


def test_how_far_an_ear_is_behind_is_in_the_row_and_in_the_record() -> None:
    async def scenario(board: Board) -> None:
        board.legs["2"].count("tempo", 1_350)
        board.legs["2"].count("behind_ns", 3_200_000_000)
        board.legs["2"].count("playout_queued", 128_000)
        assert board.switchboard.legs["2"].hearing.queued() == 4.0
        board.legs["2"].count("echo_lag_ns", 180_000_000)
        board.legs["2"].count("echo_gain", 500_000)
        await board.talk("1", 1.0)
        (name,) = board.switchboard.calls
        row, live = board.switchboard.row(name), board.switchboard.leg_live("2")
        assert row.behind_s == row.behind_max_s == 3.2
        assert (live.behind_s, live.tempo) == (3.2, 1.35)
        assert (live.echo.lag_ms, live.echo.gain_db) == (180.0, -6.0)
        board.legs["2"].count("behind_ns", 0)
        await board.no_calls()
        (ended,) = (e for e in board.events("call") if e["state"] == "ended")
        assert ended["2.behind_max_s"] == 3.2
        assert ended["1.behind_max_s"] == 0.0

    looked_after(scenario)


def test_a_talker_whose_hearer_is_far_behind_is_asked_for_a_pause_if_so_set() -> None:
    async def scenario(board: Board) -> None:
        board.legs["2"].count("behind_ns", 9_000_000_000)
        await board.talk("1", 1.0)
        asked = board.events("pause")
        assert bytes(board.legs["1"].played) == (tone() if asked else b"")

    assert not looked_after(scenario).events("pause")
    board = looked_after(scenario, lag={"ask_for_pause": 6})
    (event,) = board.events("pause")
    assert (event["leg"], event["behind_s"]) == ("1", 9.0)


def test_an_ear_that_is_being_spoken_to_is_not_disturbed_by_a_tone() -> None:
    async def scenario(board: Board) -> None:
        board.legs["2"].count("behind_ns", 9_000_000_000)
        board.legs["1"].count("playout_queued", 640)
        await board.talk("1", 1.0)
        assert not board.legs["1"].played
        board.legs["1"].count("playout_queued", 0)
        await board.talk("1", 1.0)
        assert bytes(board.legs["1"].played) == tone(), "as soon as nothing else is said there"

    looked_after(scenario, lag={"ask_for_pause": 6})


def test_stray_bytes_are_said_once_a_call() -> None:
    async def scenario(board: Board) -> None:
        for stray, counts in ((3, [3]), (0, [3]), (2, [3, 2])):
            leg = board.legs["1"]
            leg.hear(5)
            await asyncio.sleep(0.1)
            leg.count("bytes_realigned", leg.counters()["bytes_realigned"] + stray)
            (name,) = board.switchboard.calls
            board.switchboard.end_call(name, "over")
            await board.no_calls()
            assert [line["bytes"] for line in lines if "stray bytes" in line["event"]] == counts
            await asyncio.sleep(GUARD_SECONDS + 0.1)

    with capture_logs() as lines:
        on_a_board(scenario, idle_timeout=30)
