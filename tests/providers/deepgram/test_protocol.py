"""`Listen` alone, in virtual time."""

from __future__ import annotations

import json
import math

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import scenarios
from tests.support.paths import SHARED, needs_shared
from translink.errors import Kind, ProviderError
from translink.providers.deepgram.protocol import (
    LONGEST_TEXT,
    MOST_WORDS_OF_RESULT,
    Listen,
    TermsAnswer,
)
from translink.results import (
    SILENT_FRAME,
    Result,
    SpeechStarted,
    StreamEvent,
    StreamMetadata,
    UtteranceEnd,
)

FRAME = b"\x01\x00" * 320
KEEP_ALIVE = '{"type":"KeepAlive"}'
IDLE = (
    "Deepgram did not receive audio data or a text message within the timeout window. "
    "See https://dpgr.am/net0001"
)


def results(
    text: str, start: float, duration: float, *, final: bool = False, **more: object
) -> dict[str, object]:
    words = [
        {"word": word.strip(".,").lower(), "start": start, "end": start + 0.1, "confidence": 0.9}
        | {"punctuated_word": word}
        for word in text.split()
    ]
    alternative = {"transcript": text, "confidence": 0.9, "words": words}
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "start": start,
        "duration": duration,
        "is_final": final,
        "channel": {"alternatives": [alternative]},
        "metadata": {},
        **more,
    }


def hear(listen: Listen, *messages: object, now: float = 1.0) -> list[StreamEvent | TermsAnswer]:
    for message in messages:
        listen.receive(json.dumps(message), now)
    return listen.events()


def test_a_result_counts_in_samples() -> None:
    (event,) = hear(Listen(0.0), results("Bonjour, je", 10.160001, 0.39999998), now=7.5)
    assert isinstance(event, Result)
    assert (event.start, event.end) == (162_560, 168_960)
    assert [word.text for word in event.words] == ["Bonjour,", "je"]
    assert (event.words[0].start, event.words[0].end) == (162_560, 164_160)
    assert (event.text, event.final, event.speech_final) == ("Bonjour, je", False, False)
    assert (event.received, event.provider) == (7.5, "deepgram.listen")


def test_an_interim_replaces_the_one_before() -> None:
    listen = Listen(0.0)
    first, second = hear(
        listen, results("I was thirty", 0.0, 1.0), results("Was thirty years", 0.0, 2.0)
    )
    assert isinstance(first, Result)
    assert isinstance(second, Result)
    assert first.start == second.start
    assert second.text == "Was thirty years"


def test_speech_final_without_final_is_still_to_be_revised() -> None:
    (event,) = hear(Listen(0.0), results("Oui", 0.0, 1.0, final=False, speech_final=True))
    assert isinstance(event, Result)
    assert not event.speech_final


def test_an_empty_final_is_passed_on() -> None:
    (event,) = hear(Listen(0.0), results("", 0.0, 2.4, final=True, speech_final=True))
    assert isinstance(event, Result)
    assert (event.text, event.words, event.final) == ("", (), True)


