"""`ListenSession`, the rules of a stream, without sockets or recognisers."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from tests.offline.stand_ins import burst, silence
from translink.offline.engines.protocols import Heard
from translink.offline.messages import Json
from translink.offline.session import (
    Finish,
    ListenSession,
    ListenTiming,
    Partial,
    Say,
    SessionAudio,
    SessionOptions,
    Step,
)

OPTIONS = SessionOptions(
    interim_results=True, endpointing=0.3, utterance_end=1.0, vad_events=True, punctuate=True
)


def drive(
    session: ListenSession, pieces: list[bytes], words: tuple[Heard, ...] = ()
) -> tuple[list[Json], bytes]:
    """What is said, and what the recogniser was fed. Every final has the words; then they are out."""
    said: list[Json] = []
    fed = b""
    steps = [step for piece in pieces for step in [session.audio(piece)]] + [session.end()]
    for these in steps:
        for step in these:
            match step:
                case SessionAudio(pcm):
                    fed += pcm
                case Partial():
                    said += session.interim(step, ())
                case Finish():
                    said += session.final(step, words)
                    words = ()
                case Say(message):
                    said.append(message)
    return said, fed


def finals(said: list[Json]) -> list[dict[str, object]]:
    return [m for m in said if isinstance(m, dict) and m.get("is_final")]


@given(
    st.lists(st.integers(min_value=1, max_value=9_000), max_size=8),
    st.booleans(),
)
def test_every_byte_reaches_the_recogniser_once_and_in_order(sizes: list[int], loud: bool) -> None:
    sound = (burst if loud else silence)(0.6)
    pieces = [sound[: 2 * size] for size in sizes]
    _, fed = drive(ListenSession(OPTIONS, ListenTiming(), {}), pieces)
    assert fed == b"".join(pieces)


@given(st.lists(st.floats(min_value=0.05, max_value=3.0), min_size=1, max_size=6))
def test_segments_touch_whatever_is_said(seconds: list[float]) -> None:
    pieces = [(burst if i % 2 else silence)(s) for i, s in enumerate(seconds)]
    timing = ListenTiming(piece=1.0, piece_limit=1.5, empty_final=1.0, hold_final=False)
    said, fed = drive(ListenSession(OPTIONS, timing, {}), pieces)
    end = 0.0
    for message in finals(said):
        start, duration = message["start"], message["duration"]
        assert isinstance(start, float)
        assert isinstance(duration, float)
        assert abs(start - end) < 1e-4
        end = start + duration
    assert abs(end - len(fed) / 32_000) < 1e-4


def test_a_piece_cut_in_mid_speech_ends_with_its_last_word() -> None:
    session = ListenSession(OPTIONS, ListenTiming(piece=1.0, piece_limit=1.0), {})
    said, _ = drive(session, [burst(2.5)], (Heard("one", 0.1, 0.6),))
    first = finals(said)[0]
    assert (first["start"], first["duration"]) == (0.0, 0.6)
    assert first["speech_final"] is False


def test_the_utterance_end_follows_the_last_word_by_what_was_asked() -> None:
    session = ListenSession(OPTIONS, ListenTiming(), {})
    said, _ = drive(session, [burst(0.6), silence(1.2)], (Heard("one", 0.1, 0.6),))
    kinds = [m["type"] for m in said if isinstance(m, dict)]
    assert kinds.count("UtteranceEnd") == 1
    [end] = [m for m in said if isinstance(m, dict) and m["type"] == "UtteranceEnd"]
    assert end["last_word_end"] == 0.6


def test_a_finalize_in_mid_speech_ends_neither_the_turn_nor_the_utterance() -> None:
    session = ListenSession(OPTIONS, ListenTiming(), {})
    said: list[Json] = []

    def perform(steps: Iterator[Step]) -> None:
        for step in steps:
            match step:
                case Partial(end):
                    said.extend(session.interim(step, (Heard("on", end - 0.3, end - 0.1),)))
                case Finish(end):
                    said.extend(session.final(step, (Heard("and", end - 0.6, end - 0.4),)))
                case Say(message):
                    said.append(message)

    perform(session.audio(burst(1.5)))
    perform(session.finalize())
    perform(session.audio(burst(1.5)))
    kinds = [m["type"] for m in said if isinstance(m, dict)]
    assert "UtteranceEnd" not in kinds, "words came since the final"
    perform(session.audio(silence(0.5)))
    assert finals(said)[-1]["speech_final"] is True


def test_without_endpointing_only_length_ends_a_piece() -> None:
    session = ListenSession(SessionOptions(endpointing=None), ListenTiming(), {})
    said, _ = drive(session, [burst(0.5), silence(4)])
    assert [m["speech_final"] for m in finals(said)] == [False]


def test_finalize_with_nothing_new_says_nothing() -> None:
    session = ListenSession(OPTIONS, ListenTiming(), {})
    assert list(session.finalize()) == []
