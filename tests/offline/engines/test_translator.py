"""apertium's chains where a client does not wait for its answer. What they translate: test_protocols.py."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.serve import until
from translink.offline.engines import translator
from translink.offline.engines.phrasebook import Phrasebook
from translink.offline.engines.protocols import EngineFailed
from translink.offline.engines.translator import PhrasebookTranslator, _Pipeline

CHAIN = """#!{python}
import os, time
asked = b""
while data := os.read(0, 65536):
    *sentences, asked = (asked + data).split(b"\\0")
    for sentence in sentences:
        if b"slow" in sentence:
            time.sleep(0.5)
        if b"hang" in sentence:
            time.sleep(60)
        os.write(1, sentence + b"\\0")
"""
"""Says what it hears, as a chain of apertium's programs would translate it."""


@pytest.fixture
async def made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PhrasebookTranslator]:
    """Of stand-ins for apertium's programs."""
    program = tmp_path / "chain"
    program.write_text(CHAIN.format(python=sys.executable))
    program.chmod(0o755)
    for mode in ("eng-spa", "es-fr"):
        (tmp_path / f"{mode}.mode").write_text(f"{program} $1\n")
    monkeypatch.setattr(shutil, "which", lambda _: str(program))
    monkeypatch.setattr(translator, "_SENTENCE_TIMEOUT", 30.0)
    of_stand_ins = PhrasebookTranslator(Phrasebook(), modes=tmp_path)
    yield of_stand_ins
    await of_stand_ins.close()


async def given_up(made: PhrasebookTranslator, text: str) -> None:
    """Asked by a client that hangs up when the sentence is on its way."""
    asking = asyncio.create_task(made.translate(text, "en", "fr"))
    await until(lambda: bool(asked(made)))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


def first_chain(made: PhrasebookTranslator) -> _Pipeline:
    return made._pipelines["eng-spa"]


def asked(made: PhrasebookTranslator) -> bool:
    return "eng-spa" in made._pipelines and first_chain(made)._asked is not None


def process_of(made: PhrasebookTranslator) -> int:
    process = first_chain(made)._process
    assert process is not None
    return process.pid


async def test_the_answer_nobody_waited_for_is_not_given_to_the_next(
    made: PhrasebookTranslator,
) -> None:
    assert await made.translate("One.", "en", "fr") == "One."
    before = process_of(made)
    await given_up(made, "A slow one.")
    assert await made.translate("Two.", "en", "fr") == "Two."
    assert await made.translate("Three.", "en", "fr") == "Three."
    assert process_of(made) == before, "it was well"


async def test_a_text_with_a_nul_is_one_sentence_and_the_next_has_its_own_answer(
    made: PhrasebookTranslator,
) -> None:
    assert await made.translate("hello\0there friend", "en", "fr") == "Hello there friend"
    assert await made.translate("good friend", "en", "fr") == "Good friend"


async def test_a_chain_that_hangs_is_ended_though_no_client_waits_so_long(
    made: PhrasebookTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await made.translate("One.", "en", "fr") == "One."
    hung = process_of(made)
    monkeypatch.setattr(translator, "_SENTENCE_TIMEOUT", 0.3)
    await given_up(made, "You hang.")
    await until(lambda: not asked(made))
    with pytest.raises(ProcessLookupError):
        os.kill(hung, 0)
    monkeypatch.setattr(translator, "_SENTENCE_TIMEOUT", 30.0)
    assert await made.translate("Two.", "en", "fr") == "Two."


async def test_closing_in_the_middle_of_a_sentence_leaves_no_chain(
    made: PhrasebookTranslator,
) -> None:
    assert await made.translate("One.", "en", "fr") == "One."
    process = process_of(made)
    asking = asyncio.create_task(made.translate("You hang.", "en", "fr"))
    chain = first_chain(made)
    await until(lambda: asked(made))
    await made.close()
    with pytest.raises((asyncio.CancelledError, EngineFailed)):
        await asking
    assert chain._process is None
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