def test_an_utterance_end_of_minus_one_has_no_last_word() -> None:
    events = hear(
        Listen(0.0),
        {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": -1},
        {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 2.395},
    )
    assert events == [UtteranceEnd(None, 1.0), UtteranceEnd(38_320, 1.0)]


def test_speech_started_counts_in_samples() -> None:
    message = {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 9.54}
    assert hear(Listen(0.0), message) == [SpeechStarted(152_640, 1.0)]


def test_audio_goes_out_as_it_came_and_is_counted() -> None:
    listen = Listen(0.0)
    listen.audio(FRAME, 0.1)
    listen.audio(FRAME[:100], 0.2)
    assert listen.to_send() == [FRAME, FRAME[:100]]
    assert listen.to_send() == []
    assert (listen.frames_sent, listen.bytes_sent) == (2, 740)


def test_an_empty_frame_is_never_sent() -> None:
    listen = Listen(0.0)
    listen.audio(b"", 0.1)
    assert listen.to_send() == []
    assert listen.frames_sent == 0


def test_finalize_and_close_follow_the_audio_before_them() -> None:
    listen = Listen(0.0)
    listen.audio(FRAME, 0.1)
    listen.finalize(0.2)
    listen.audio(FRAME, 0.3)
    listen.close(0.4)
    listen.close(0.5)
    listen.finalize(0.6)
    assert listen.to_send() == [FRAME, '{"type":"Finalize"}', FRAME, '{"type":"CloseStream"}']
    with pytest.raises(RuntimeError):
        listen.audio(FRAME, 0.7)


def test_keep_alive_comes_four_seconds_after_the_last_audio_and_as_text() -> None:
    listen = Listen(0.0)
    listen.audio(FRAME, 10.0)
    assert listen.to_send() == [FRAME]
    assert listen.deadline == 14.0
    listen.tick(13.99)
    assert listen.to_send() == []
    listen.tick(14.0)
    assert listen.to_send() == [KEEP_ALIVE]
    assert listen.deadline == 18.0
    listen.tick(18.5)
    assert listen.to_send() == [KEEP_ALIVE]


def test_a_connection_without_audio_is_held_by_silence_that_no_time_counts() -> None:
    listen = Listen(0.0)
    listen.tick(4.0)
    assert listen.to_send() == [SILENT_FRAME, KEEP_ALIVE]
    listen.tick(8.0)
    assert listen.to_send() == [KEEP_ALIVE]
    assert listen.silence_sent == 320
    assert (listen.frames_sent, listen.bytes_sent) == (0, 0)
    listen.audio(FRAME, 9.0)
    listen.tick(13.0)
    assert listen.to_send() == [FRAME, KEEP_ALIVE]
    events = hear(
        listen,
        results("Oui.", 0.02, 1.0, final=True),
        {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.01},
        {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 0.52},
    )
    first, started, ended = events
    assert isinstance(first, Result)
    assert (first.start, first.end, first.words[0].start) == (0, 16_000, 0)
    assert started == SpeechStarted(0, 1.0)
    assert ended == UtteranceEnd(8_000, 1.0)


def test_no_keep_alive_after_close_or_the_end() -> None:
    for end in (
        lambda listen: listen.close(1.0),
        lambda listen: listen.closed(1011, "", 1.0),
        lambda listen: hear(listen, {"type": "Metadata", "request_id": "x", "duration": 0}),
    ):
        listen = Listen(0.0)
        end(listen)
        listen.to_send()
        assert listen.deadline is None
        listen.tick(100.0)
        assert listen.to_send() == []


def test_metadata_ends_a_stream_that_was_asked_to_end() -> None:
    listen = Listen(0.0)
    listen.close(1.0)
    (event,) = hear(listen, {"type": "Metadata", "request_id": "abc", "duration": 4.25})
    assert event == StreamMetadata("abc", 4.25)
    assert listen.failure() is None
    listen.closed(None, "connection lost", 2.0)
    assert listen.failure() is None


def test_metadata_nobody_asked_for_is_a_failure_before_the_close_comes() -> None:
    listen = Listen(0.0)
    hear(listen, {"type": "Metadata", "request_id": "abc", "duration": 0})
    failure = listen.failure()
    assert failure is not None
    assert failure.kind is Kind.TRANSIENT


@pytest.mark.parametrize(
    ("code", "reason", "kind", "words"),
    [
        (1011, IDLE, Kind.TRANSIENT, "NET-0001"),
        (1011, "NET-0001", Kind.TRANSIENT, "NET-0001"),
        (1011, "See https://dpgr.am/NET0000", Kind.TRANSIENT, "NET-0000"),
        (1011, "", Kind.TRANSIENT, "1011"),
        (1008, "DATA-0000", Kind.REFUSED, "DATA-0000"),
        (1008, "", Kind.REFUSED, "1008"),
        (1011, "cannot decode: data0000", Kind.REFUSED, "DATA-0000"),
        (1000, "", Kind.TRANSIENT, "1000"),
        (1001, "going away", Kind.TRANSIENT, "going away"),
        (1012, "", Kind.TRANSIENT, "1012"),
        (1013, "", Kind.TRANSIENT, "1013"),
        (4000, "custom", Kind.TRANSIENT, "custom"),
        (None, "connection lost", Kind.TRANSIENT, "connection lost"),
    ],
)
def test_an_end_nobody_asked_for_is_a_failure_of_its_class(
    code: int | None, reason: str, kind: Kind, words: str
) -> None:
    listen = Listen(0.0, provider="deepgram.other")
    listen.closed(code, reason, 1.0)
    failure = listen.failure()
    assert failure is not None
    assert (failure.kind, failure.status, failure.provider) == (kind, code, "deepgram.other")
    assert words in str(failure)


def test_an_end_asked_for_but_cut_short_is_a_failure() -> None:
    listen = Listen(0.0)
    listen.close(1.0)
    listen.closed(None, "connection lost", 1.1)
    failure = listen.failure()
    assert failure is not None
    assert failure.kind is Kind.TRANSIENT


def test_an_error_message_explains_the_close_that_follows() -> None:
    listen = Listen(0.0)
    error = {"type": "Error", "variant": "Busy", "description": "go\naway", "message": "x"}
    assert hear(listen, error) == []
    assert listen.failure() is None
    listen.closed(1011, "", 1.0)
    assert "Busy: go away" in str(listen.failure())
    assert listen.complaints == 1


def test_the_first_end_counts() -> None:
    listen = Listen(0.0)
    listen.closed(1008, "", 1.0)
    listen.closed(None, "", 2.0)
    failure = listen.failure()
    assert failure is not None
    assert failure.status == 1008


def test_an_unknown_message_is_skipped_and_counted() -> None:
    listen = Listen(0.0)
    events = hear(listen, {"type": "SomethingNew", "x": 1}, results("Oui.", 0.0, 1.0, final=True))
    assert len(events) == 1
    assert listen.unknown == 1


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff\xfe",
        "{",
        "[]",
        "null",
        "3",
        '{"type": 5}',
        '{"type":"Results"}',
        '{"type":"Results","start":"0","duration":1,"channel":{"alternatives":[]}}',
        '{"type":"Results","start":0,"duration":1e300,"channel":{"alternatives":[]}}',
        '{"type":"Results","start":0,"duration":1,"channel":[0,1]}',
        '{"type":"Results","start":0,"duration":1,"channel":{"alternatives":["x"]}}',
        '{"type":"Results","start":0,"duration":1,"channel":{"alternatives":[{"transcript":7}]}}',
        '{"type":"UtteranceEnd"}',
        '{"type":"SpeechStarted","timestamp":true}',
    ],
)
def test_a_message_that_cannot_be_read_is_skipped_and_counted(message: str | bytes) -> None:
    listen = Listen(0.0)
    listen.receive(message, 1.0)
    assert listen.events() == []
    assert listen.malformed == 1
    assert hear(listen, results("Oui.", 0.0, 1.0, final=True))


