"""`Flux` alone, in virtual time, and one stream of it against the fake service."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import scenarios
from tests.fakes.flux import FakeFlux
from tests.fakes.providers import fake_providers
from tests.support.paths import SHARED, needs_shared
from translink._core import beacon_encode
from translink.errors import Kind, SettingsError
from translink.providers.deepgram.flux import FILL_AFTER, MESSAGE, Flux, FluxOptions
from translink.providers.deepgram.live import DeepgramLive
from translink.providers.deepgram.protocol import TermsAnswer
from translink.results import RATE, Result, StillHeard, StreamEvent

FRAME = b"\x01\x00" * 320
CLOSE = '{"type":"CloseStream"}'
DATA = SHARED / "protocols" / "data" / "derived"


def turn(
    event: str, text: str, end: float, *, index: int = 0, start: float = 0.0, **more: object
) -> dict[str, object]:
    return {
        "type": "TurnInfo",
        "event": event,
        "turn_index": index,
        "audio_window_start": start,
        "audio_window_end": end,
        "transcript": text,
        "words": [{"word": word, "confidence": 0.9} for word in text.split()],
        "end_of_turn_confidence": 0.5,
        **more,
    }


def hear(flux: Flux, *messages: object, now: float = 1.0) -> list[Result]:
    for message in messages:
        flux.receive(json.dumps(message), now)
    return [event for event in flux.events() if isinstance(event, Result)]


def talk(flux: Flux, seconds: float, now: float = 0.0) -> float:
    for _ in range(round(seconds * 50)):
        now += 0.02
        flux.audio(FRAME, now)
    return now


def test_only_the_end_of_a_turn_makes_it_final() -> None:
    results = hear(
        Flux(0.0),
        {"type": "Connected", "request_id": "r", "sequence_id": 0},
        turn("StartOfTurn", "I", 0.5),
        turn("Update", "I want", 0.75),
        turn("EagerEndOfTurn", "I want a room.", 1.25),
        turn("TurnResumed", "I want a room and", 1.75),
        turn("EndOfTurn", "I want a room and breakfast.", 2.5),
    )
    assert [(each.text, each.final, each.speech_final) for each in results] == [
        ("I", False, False),
        ("I want", False, False),
        ("I want a room.", False, False),
        ("I want a room and", False, False),
        ("I want a room and breakfast.", True, True),
    ]
    assert {each.start for each in results} == {0}
    assert (results[-1].end, results[-1].provider) == (40_000, "deepgram.listen")


def test_words_have_the_times_of_their_coming_where_the_server_tells_none() -> None:
    *_, final = hear(
        Flux(0.0),
        turn("Update", "", 1.0),
        turn("StartOfTurn", "I", 1.25),
        turn("Update", "I want a", 1.5),
        turn("EndOfTurn", "I want a room.", 2.0),
    )
    assert [(word.start / RATE, word.end / RATE) for word in final.words] == [
        *((1.0, 1.25), (1.25, 1.375), (1.375, 1.5), (1.5, 2.0))
    ]


def test_words_have_the_servers_times_where_it_tells_them() -> None:
    words = [{"word": "Yes", "confidence": 0.9, "start": 0.5, "end": 0.75}]
    (final,) = hear(Flux(0.0), turn("EndOfTurn", "Yes", 1.0, words=words))
    assert [(word.start, word.end) for word in final.words] == [(8_000, 12_000)]


def test_what_comes_of_a_turn_that_has_ended_is_skipped() -> None:
    flux = Flux(0.0)
    results = hear(
        flux,
        turn("EndOfTurn", "Yes.", 1.0),
        turn("Update", "Yes. No", 1.2),
        turn("EndOfTurn", "Yes.", 1.0),
        turn("Dance", "", 1.4, index=1, start=1.0),
        turn("StartOfTurn", "No", 1.5, index=1, start=1.0),
    )
    assert [(each.text, each.start) for each in results] == [("Yes.", 0), ("No", 16_000)]
    assert (flux.unknown, flux.malformed) == (3, 0)


def test_audio_goes_in_messages_of_80_ms_and_the_rest_before_the_end() -> None:
    flux = Flux(0.0)
    now = talk(flux, 0.18)
    flux.finalize(now)
    flux.close(now)
    *audio, tail, close = flux.to_send()
    assert [len(each) for each in audio] == [MESSAGE, MESSAGE]
    assert (tail, close) == (FRAME, CLOSE)
    assert (flux.frames_sent, flux.bytes_sent) == (9, 9 * 640)
    with pytest.raises(RuntimeError):
        flux.audio(FRAME, now)


def test_where_audio_stops_in_mid_turn_silence_follows_until_it_ends() -> None:
    flux = Flux(0.0)
    now = talk(flux, 0.96)
    hear(flux, turn("Update", "I want", 0.96), now=now)
    flux.to_send()
    looks = 0
    while now < 3.0:
        assert flux.deadline is not None
        now = max(flux.deadline, now)
        flux.tick(now)
        looks += 1
    silence = sum(len(each) for each in flux.to_send()) // 2
    assert silence == pytest.approx((now - 0.96 - FILL_AFTER) * RATE, abs=0.3 * RATE)
    assert looks < 30
    (final,) = hear(flux, turn("EndOfTurn", "I want", 0.96 + silence / RATE), now=now)
    assert final.end == round(0.96 * RATE), "what we sent between is not in its times"
    talk(flux, 0.56, now)
    (later,) = hear(
        flux, turn("Update", "No", 1.5 + silence / RATE, index=1, start=1.2 + silence / RATE)
    )
    assert (later.start, later.end) == (round(1.2 * RATE), round(1.5 * RATE))


def test_what_comes_while_silence_is_sent_says_that_the_stream_still_hears() -> None:
    flux = Flux(0.0)
    now = talk(flux, 0.96)
    hear(flux, turn("Update", "I want", 0.96), now=now)
    _idle(flux, now, 2.0)
    flux.receive(json.dumps(turn("Update", "I want", 1.25)), 2.0)
    assert StillHeard(2.0) in flux.events()
    now = talk(flux, 0.1, 2.0)
    flux.receive(json.dumps(turn("Update", "I want a", 1.5)), now)
    assert not [event for event in flux.events() if isinstance(event, StillHeard)]


def test_silence_is_not_sent_for_ever_nor_between_turns() -> None:
    flux = Flux(0.0, most_fill=5.0)
    now = talk(flux, 1.0)
    hear(flux, turn("Update", "I want", 1.0), now=now)
    _idle(flux, now, 60.0)
    flux.to_send()
    hear(flux, turn("EndOfTurn", "I want", 1.0))
    flux.to_send()
    _idle(flux, 60.0, 100.0)
    held = [message for message in flux.to_send() if isinstance(message, bytes)]
    assert 8 <= len(held) <= 11, "a frame every four seconds, to hold the connection"
    assert flux.silence_sent < 7 * RATE


def _idle(flux: Flux, now: float, until: float) -> None:
    while flux.deadline is not None and now < until:
        now = max(now, flux.deadline)
        flux.tick(now)


def test_after_close_stream_what_was_said_last_is_final() -> None:
    for code in (1000, 1005):
        flux = Flux(0.0)
        hear(flux, turn("StartOfTurn", "Wait", 0.5))
        flux.close(1.0)
        hear(flux, turn("Update", "Wait a", 1.0))
        flux.closed(code, "", 1.2)
        (final,) = hear(flux)
        assert (final.text, final.final, final.speech_final) == ("Wait a", True, True)
        assert flux.failure() is None
        assert flux.deadline is None


@pytest.mark.parametrize("code", [None, 1000, 1005, 1011])
def test_an_end_that_nobody_asked_for_makes_nothing_final(code: int | None) -> None:
    flux = Flux(0.0)
    hear(flux, turn("Update", "Wait a", 1.0))
    error = {"type": "Error", "sequence_id": 1, "code": "INTERNAL", "description": "it failed"}
    hear(flux, error)
    flux.closed(code, "", 1.2)
    assert hear(flux) == []
    failure = flux.failure()
    assert failure is not None
    assert failure.kind is Kind.TRANSIENT
    assert "INTERNAL: it failed" in str(failure)


def test_terms_are_configured_and_answered() -> None:
    flux = Flux(0.0)
    flux.configure(["Smythe"], 1.0)
    (sent,) = flux.to_send()
    assert json.loads(sent) == {"type": "Configure", "keyterms": ["Smythe"]}
    flux.receive('{"type":"ConfigureSuccess"}', 1.1)
    flux.receive('{"type":"ConfigureFailure","code":"NO"}', 1.2)
    assert flux.events() == [TermsAnswer(None), TermsAnswer("NO")]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {"type": st.just("TurnInfo")},
        optional={
            name: JSON
            | st.sampled_from(["EndOfTurn", "Update", 0, 1, 1.5, [{"word": "a"}, {"word": 3}]])
            for name in sorted(turn("", "", 0.0).keys() - {"type"})
        },
    )
)
def test_nothing_a_server_says_can_raise(message: dict[str, Any]) -> None:
    flux = Flux(0.0)
    flux.receive(json.dumps(message).replace("NaN", "1e999"), 1.0)
    flux.close(2.0)
    flux.closed(1005, "", 3.0)
    for result in hear(flux):
        assert 0 <= result.start <= result.end < math.inf


def test_parameters_are_those_of_v2() -> None:
    options = FluxOptions(eot_threshold=0.8, eager_eot_threshold=0.5, keyterm=("Smythe",))
    assert options.query("pt-BR", ("Nguyen",)) == [
        *(("model", "flux-general-multi"), ("encoding", "linear16"), ("sample_rate", "16000")),
        *(("eot_threshold", "0.8"), ("eager_eot_threshold", "0.5"), ("language_hint", "pt")),
        *(("keyterm", "Smythe"), ("keyterm", "Nguyen")),
    ]
    assert options.hears("pt-BR")
    assert not options.hears("pl")
    assert not options.hears("pt", ("en", "fr"))
    english = FluxOptions(model="flux-general-en")
    assert english.hears("en-GB")
    assert not english.hears("fr")
    assert "language_hint" not in dict(english.query("en"))
    with pytest.raises(SettingsError):
        FluxOptions(eager_eot_threshold=0.8)


# --- What is known of the service ---


@needs_shared
@pytest.mark.parametrize("name", scenarios.names(SHARED, scenarios.FLUX))
def test_the_conversations_of_the_protocol_notes(name: str) -> None:
    scenario = scenarios.load(SHARED, name, scenarios.FLUX)
    flux = Flux(0.0)
    finals: list[str] = []
    for step in scenario.steps:
        match step.by_client, step.kind:
            case True, "text":
                flux.close(step.at)
                assert flux.to_send()[-1] == CLOSE
            case False, "text":
                flux.receive(json.dumps(step.message), step.at)
            case False, "close":
                flux.closed(step.code, step.reason, step.at)
        finals += [result.text for result in hear(flux) if result.final]
    assert finals == scenario.turns
    assert flux.malformed == flux.unknown == 0


@needs_shared
async def test_a_stream_of_the_fake_service_which_says_what_the_official_schema_knows() -> None:
    schema = json.loads((DATA / "schemas" / "deepgram-listen-v2-server.schema.json").read_text())
    fake = FakeFlux()
    fake.wrong = fake.timed = True
    async with fake_providers(fake):
        live = DeepgramLive(
            base_url=fake.url,
            api_key="k",
            flux=FluxOptions(eager_eot_threshold=0.4),
            configure=True,
        )
        assert live.hears("fr")
        stream = await live.connect("fr")
        answers: list[str | None] = []
        assert stream.expect(("Smythe",), answers.append)
        events: list[StreamEvent] = []

        async def read() -> None:
            events.extend([event async for event in stream])

        reading = asyncio.create_task(read())
        for number in (1, 2):
            await stream.send(beacon_encode(number))
        await stream.send(bytes(2 * RATE))
        await stream.send(beacon_encode(3) + bytes(3_200))
        await stream.close()
        await asyncio.wait_for(reading, 20.0)
    finals = [each for each in events if isinstance(each, Result) and each.final]
    assert [each.text for each in finals] == ["b1 b2", "b3"]
    assert answers == [None]
    (heard,) = fake.streams
    assert heard.texts[-1] == CLOSE
    assert {each["event"] for each in fake.said if each["type"] == "TurnInfo"} == {
        *("StartOfTurn", "Update", "EagerEndOfTurn", "TurnResumed", "EndOfTurn")
    }
    for message in fake.said:
        jsonschema.validate(message, schema)


async def test_a_language_that_flux_has_not_is_streamed_by_nova() -> None:
    fake = FakeFlux()
    async with fake_providers(fake):
        live = DeepgramLive(base_url=fake.url, api_key="k", flux=FluxOptions())
        stream = await live.connect("pl")
        stream.abort()
    (heard,) = fake.streams
    assert (heard.query["model"], heard.query["language"]) == ("nova-3", "pl")
