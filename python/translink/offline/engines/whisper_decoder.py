"""The process that hears with Whisper: `python -m translink.offline.engines.whisper_decoder`.

Fed as `parent_pipe` says. `C` (first, once): the configuration as JSON. `L`: the language of what follows.
`A`: audio, 16 kHz s16le. `F`: what is heard in it, as words `[[text, start, end, confidence], …]`, seconds
from its first sample. `D`: which language is spoken in it, `[[code, probability], …]`. Both forget the audio.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy

from translink.offline.engines.parent_pipe import ParentPipe

_NO_SPEECH = 0.6
"""Probability of no speech from which on unsure text is invented: Whisper's own rule."""
_UNSURE = -1.0
"""Mean log likelihood, likewise."""


class _Spoken(Protocol):
    word: str
    start: float
    end: float
    probability: float


class _Part(Protocol):
    no_speech_prob: float
    avg_logprob: float

    @property
    def words(self) -> Iterable[_Spoken] | None: ...


def main() -> None:
    """Serve standard input until it ends."""
    from faster_whisper import WhisperModel

    pipe = ParentPipe()
    model, language, audio = None, "en", bytearray()
    for letter, payload in pipe:
        if letter == b"C":
            model = WhisperModel(_place(json.loads(payload)["model"]), "cpu", compute_type="int8")
            pipe.answer(b"[]")
        elif letter == b"L":
            language = payload.decode()
        elif letter == b"A":
            audio += payload
        elif model is not None and letter in b"FD":
            sound = numpy.frombuffer(bytes(audio), "<i2").astype(numpy.float32) / 32_768
            audio.clear()
            if letter == b"D":
                pipe.answer(json.dumps(model.detect_language(sound)[2]).encode())
                continue
            parts, _ = model.transcribe(
                sound,
                language=language,
                beam_size=1,
                temperature=0.0,
                word_timestamps=True,
                condition_on_previous_text=False,
            )
            pipe.answer(json.dumps(words_of(parts)).encode())


def words_of(parts: Iterable[_Part]) -> list[list[object]]:
    """Without what it invents where nobody speaks."""
    return [
        [word.word.strip(), float(word.start), float(word.end), float(word.probability)]
        for part in parts
        if part.no_speech_prob < _NO_SPEECH or part.avg_logprob > _UNSURE
        for word in part.words or ()
        if word.word.strip()
    ]


def _place(model: str) -> str:
    folder = Path(model).expanduser()
    return str(folder) if folder.is_dir() else model


if __name__ == "__main__":
    main()