def test_what_cannot_be_read_is_said_once_a_minute_and_not_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listen = Listen(0.0)
    for second in range(61):
        listen.receive(f"garbage-{second}", float(second))
    first, second_line = (record.getMessage() for record in caplog.records)
    assert first.endswith("skipped: 1 so far, 0 not in the log")
    assert second_line.endswith("skipped: 61 so far, 59 not in the log")
    assert "garbage" not in caplog.text


def test_a_result_longer_than_speech_can_be_is_damage() -> None:
    listen = Listen(0.0)
    assert hear(listen, results("x" * (LONGEST_TEXT + 1), 0.0, 1.0, final=True)) == []
    assert listen.malformed == 1
    (event,) = hear(listen, results("a " * (LONGEST_TEXT // 2), 0.0, 1.0, final=True))
    assert isinstance(event, Result)
    assert len(event.words) == MOST_WORDS_OF_RESULT


def test_a_word_that_cannot_be_read_does_not_cost_the_final_its_text() -> None:
    message = results("Oui, non.", 0.0, 1.0, final=True)
    message["channel"]["alternatives"][0]["words"][0] = {"word": "oui"}  # type: ignore[index]
    listen = Listen(0.0)
    (event,) = hear(listen, message)
    assert isinstance(event, Result)
    assert event.text == "Oui, non."
    assert [word.text for word in event.words] == ["non."]
    assert listen.malformed == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
NUMBER = st.none() | st.integers() | st.floats() | st.text(max_size=3)
ODD_RESULTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["Results", "UtteranceEnd", "SpeechStarted", "Metadata", "Error"])},
    optional={
        "start": NUMBER,
        "duration": NUMBER,
        "last_word_end": NUMBER,
        "timestamp": NUMBER,
        "request_id": JSON,
        "is_final": JSON,
        "description": JSON,
        "channel": st.fixed_dictionaries(
            {
                "alternatives": st.lists(
                    st.fixed_dictionaries(
                        {"transcript": JSON},
                        optional={
                            "words": st.lists(
                                st.fixed_dictionaries(
                                    {"word": JSON, "start": NUMBER, "end": NUMBER}
                                )
                                | JSON,
                                max_size=3,
                            )
                        },
                    )
                    | JSON,
                    max_size=2,
                )
            }
        )
        | JSON,
    },
)


