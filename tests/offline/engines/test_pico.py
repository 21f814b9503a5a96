"""Pico's voices: five languages by pip alone, in a process of their own."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest

from translink.offline.engines import pico, synthesizer
from translink.offline.engines.check import check
from translink.offline.engines.pico import plain
from translink.offline.engines.protocols import EngineMissing
from translink.offline.engines.synthesizer import (
    SPEAKERS,
    ProgramSynthesizer,
    speaker_for,
    spoken_languages,
)

needs_pico = pytest.mark.skipif(
    not pico.has_pico(), reason="Pico is not installed: pip install 'translink[pico]'"
)
SENTENCES = {
    "de": "Guten Tag, ich hätte gern einen Termin.",
    "es": "Buenos días, quisiera pedir una cita.",
    "it": "Buongiorno, vorrei un appuntamento.",
}


@needs_pico
@pytest.mark.parametrize("language", SENTENCES)
async def test_languages_that_no_program_speaks_are_spoken(language: str) -> None:
    sound = ProgramSynthesizer().speak(SENTENCES[language], language, 16_000)
    pcm = b"".join([piece async for piece in sound])
    assert 1.0 < len(pcm) / 32_000 < 6.0
    assert max(map(abs, array("h", pcm))) > 3_000


@needs_pico
def test_it_stands_in_for_a_program_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {code: replace(one, program="no-such-program") for code, one in SPEAKERS.items()}
    monkeypatch.setattr(synthesizer, "SPEAKERS", missing)
    monkeypatch.setattr(synthesizer, "_SPARE", {})
    assert speaker_for("fr").arguments[-1] == "fr-FR"
    assert speaker_for("en").arguments[-1] == "en-US"
    with pytest.raises(EngineMissing, match="no offline voice for pl"):
        speaker_for("pl")


def test_without_it_there_are_the_programs_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesizer, "has_pico", lambda: False)
    monkeypatch.setattr("translink.offline.engines.check.has_pico", lambda: False)
    assert spoken_languages() == {"en", "fr"}
    with pytest.raises(
        EngineMissing, match=r"Pico is not installed: pip install 'translink\[pico\]'"
    ):
        speaker_for("de")
    (found,) = [each for each in check() if each.part == "speech synthesis (de, es, it)"]
    assert found.ok, "nothing here needs it"


def test_what_pico_would_take_for_markup_is_left_out() -> None:
    assert plain("a <speed level='20'> b\n c") == "a speed level='20' b c"
