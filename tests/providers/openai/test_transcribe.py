"""Recognition of finished pieces by OpenAI's protocol: times where there are any, nothing invented."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from aiohttp import web

from tests.fakes.web import fake_web
from translink.errors import Kind, ProviderError
from translink.providers.http import Http
from translink.providers.openai.endpoint import OpenAiEndpoint
from translink.providers.openai.transcribe import OpenAiTranscribe
from translink.providers.pcm import wav
from translink.results import RATE, Result

KEY = "sk-proj-0123456789abcdef"
SECONDS = bytes(RATE * 2 * 3)


def word(text: str, start: float, end: float) -> dict[str, object]:
    return {"word": text, "start": start, "end": end}


def segment(text: str, start: float, end: float, silent: float, sure: float) -> dict[str, object]:
    return {
        "text": text,
        "start": start,
        "end": end,
        "no_speech_prob": silent,
        "avg_logprob": sure,
    }


async def recognised(body: object, pcm: bytes = SECONDS) -> Result:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(body)

    async with fake_web(answer) as server, Http() as http:
        one = OpenAiTranscribe(http, at=OpenAiEndpoint(server.url, KEY))
        return await one.transcribe(pcm, "pt-BR")


def times(result: Result) -> list[tuple[str, float, float]]:
    return [(w.text, round(w.start / RATE, 2), round(w.end / RATE, 2)) for w in result.words]


async def test_a_recording_goes_as_a_form_that_others_can_read() -> None:
    async def read(request: web.Request) -> web.Response:
        return web.json_response({"text": "Olá."})

    async with fake_web(read) as server, Http() as http:
        one = OpenAiTranscribe(http, at=OpenAiEndpoint(server.url, KEY))
        result = await one.transcribe(b"\x01\x02" * 800, "pt-BR")
        (seen,) = server.seen
        assert await OpenAiTranscribe(
            http, at=OpenAiEndpoint(server.url), model="gpt-4o-transcribe"
        ).transcribe(bytes(320), "en")
    assert (seen.path, seen.headers["authorization"]) == (
        "/v1/audio/transcriptions",
        f"Bearer {KEY}",
    )
    head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + seen.body, policy=policy.HTTP).iter_parts()
    sent = [(p.get_param("name", header="content-disposition"), p.get_content()) for p in parts]
    assert [name for name, _ in sent] == [
        "model",
        "language",
        "temperature",
        "response_format",
        "timestamp_granularities[]",
        "timestamp_granularities[]",
        "file",
    ]
    assert sent[-1][1] == wav(b"\x01\x02" * 800)
    assert (result.text, result.end, result.final) == ("Olá.", 800, True)
    assert result.provider == "openai.prerecorded"
    assert b"verbose_json" in seen.body
    assert b'name="timestamp_granularities[]"\r\n\r\nword' in seen.body
    assert b'name="language"\r\n\r\npt\r\n' in seen.body
    assert b"verbose_json" not in server.seen[1].body, "no model of that name knows times"


@pytest.mark.parametrize(
    ("language", "sent"), [("fil", "tl"), ("tl", "tl"), ("nb", "no"), ("iw", "he"), ("in", "id")]
)
async def test_a_language_of_several_codes_has_the_one_that_whisper_knows(
    language: str, sent: str
) -> None:
    async def read(request: web.Request) -> web.Response:
        return web.json_response({"text": "."})

    async with fake_web(read) as server, Http() as http:
        await OpenAiTranscribe(http, at=OpenAiEndpoint(server.url)).transcribe(bytes(320), language)
    assert f'name="language"\r\n\r\n{sent}\r\n'.encode() in server.seen[0].body


async def test_words_have_the_texts_spelling_and_the_lists_times() -> None:
    result = await recognised(
        {
            "text": " Bom dia, é o e-mail.",
            "words": [
                word("Bom", 0.5, 0.7),
                word("dia", 0.7, 1.0),
                word("é", 1.2, 1.3),
                word("o", 1.3, 1.4),
                word("e", 1.4, 1.5),
                word("mail", 1.5, 1.9),
            ],
        }
    )
    assert result.text == "Bom dia, é o e-mail."
    assert times(result) == [
        ("Bom", 0.5, 0.7),
        ("dia,", 0.7, 1.0),
        ("é", 1.2, 1.3),
        ("o", 1.3, 1.4),
        ("e-mail.", 1.4, 1.9),
    ]


async def test_a_script_without_spaces_is_one_stretch() -> None:
    listed = [word(each, at / 4, at / 4 + 0.25) for at, each in enumerate("你好吗")]
    assert times(await recognised({"text": "你好吗？", "words": listed})) == [
        ("你好吗？", 0.0, 0.75)
    ]


@pytest.mark.parametrize(
    ("body", "first", "last"),
    [
        ({"text": "one two"}, 0.0, 3.0),
        ({"text": "one two", "segments": [segment("x", 0.5, 1.5, 0.1, -0.2)]}, 0.5, 1.5),
        ({"text": "one two", "words": [word("one too many", 0.2, 2.0)]}, 0.2, 2.0),
        ({"text": "one two", "words": [{"word": "one", "start": "0", "end": None}]}, 0.0, 3.0),
        ({"text": "one two", "words": [word("one", 1.0, 0.5), word("two", 2.0, 9e9)]}, 0.0, 3.0),
        ({"text": "one two", "words": [7]}, 0.0, 3.0),
    ],
)
async def test_words_without_times_of_their_own_have_their_share(
    body: dict[str, object], first: float, last: float
) -> None:
    said = times(await recognised(body))
    assert [text for text, _, _ in said] == ["one", "two"]
    assert (said[0][1], said[1][2]) == (first, last)
    assert said[0][2] == said[1][1]


async def test_no_word_ends_after_the_piece() -> None:
    result = await recognised({"text": "late", "words": [word("late", 2.9, 30.0)]})
    assert result.words[0].end == result.end == 3 * RATE


async def test_what_whisper_invents_in_silence_is_left_out() -> None:
    result = await recognised(
        {
            "text": "Bom dia. Thanks for watching!",
            "segments": [
                segment(" Bom dia.", 0.0, 1.0, 0.02, -0.3),
                segment(" Thanks for watching!", 1.0, 3.0, 0.9, -1.4),
            ],
            "words": [
                word("Bom", 0.1, 0.4),
                word("dia", 0.4, 0.9),
                word("Thanks", 1.0, 1.5),
                word("for", 1.5, 2.0),
                word("watching", 2.0, 2.9),
            ],
        }
    )
    assert result.text == "Bom dia."
    assert times(result) == [("Bom", 0.1, 0.4), ("dia.", 0.4, 0.9)]


async def test_doubt_alone_or_silence_alone_leaves_nothing_out() -> None:
    segments = [segment(" Um.", 0, 1, 0.9, -0.5), segment(" Dois.", 1, 2, 0.1, -1.5)]
    assert (await recognised({"text": "Um. Dois.", "segments": segments})).text == "Um. Dois."


async def test_silence_is_an_answer_and_nothing_is_not_sent() -> None:
    silence = await recognised({"text": " ", "segments": [], "words": []})
    assert (silence.text, silence.words, silence.end) == ("", (), 3 * RATE)
    async with Http() as http:
        one = OpenAiTranscribe(http, at=OpenAiEndpoint("http://127.0.0.1:1"))
        assert (await one.transcribe(b"", "en")).text == ""


@pytest.mark.parametrize("body", [[], {}, {"text": None}, {"text": "a" * 30_000}])
async def test_an_answer_without_a_text_is_transient(body: object) -> None:
    with pytest.raises(ProviderError, match="no text") as caught:
        await recognised(body)
    assert caught.value.kind is Kind.TRANSIENT
