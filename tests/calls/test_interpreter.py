"""One direction in virtual time, from a talker's frames to the other one's ear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from structlog.testing import capture_logs

from tests.fakes.media import FakeFrame
from tests.support.number_talk import FRAME
from tests.support.speaking import FakeEar, Talkers, provider_error
from tests.support.virtual import run_virtually
from tests.support.world import Plan, World
from translink._core import Frame
from translink.calls.direction import Direction
from translink.calls.hearing import Hearing
from translink.calls.interpreter import Interpreter
from translink.errors import Kind, ProviderError
from translink.observe.journal import Event, Journal
from translink.observe.stages import Stages
from translink.process.pressure import Level, Pressure
from translink.providers.breaker import Breaker
from translink.providers.services import Services
from translink.recognition.timeline import Lost
from translink.results import RATE, Result, UtteranceEnd, Word


class InterpreterRoom:
    """An interpreter with a talker (a `World`), translators, a voice and an ear."""

    def __init__(self, plan: Plan, talkers: Talkers, ear: FakeEar, languages: tuple[str, str]):
        self.world = World(1, plan)
        self.talkers = talkers
        self.ear = ear
        self.journal = Journal()
        self.stages = Stages()
        self.pressure = Pressure()
        self.interpreter = Interpreter(
            Direction("call", "3333", "4444", *languages),
            0,
            microphone=self.world.ledger,
            ear=ear,
            services=Services(
                live=self.world,
                breaker=Breaker("x"),
                transcribe=self.world.transcribe,
                translate=talkers.translate,
                speak=talkers.speak,
                pressure=self.pressure,
            ),
            journal=self.journal,
            stages=[self.stages],
            streaming=True,
        )
        ear.tell = self.interpreter.playout
        # The world talks to the listeners.
        self.world.listener = self.interpreter  # type: ignore[assignment]

    def events(self, type_: str) -> list[Event]:
        return [event for event in self.journal.events if event.type == type_]

    @property
    def heard(self) -> list[str]:
        return " ".join(self.ear.heard).split()

    def final(self, start: float, end: float, text: str, *, speech_final: bool = False) -> None:
        """A final result comes in; the words share the time."""
        tokens = text.split()
        step = (end - start) / max(1, len(tokens))
        words = tuple(
            Word(t, int((start + i * step) * RATE), int((start + (i + 1) * step) * RATE))
            for i, t in enumerate(tokens)
        )
        self.interpreter.item(
            Result(
                int(start * RATE),
                int(end * RATE),
                text,
                words,
                final=True,
                speech_final=speech_final,
                received=time.monotonic(),
            )
        )

    def segments(self) -> list[object]:
        return [event.data["text"] for event in self.events("segment")]


def talk_through(
    plan: Plan,
    *,
    seconds: float = 20.0,
    drain: float = 60.0,
    talkers: Talkers | None = None,
    ear: FakeEar | None = None,
    languages: tuple[str, str] = ("en", "fr"),
) -> InterpreterRoom:
    """A call of `seconds`, drained; nothing goes on after it."""

    async def main() -> InterpreterRoom:
        room = InterpreterRoom(plan, talkers or Talkers(slowness=0.01), ear or FakeEar(), languages)
        await room.world.live_through(seconds, drain)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return room

    return run_virtually(main())


def meet(
    scene: Callable[[InterpreterRoom], Awaitable[None]], plan: Plan | None = None
) -> InterpreterRoom:
    """A running interpreter to which `scene` happens."""

    async def main() -> InterpreterRoom:
        room = InterpreterRoom(plan or Plan(), Talkers(), FakeEar(), ("en", "fr"))
        running = asyncio.create_task(room.interpreter.run())
        await asyncio.sleep(0)
        await scene(room)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return room

    return run_virtually(main())


# --- The whole way ---


@pytest.mark.parametrize(
    "plan",
    [
        Plan(),
        Plan(reset=[4.0, 9.0]),
        Plan(mute=[6.0]),
        Plan(reset=[5.0], refuse=[(5.0, 15.0, Kind.TRANSIENT)]),
        Plan(refuse=[(0.0, 1e9, Kind.DENIED)]),
    ],
    ids=["well", "resets", "mute", "outage", "denied"],
)
def test_every_word_said_is_heard_once_and_in_order(plan: Plan) -> None:
    room = talk_through(plan)
    assert room.heard == room.world.said
    tally = room.interpreter.tally
    assert tally.words == len(room.world.said)
    assert tally.segments == tally.translated == tally.spoken == len(room.events("segment"))
    assert tally.untranslated == tally.unspoken == 0
    assert tally.characters == sum(len(str(text)) for text in room.segments())
    assert [event.data["text"] for event in room.events("translation")] == room.segments()


def test_what_a_failed_translator_takes_with_it_is_shown() -> None:
    class Moody(Talkers):
        async def translate(  # type: ignore[no-untyped-def]
            self, text, source, target, context
        ):
            if len(self.requests) % 3 == 1:
                self.answers[text] = provider_error("no")
            return await super().translate(text, source, target, context)

    room = talk_through(Plan(), talkers=Moody(slowness=0.01))
    shown = " ".join(str(event.data["text"]) for event in room.events("untranslated")).split()
    assert shown
    assert room.heard == [word for word in room.world.said if word not in shown]
    assert sorted([*room.heard, *shown], key=int) == room.world.said


@pytest.mark.parametrize(
    ("provider", "way"),
    [
        ("deepgram.listen", "WEBSOCKET"),
        ("deepgram.prerecorded", "PRERECORDED"),
        ("openai.prerecorded", "PRERECORDED"),
    ],
)
def test_the_log_says_by_which_way_a_text_came(provider: str, way: str) -> None:
    async def scene(room: InterpreterRoom) -> None:
        room.interpreter.item(Result(0, RATE, "hello", (), final=True, provider=provider))

    with capture_logs() as lines:
        meet(scene)
    assert [line["event"] for line in lines if "FINAL" in line["event"]] == [
        f'[{way}] FINAL transcript (3333): "hello"'
    ]


def test_a_bounded_end_reports_whatever_was_not_said() -> None:
    room = talk_through(Plan(mute=[19.0]), drain=2.0, talkers=Talkers(delay=3.0, slowness=0.3))
    tally = room.interpreter.tally
    assert tally.translated + tally.untranslated == tally.segments
    assert tally.spoken + tally.unspoken == tally.translated
    assert tally.unspoken + tally.untranslated > 0
    assert room.world.drained_in < 2.2


def test_what_is_recognised_in_the_last_moment_is_still_said() -> None:
    async def scene(room: InterpreterRoom) -> None:
        async def finish(within: float) -> None:
            await asyncio.sleep(within)
            room.final(0, 1, "one more")

        room.interpreter.listener.finish = finish  # type: ignore[method-assign]
        began = time.monotonic()
        await room.interpreter.finish(5.0)
        assert time.monotonic() - began <= 5.0
        assert room.ear.heard == ["ONE MORE"]

    meet(scene)


def test_times_are_those_of_the_last_sound_and_not_of_the_windows_end() -> None:
    room = talk_through(Plan())
    stages = room.stages
    assert stages["speech_to_final"].count == room.interpreter.tally.segments
    # 300 ms of silence; but a word may wait for nine more to be final.
    assert 0.29 < stages["speech_to_final"].quantile(0.5) < 3.0
    assert stages["ring_to_wire"].quantile(0.99) < 0.001
    assert stages["own"].quantile(0.99) < 0.002
    assert stages["mouth_to_ear"].quantile(0.5) > 0.3 + 0.15 + 0.2


# --- Results to segments ---


def test_an_interim_is_shown_and_never_said() -> None:
    async def scene(room: InterpreterRoom) -> None:
        watching = room.journal.subscribe()
        for text in ("hello", "hello there", "yellow", ""):
            room.interpreter.interim(Result(0, RATE, text, (), final=False))
        await asyncio.sleep(30)
        room.journal.close()
        shown = [event.data["text"] async for event in watching if event.type == "interim"]
        assert shown == ["hello", "hello there", "yellow"]

    room = meet(scene)
    assert room.segments() == room.ear.heard == []


def test_captions_of_unfinished_speech_are_what_a_loaded_machine_gives_up_first() -> None:
    async def scene(room: InterpreterRoom) -> None:
        watching = room.journal.subscribe()
        room.interpreter.interim(Result(0, RATE, "hello", (), final=False))
        room.pressure.level = Level.SHED
        room.interpreter.interim(Result(0, RATE, "hello there", (), final=False))
        room.final(0, 1, "hello there", speech_final=True)
        await asyncio.sleep(5)
        room.journal.close()
        assert [event.data["text"] async for event in watching if event.type == "interim"] == [
            "hello"
        ]
        assert room.pressure.given_up["interims"] == 1

    assert meet(scene).ear.heard == ["HELLO THERE"]


def test_messages_that_were_joined_under_pressure_are_counted() -> None:
    async def scene(room: InterpreterRoom) -> None:
        ready, given_up = time.monotonic_ns(), room.pressure.given_up
        room.interpreter.sent(ready, 1)
        room.interpreter.sent(None, 9)
        room.interpreter.sent(ready, 11)
        assert given_up["messages"] == 0, "together by chance"
        room.pressure.frames_per_message = 5
        room.interpreter.sent(ready, 12)
        room.interpreter.sent(ready, 17)
        assert given_up["messages"] == 4

    meet(scene)


def test_the_end_of_a_turn_sends_it_to_translation() -> None:
    async def scene(room: InterpreterRoom) -> None:
        room.final(0, 1, "hello there")
        assert room.segments() == []
        room.final(1, 2, "my friend", speech_final=True)
        assert room.segments() == ["hello there my friend"]
        await asyncio.sleep(5)

    assert meet(scene).ear.heard == ["HELLO THERE MY FRIEND"]


def test_an_utterance_end_does_so_too_unless_it_is_stale() -> None:
    async def scene(room: InterpreterRoom) -> None:
        room.final(5, 6, "hello there")
        room.interpreter.item(UtteranceEnd(4 * RATE))
        room.interpreter.item(UtteranceEnd(None))
        assert room.segments() == []
        room.interpreter.item(UtteranceEnd(6 * RATE))
        assert room.segments() == ["hello there"]

    meet(scene)


def test_text_that_nobody_ends_waits_for_a_bounded_time() -> None:
    async def scene(room: InterpreterRoom) -> None:
        began = time.monotonic()
        room.final(0, 1, "hello there")
        watching = room.journal.subscribe()
        while (await anext(aiter(watching))).type != "segment":
            pass
        assert time.monotonic() - began == pytest.approx(0.3, abs=0.02)
        room.final(1, 2, "and")
        room.final(2, 3, "more")
        await asyncio.sleep(3)
        assert room.segments() == ["hello there", "and more"]

    meet(scene)


def test_a_loss_is_reported_in_its_place() -> None:
    async def scene(room: InterpreterRoom) -> None:
        room.final(0, 1, "before", speech_final=True)
        room.interpreter.item(Lost(RATE, 3 * RATE))
        room.final(3, 4, "after", speech_final=True)

    room = meet(scene)
    kinds = [event.type for event in room.journal.events if event.type in ("final", "loss")]
    assert kinds == ["final", "loss", "final"]
    (loss,) = room.events("loss")
    place = {"ms": 2000.0, "start": RATE, "end": 3 * RATE}
    assert loss.data == place | {key: loss.data[key] for key in ("began", "ended")}


def test_a_loss_says_when_it_was_said_and_not_when_it_was_given_up() -> None:
    async def scene(room: InterpreterRoom) -> None:
        speech = room.interpreter.listener.speech
        for _ in range(100):
            now = time.monotonic_ns()
            frame = FakeFrame(speech.head, False, now, now, pcm=b"\0\0" * FRAME, rms=1, peak=1)
            room.interpreter.frames(cast("list[Frame]", [frame]))
            await asyncio.sleep(0.02)
        room.interpreter.item(Lost(RATE // 2, RATE))
        # What the ledger does not reach any more is reckoned.
        speech.begin(speech.head)
        room.interpreter.item(Lost(RATE // 2, RATE))

    for loss in meet(scene).events("loss"):
        began, ended = (cast("float", loss.data[key]) for key in ("began", "ended"))
        assert loss.at - began == pytest.approx(1.5, abs=0.05)
        assert loss.at - ended == pytest.approx(1.0, abs=0.05)


def test_a_failure_of_recognition_is_logged_with_the_name_that_the_provider_knows() -> None:
    error = ProviderError("no", provider="x", kind=Kind.REFUSED, request_id="req-9")

    async def scene(room: InterpreterRoom) -> None:
        room.interpreter.failed(error)
        room.interpreter.disconnected(error)

    with capture_logs() as lines:
        meet(scene)
    assert [line["event"] for line in lines if line.get("request_id") == "req-9"] == [
        "recognition failed",
        "[WEBSOCKET] Connection lost for extension 3333",
    ]


def test_an_empty_final_is_nothing_to_say_but_may_end_the_turn() -> None:
    async def scene(room: InterpreterRoom) -> None:
        room.final(0, 1, "hello there")
        room.final(1, 2, "", speech_final=True)

    room = meet(scene)
    assert room.segments() == ["hello there"]
    assert len(room.events("final")) == 1


def test_chinese_is_logged_and_told_without_the_recognisers_spaces() -> None:
    async def scene(room: InterpreterRoom) -> None:
        room.final(0, 2, "我们 明天 去 Google 公司", speech_final=True)

    with capture_logs() as lines:
        room = meet(scene)
    (final,) = room.events("final")
    assert final.data["text"] == "我们明天去 Google 公司"
    assert [line["event"] for line in lines if "FINAL" in line["event"]] == [
        '[WEBSOCKET] FINAL transcript (3333): "我们明天去 Google 公司"'
    ]
    assert room.interpreter.tally.words == 5, "they are counted as the recogniser has them"


# --- What is not translated ---


def test_what_the_hearer_heard_in_the_talkers_own_voice_is_shown_and_not_translated() -> None:
    async def scene(room: InterpreterRoom) -> None:
        ear, zero = room.interpreter.lag.hearing, time.monotonic()
        captured = room.interpreter.listener.speech
        for number in range(15 * 50):
            at = number * FRAME
            captured.frame(at, True, 100, round((zero + (at + FRAME) / RATE) * 1e9))
        room.final(0, 2, "before the switch", speech_final=True)
        ear.switch("through", zero + 3.0)
        room.final(2, 5, "over it", speech_final=True)
        room.final(5, 7, "heard already", speech_final=True)
        ear.switch("replace", zero + 10.0)
        room.final(7, 9, "this too", speech_final=True)
        room.final(9, 12, "and back", speech_final=True)
        await asyncio.sleep(15)

    room = meet(scene)
    assert room.ear.heard == ["BEFORE THE SWITCH", "OVER IT", "AND BACK"]
    assert [text for text, _ in room.talkers.requests] == [
        "before the switch",
        "over it",
        "and back",
    ]
    through = [e.data for e in room.events("speech") if e.data["state"] == "through"]
    assert [data["segment"] for data in through] == [3, 4]
    tally = room.interpreter.tally
    assert (tally.segments, tally.translated, tally.through) == (5, 3, 2)


def test_an_echo_is_reported_and_not_translated() -> None:
    async def scene(room: InterpreterRoom) -> None:
        now = time.monotonic()
        own = Hearing(echo=lambda: 0.18)
        own.played.begin(1, "the meeting is on Tuesday", now - 2.0)
        room.interpreter._echo._hearing = own
        room.final(0, 2, "the meeting is on Tuesday", speech_final=True)
        room.final(2, 3, "and so I come", speech_final=True)
        await asyncio.sleep(5)

    room = meet(scene)
    assert room.ear.heard == ["AND SO I COME"]
    (event,) = room.events("echo")
    assert event.data == {"text": "the meeting is on Tuesday", "start": 0, "end": 2 * RATE}
    assert len(room.events("final")) == 1
    assert (room.interpreter.tally.echoed, room.interpreter.tally.words) == (1, 4)


# --- Bugs, and the end by force ---


@pytest.mark.parametrize("where", ["connect", "transcribe", "translate", "speak"])
def test_a_bug_in_any_provider_ends_the_direction_and_nothing_hangs(where: str) -> None:
    async def main() -> None:
        plan = Plan(refuse=[(0.0, 1e9, Kind.DENIED)] if where == "transcribe" else [])
        room = InterpreterRoom(plan, Talkers(), FakeEar(), ("en", "fr"))

        async def broken(*_: object) -> None:
            raise ZeroDivisionError("a bug")

        bug = ZeroDivisionError("a bug")
        if where == "connect":
            room.world.connect = broken  # type: ignore[assignment,method-assign]
        elif where == "transcribe":
            room.interpreter.listener._pieces._transcribe = broken  # type: ignore[assignment]
        elif where == "translate":
            room.talkers.answers = cast("dict[str, float | BaseException]", _Always(bug))
        else:
            room.talkers.voice_fails = cast(
                "dict[str, tuple[int, BaseException | None]]", _Always((0, bug))
            )
        running = asyncio.create_task(room.interpreter.run())
        room.interpreter.run = asyncio.Event().wait  # type: ignore[assignment,method-assign]
        living = asyncio.create_task(room.world.live_through(30.0))
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.timeout(15):
                await running
        assert caught.group_contains(ZeroDivisionError)
        assert room.world.open_streams == 0
        tally = room.interpreter.tally
        assert tally.translated + tally.untranslated == tally.segments
        living.cancel()
        await asyncio.wait([living])

    run_virtually(main())


class _Always(dict[str, object]):
    """Says the same whatever is asked."""

    def __init__(self, value: object) -> None:
        self._value = value

    def get(self, key: str, default: object = None) -> object:
        return self._value


def test_an_end_by_force_still_reports_what_was_under_way() -> None:
    async def scene(room: InterpreterRoom) -> None:
        room.talkers.delay = 5.0
        room.final(0, 1, "translated soon enough", speech_final=True)
        await asyncio.sleep(5.5)
        room.final(1, 2, "never translated", speech_final=True)
        for _ in range(50):
            start = room.interpreter.listener.speech.head
            now = time.monotonic_ns()
            room.world.ledger.data += b"\1\0" * FRAME
            frame = FakeFrame(start, True, now, now, pcm=b"\1\0" * FRAME, rms=1, peak=1)
            room.interpreter.frames(cast("list[Frame]", [frame]))
            await asyncio.sleep(0.02)

    room = meet(scene)
    tally = room.interpreter.tally
    assert (tally.translated, tally.untranslated) == (1, 1)
    assert tally.spoken + tally.unspoken == 1
    assert sum(cast("float", event.data["ms"]) for event in room.events("loss")) >= 980
    assert room.world.open_streams == 0