@given(st.lists(ODD_RESULTS | JSON | st.binary(max_size=40), max_size=6), st.booleans())
def test_nothing_a_server_says_can_raise(messages: list[object], after_silence: bool) -> None:
    listen = Listen(0.0)
    if after_silence:
        listen.tick(4.0)
    for message in messages:
        raw = message if isinstance(message, bytes) else json.dumps(message)
        listen.receive(raw, 1.0)
    for event in listen.events():
        if isinstance(event, Result):
            assert 0 <= event.start <= event.end
            assert all(0 <= word.start <= word.end for word in event.words)
        elif isinstance(event, StreamMetadata):
            assert math.isfinite(event.duration)


@given(st.lists(st.sampled_from(["audio", "finalize", "tick", "silence", "close"]), max_size=40))
def test_the_caller_s_audio_leaves_whole_and_in_order(actions: list[str]) -> None:
    listen = Listen(0.0)
    now, given_, sent = 0.0, b"", []
    for number, action in enumerate(actions):
        now += 5.0 if action == "silence" else 0.02
        match action:
            case "audio" if not listen.closing:
                pcm = number.to_bytes(2, "little") * 5
                given_ += pcm
                listen.audio(pcm, now)
            case "finalize":
                listen.finalize(now)
            case "close":
                listen.close(now)
            case _:
                listen.tick(now)
        sent += listen.to_send()
    binary = [message for message in sent if isinstance(message, bytes)]
    silence = b"\0" * (listen.silence_sent * 2)
    assert all(binary)
    assert b"".join(binary) == silence + given_
    closings = [m for m in sent if m == '{"type":"CloseStream"}']
    assert len(closings) == listen.closing
    assert not closings or sent[-1] == closings[0]


