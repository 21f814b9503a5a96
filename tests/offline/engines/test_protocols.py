"""Translator and synthesizer on this machine's programs."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from array import array
from pathlib import Path
from typing import Any

import pytest

from translink.offline.engines.phrasebook import Phrasebook, load
from translink.offline.engines.protocols import EngineMissing
from translink.offline.engines.synthesizer import SPEAKERS, ProgramSynthesizer
from translink.offline.engines.translator import PhrasebookTranslator

needs_apertium = pytest.mark.skipif(
    shutil.which("lt-proc") is None, reason="apertium is not installed"
)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs speak, as where Pico is not installed."""
    monkeypatch.setattr("translink.offline.engines.synthesizer.has_pico", lambda: False)


needs_voices = pytest.mark.skipif(
    not (shutil.which("flite") and shutil.which("espeak-ng")),
    reason="flite or espeak-ng is not installed",
)


@needs_apertium
async def test_what_the_book_lacks_apertium_translates() -> None:
    translator = PhrasebookTranslator(load())
    try:
        french = await translator.translate("The red house is big.", "en", "fr")
        english = await translator.translate("La maison rouge est grande.", "fr", "en")
    finally:
        await translator.close()
    assert "maison" in french.lower()
    assert french.endswith(".")
    assert "house" in english.lower()


@needs_apertium
async def test_marks_that_apertium_could_mistake_come_through() -> None:
    translator = PhrasebookTranslator(Phrasebook())
    try:
        text = await translator.translate("The price [in $] is 5 / piece {net} ^x <b>", "en", "fr")
    finally:
        await translator.close()
    assert "[" in text
    assert "5 /" in text


@needs_apertium
async def test_a_dead_pipeline_is_started_again() -> None:
    translator = PhrasebookTranslator(Phrasebook())
    try:
        await translator.translate("The cat sleeps.", "en", "fr")
        [pipeline, _] = translator._pipelines.values()
        assert pipeline._process is not None
        os.killpg(pipeline._process.pid, signal.SIGKILL)
        await asyncio.sleep(0.05)
        assert "chat" in await translator.translate("The cat sleeps.", "en", "fr")
    finally:
        await translator.close()


async def test_without_apertium_the_book_still_works_and_the_rest_names_the_command(
    tmp_path: Path,
) -> None:
    translator = PhrasebookTranslator(load(), modes=tmp_path)
    assert await translator.translate("Hello. Goodbye.", "en", "fr") == "Bonjour. Au revoir."
    with pytest.raises(EngineMissing, match="apt-get install apertium"):
        await translator.translate("The red house is big.", "en", "fr")


@needs_voices
@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(("language", "text"), [("en", "-x hello there"), ("fr", "Bonjour à vous")])
@pytest.mark.parametrize("rate", [8_000, 16_000])
async def test_speech_comes_at_the_rate_asked_for(language: str, text: str, rate: int) -> None:
    pieces = [p async for p in ProgramSynthesizer().speak(text, language, rate)]
    sound = array("h", b"".join(pieces))
    assert 0.4 < len(sound) / rate < 3.0
    assert max(map(abs, sound)) > 2_000


@needs_voices
@pytest.mark.usefixtures("programs")
async def test_closing_the_iterator_ends_the_program() -> None:
    sound = ProgramSynthesizer().speak("Bonjour. " * 200, "fr", 16_000)
    assert await anext(sound)
    async with asyncio.timeout(20):
        await sound.aclose()


@pytest.mark.usefixtures("programs")
async def test_a_missing_voice_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineMissing, match="apt-get install flite"):
        await anext(ProgramSynthesizer().speak("hello", "en", 16_000))


@needs_voices
@pytest.mark.usefixtures("programs")
async def test_callers_words_stand_in_no_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every user of the machine can read a command line (/proc/PID/cmdline)."""
    start = asyncio.create_subprocess_exec
    commands: list[tuple[object, ...]] = []

    async def noting(*command: Any, **how: Any) -> asyncio.subprocess.Process:
        commands.append(command)
        return await start(*command, **how)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noting)
    words = "My card number is four seven one one. The code follows."
    for language in SPEAKERS:
        pcm = b"".join(
            [piece async for piece in ProgramSynthesizer().speak(words, language, 16_000)]
        )
        assert len(pcm) > 32_000
    assert len(commands) == len(SPEAKERS)
    assert not any("card" in str(part) for command in commands for part in command)
