"""Pico's voices: five languages by pip alone, by processes that stay."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from array import array
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from translink.offline.engines import pico, synthesizer
from translink.offline.engines.check import check
from translink.offline.engines.pico import PICO_VOICES, PicoVoices, parts, plain
from translink.offline.engines.protocols import BusyError, EngineFailed, EngineMissing
from translink.offline.engines.synthesizer import ProgramSynthesizer, speaker_for, spoken_languages

needs_pico = pytest.mark.skipif(
    not pico.has_pico(), reason="Pico is not installed: pip install 'translink[pico]'"
)
SENTENCES = {
    "en": "Good morning, I would like an appointment.",
    "fr": "Bonjour, je voudrais un rendez-vous.",
    "de": "Guten Tag, ich hätte gern einen Termin.",
    "es": "Buenos días, quisiera pedir una cita.",
    "it": "Buongiorno, vorrei un appuntamento.",
}
STAND_IN = """
import os, struct, sys, time
while len(head := sys.stdin.buffer.read(5)) == 5:
    letter, length = struct.unpack("<cI", head)
    voice, _, text = sys.stdin.buffer.read(length).decode().partition("\\0")
    if text == "die":
        os._exit(3)
    if text in ("hang", "slow"):
        time.sleep(60 if text == "hang" else 0.3)
    said = f"{os.getpid()} {voice} {text}".encode() if letter == b"S" else b""
    said += b" " * (len(said) % 2)
    sys.stdout.buffer.write(struct.pack("<I", len(said)) + said)
    sys.stdout.buffer.flush()
"""
"""Speaks its process, its voice and its text instead of a sound."""


@pytest.fixture
async def voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PicoVoices]:
    """Of stand-ins for the library, in processes of their own."""
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setattr(pico, "has_pico", lambda: True)
    start = asyncio.create_subprocess_exec

    async def instead(*_: object, **how: Any) -> asyncio.subprocess.Process:
        return await start(sys.executable, str(tmp_path / "stand_in.py"), **how)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", instead)
    made = PicoVoices()
    yield made
    await made.close()


async def said(voices: PicoVoices, text: str, language: str = "de") -> tuple[int, str]:
    """By which process, and what."""
    sound = voices.speak(text, language, pico.PICO_RATE)
    pid, _, words = b"".join([piece async for piece in sound]).decode().partition(" ")
    return int(pid), words.strip()


@needs_pico
@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize("rate", [8_000, 24_000])
async def test_five_languages_are_spoken_by_it_where_it_is_installed(
    language: str, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesizer, "speaker_for", lambda _: pytest.fail("a program was asked"))
    engine = ProgramSynthesizer()
    try:
        sound = engine.speak(SENTENCES[language], language, rate)
        pcm = b"".join([piece async for piece in sound])
    finally:
        await engine.close()
    assert 1.0 < len(pcm) / 2 / rate < 6.0
    assert max(map(abs, array("h", pcm))) > 3_000


async def test_one_process_speaks_sentence_after_sentence_in_any_language(
    voices: PicoVoices,
) -> None:
    await voices.warm()
    first, _ = await said(voices, "eins")
    assert await said(voices, "un", "fr") == (first, "fr-FR un")
    assert await said(voices, "uno", "it") == (first, "it-IT uno")


async def test_two_speak_at_once_and_no_more(voices: PicoVoices) -> None:
    made = await asyncio.gather(*(said(voices, "slow") for _ in range(5)))
    assert len({pid for pid, _ in made}) == 2


async def test_one_that_dies_is_followed_by_another(voices: PicoVoices) -> None:
    first, _ = await said(voices, "eins")
    with pytest.raises(EngineFailed):
        await said(voices, "die")
    second, words = await said(voices, "zwei")
    assert (second != first, words) == (True, "de-DE zwei")
    os.kill(second, signal.SIGKILL)  # between two sentences
    with contextlib.suppress(EngineFailed):  # its end may be seen before the next sentence or by it
        await said(voices, "drei")
    third, _ = await said(voices, "vier")
    assert third not in (first, second)


async def test_one_that_hangs_is_killed(
    voices: PicoVoices, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = await said(voices, "eins")
    monkeypatch.setattr(pico, "_PART_ANSWER", 0.2)
    with pytest.raises(EngineFailed):
        await said(voices, "hang")
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    monkeypatch.setattr(pico, "_PART_ANSWER", 20.0)
    assert (await said(voices, "zwei"))[0] != first


async def test_an_utterance_that_is_broken_off_costs_no_process(voices: PicoVoices) -> None:
    first, _ = await said(voices, "eins")
    waiting = asyncio.create_task(said(voices, "slow"))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.gather(*voices._asked)
    assert await said(voices, "zwei") == (first, "de-DE zwei")


async def test_more_than_may_wait_are_refused(
    voices: PicoVoices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pico, "_WAITING", 2)
    asked = [asyncio.create_task(said(voices, "slow")) for _ in range(5)]
    made = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in made] == [tuple] * 4 + [BusyError]


async def test_of_a_long_text_the_beginning_is_heard_while_the_rest_is_made(
    voices: PicoVoices,
) -> None:
    long = "Das ist ein Satz, der nicht ganz kurz ist, und er hat noch einen Nachsatz. " * 6
    async with aclosing(voices.speak(long, "de", pico.PICO_RATE)) as sound:
        first = (await anext(sound)).decode()
        assert first.count("Nachsatz") == 2
        more = [piece.decode().count("Nachsatz") async for piece in sound]
    assert more == [2, 2]
    assert list(parts("Short. And short.")) == ["Short. And short."]


@pytest.fixture
def none_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Pico here."""
    for where in ("pico", "synthesizer", "check"):
        monkeypatch.setattr(f"translink.offline.engines.{where}.has_pico", lambda: False)


@pytest.mark.usefixtures("none_installed")
async def test_without_it_the_programs_speak_their_languages_and_the_mend_is_named() -> None:
    assert spoken_languages() == {"en", "fr"}
    with pytest.raises(
        EngineMissing, match=r"no voice for de is installed: pip install 'translink\[pico\]'"
    ):
        speaker_for("de")
    with pytest.raises(EngineMissing, match="no offline voice for pl"):
        speaker_for("pl")
    with pytest.raises(EngineMissing, match="Pico is not installed"):
        await PicoVoices().warm()
    (found,) = [each for each in check() if each.part == "speech synthesis (de, es, it)"]
    assert found.ok, "nothing here needs it"


@needs_pico
def test_with_it_no_program_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    spoken = [each for each in check() if each.part.startswith("speech synthesis")]
    assert [(each.ok, each.detail, each.install) for each in spoken] == [(True, "Pico", "")] * 3


@needs_pico
async def test_callers_words_stand_in_no_command_line_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start, commands = asyncio.create_subprocess_exec, []

    async def noting(*command: Any, **how: Any) -> asyncio.subprocess.Process:
        commands.append(command)
        return await start(*command, **how)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noting)
    made = PicoVoices()
    try:
        words = "My card number is four seven one one."
        pcm = b"".join([piece async for piece in made.speak(words, "en", 16_000)])
        assert len(pcm) > 32_000
        assert commands == [(sys.executable, "-m", "translink.offline.engines.pico_speaker")]
    finally:
        await made.close()


def test_what_pico_would_take_for_markup_is_left_out() -> None:
    assert plain("a <speed level='20'> b\n c") == "a speed level='20' b c"
    assert set(PICO_VOICES) == set(SENTENCES)