@needs_shared
class TestAgainstTheSharedData:
    @pytest.mark.parametrize("name", scenarios.names(SHARED))
    def test_a_scripted_scenario_yields_its_turns(self, name: str) -> None:
        scenario = scenarios.load(SHARED, name)
        listen = Listen(0.0)
        events: list[StreamEvent] = []
        for step in scenario.steps:
            match step.by_client, step.kind:
                case True, "binary":
                    listen.audio(step.binary, step.at)
                case True, "text":
                    assert step.message is not None
                    listen.finalize(step.at) if step.message["type"] == "Finalize" else (
                        listen.close(step.at)
                    )
                case False, "text":
                    listen.receive(json.dumps(step.message), step.at)
                case False, "close":
                    listen.closed(step.code, step.reason, step.at)
            events += [e for e in listen.events() if not isinstance(e, TermsAnswer)]
        assert turns(events) == scenario.turns
        assert listen.malformed == 0
        assert listen.unknown == (name == "unknown_message")
        failure = listen.failure()
        expected = {
            "empty_binary_frame": Kind.TRANSIENT,
            "idle_timeout_no_audio": Kind.TRANSIENT,
            "idle_timeout_after_audio": Kind.TRANSIENT,
            "net0000": Kind.TRANSIENT,
            "data0000": Kind.REFUSED,
        }
        assert (failure.kind if failure else None) == expected.get(name)

    def test_what_is_sent_satisfies_the_schema(self) -> None:
        schema = self.schema("deepgram-listen-v1-client")
        listen = Listen(0.0)
        listen.tick(4.0)
        listen.finalize(5.0)
        listen.close(6.0)
        texts = [json.loads(m) for m in listen.to_send() if isinstance(m, str)]
        assert [text["type"] for text in texts] == ["KeepAlive", "Finalize", "CloseStream"]
        for text in texts:
            jsonschema.validate(text, schema)

    @pytest.mark.parametrize("number", range(1, 5))
    def test_a_recorded_answer_is_read(self, number: int) -> None:
        folder = SHARED / "protocols/data/deepgram/fixtures/python-sdk-v4.8.1"
        message = json.loads((folder / f"ws-{number:02}-response.json").read_text())
        message.setdefault("type", "Results")
        jsonschema.validate(message, self.schema("deepgram-listen-v1-server"))
        listen = Listen(0.0)
        (event,) = hear(listen, message)
        best = message["channel"]["alternatives"][0]
        assert isinstance(event, Result)
        assert event.text == best["transcript"]
        assert [word.text for word in event.words] == [
            word.get("punctuated_word", word["word"]) for word in best["words"]
        ]
        assert event.end == pytest.approx((message["start"] + message["duration"]) * 16_000, abs=2)

    def test_the_documents_samples_are_read(self) -> None:
        read = 0
        for path in sorted((SHARED / "protocols/data/deepgram/fixtures/docs-samples").iterdir()):
            message = json.loads(path.read_text())
            if path.name.startswith(("errors", "tts")) or message.get("type") not in (
                "Results",
                "UtteranceEnd",
                "SpeechStarted",
                "Metadata",
            ):
                continue
            listen = Listen(0.0)
            hear(listen, message)
            assert listen.unknown == 0, path.name
            read += listen.malformed == 0
        assert read >= 5

    def schema(self, name: str) -> dict[str, object]:
        path = SHARED / f"protocols/data/derived/schemas/{name}.schema.json"
        loaded: dict[str, object] = json.loads(path.read_text())
        return loaded


def turns(events: list[StreamEvent]) -> list[str]:
    """The plainest reading of a stream: what a turn said, ended by speech_final or UtteranceEnd."""
    done: list[str] = []
    parts: list[str] = []
    begun = 0
    for event in events:
        match event:
            case Result(final=True):
                if event.text:
                    begun = begun if parts else event.start
                    parts.append(event.text)
                ended = event.speech_final
            case UtteranceEnd(last_word_end=int() as last):
                ended = bool(parts) and last >= begun
            case _:
                ended = False
        if ended and parts:
            done.append(" ".join(parts))
            parts = []
    return [*done, " ".join(parts)] if parts else done


def test_a_failure_is_an_exception_that_may_be_raised() -> None:
    listen = Listen(0.0)
    listen.closed(1011, "", 1.0)
    failure = listen.failure()
    assert isinstance(failure, ProviderError)


def test_terms_that_were_refused_are_not_why_the_connection_was_lost_an_hour_later() -> None:
    """Deepgram sends an `Error` before the `ConfigureFailure`."""
    listen = Listen(0.0)
    listen.configure(["Zoé"], 1.0)
    listen.receive('{"type":"Error","description":"too many terms"}', 2.0)
    listen.receive('{"type":"ConfigureFailure"}', 2.0)
    listen.closed(None, "connection lost", 3_600.0)
    assert "terms" not in str(listen.failure())


def test_configure_replaces_all_key_terms_and_is_answered_once() -> None:
    listen = Listen(0.0)
    listen.configure(["Zoé", "customer service"], 1.0)
    listen.configure([], 2.0)
    assert listen.to_send() == [
        '{"type":"Configure","keyterms":["Zoé","customer service"]}',
        '{"type":"Configure","keyterms":[]}',
    ]
    listen.receive('{"type":"ConfigureSuccess","request_id":"r","keyterms":["Zoé"]}', 3.0)
    listen.receive(
        '{"type":"ConfigureFailure","code":"KeytermsNotSupported","description":"no"}', 3.0
    )
    listen.receive('{"type":"ConfigureFailure"}', 3.0)
    assert listen.events() == [
        TermsAnswer(None),
        TermsAnswer("KeytermsNotSupported: no"),
        TermsAnswer("refused"),
    ]
    assert listen.failure() is None
    listen.close(4.0)
    listen.to_send()
    listen.configure(["late"], 5.0)
    assert listen.to_send() == []
