"""The process that hears: `python -m translink.offline.engines.decoder`, one per stream.

pocketsphinx's binding holds the interpreter lock while it decodes, so each decoder has a process
of its own, fed as `parent_pipe` says. `C` (first, once): the configuration as JSON. `A`: audio, 16 kHz
s16le. `P`: what is heard so far. `F`: end of the utterance. `R`: forget the speaker. `P` and `F` are
answered by JSON words `[[text, start, end, confidence], …]`, seconds from the utterance's first sample.

Two searches in English: the phrasebook as a grammar, and dictation; the grammar wins when
dictation heard nearly the same (see `_believed`). French has the grammar only.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import re
import tempfile
from array import array
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

import pocketsphinx  # type: ignore[import-untyped] # none on PyPI either

from translink.offline.engines.dictionary import pronunciations
from translink.offline.engines.grammar import Graph, Item, words_of
from translink.offline.engines.parent_pipe import ParentPipe

Spoken = tuple[str, float, float, float]
"""Text, start, end, confidence."""

_FRAMES = 100
"""Per second."""
_GRAMMAR = {"beam": 1e-50, "wbeam": 1e-34, "pbeam": 1e-50, "maxhmmpf": 800}
"""Wider than pocketsphinx's own: 86 → 90 % of French prompts right."""
_CEPSTRAL_MEANS = "55,8,1,6,4,-2,2,-5"
"""Cepstral means to begin with, about those of telephone speech at 16 kHz: with pocketsphinx's own
the first utterance of a stream is often misheard."""
_NOISE = 30
"""Peak of the noise added to what is heard. Speech made by programs begins in digital silence,
which the model has never heard: 12 of 16 French phrases right without, 14 with it."""
_SEED = 1
"""Of that noise. With another noise each time, one recording was understood in as many ways: the same 14 English
prompts had 22 to 31 of 77 words wrong."""
_BELIEVED = ((0.6, -math.inf), (0.45, -3.2), (0.3, -2.3))
"""Likeness to what dictation heard, and mean log likelihood per frame, from which on the grammar's
phrase is believed. Likelihoods of English prompts: in the book -1.6 (5 % below -2.3), others -3.1."""
_FOREIGN = -5.5
"""Below this a French phrase is rejected: in the book -3.3 (5 % below -4.9), others -5.7."""


def main() -> None:
    """Serve standard input until it ends."""
    pipe = ParentPipe()
    decoders: LanguageDecoders | None = None
    for letter, payload in pipe:
        if letter == b"C":
            decoders = LanguageDecoders(json.loads(payload))
            pipe.answer(b'"ready"')
        elif decoders is None:
            return
        elif letter == b"A":
            decoders.hear(payload)
        elif letter == b"P":
            pipe.answer(json.dumps(decoders.partial()).encode())
        elif letter == b"F":
            pipe.answer(json.dumps(decoders.finish()).encode())
        elif letter == b"R":
            decoders.reset()


class LanguageDecoders:
    """Decoders of one language."""

    def __init__(self, config: Mapping[str, object]) -> None:
        """`language`; `phrases` (lists of `Item`); `dictation`: bool."""
        language, phrases = str(config["language"]), config["phrases"]
        if not isinstance(phrases, list):
            raise TypeError("phrases: a list of lists")
        self._grammar, self._book = _grammar_decoder(language, phrases)
        self._dictation = _dictation_decoder() if config.get("dictation") else None
        self._all = [d for d in (self._grammar, self._dictation) if d is not None]
        self._open = False
        noise = random.Random(_SEED)
        self._noise = [noise.randint(-_NOISE, _NOISE) for _ in range(16_001)]
        self.reset()

    def hear(self, pcm: bytes) -> None:
        """More of the utterance; the first piece opens it."""
        samples = array("h", pcm)
        noise = itertools.islice(itertools.cycle(self._noise), len(samples))
        noisy = (max(-32_768, min(32_767, s + n)) for s, n in zip(samples, noise, strict=True))
        pcm = array("h", noisy).tobytes()
        for decoder in self._all:
            if not self._open:
                decoder.start_utt()
            decoder.process_raw(pcm)
        self._open = True

    def partial(self) -> list[Spoken]:
        """Dictation's guess, or the grammar's path so far."""
        if not self._open:
            return []
        return _words(self._dictation or self._grammar)

    def finish(self) -> list[Spoken]:
        """Close the utterance."""
        if not self._open:
            return []
        self._open = False
        for decoder in self._all:
            decoder.end_utt()
        phrase, dictated = self._whole(_words(self._grammar)), _words(self._dictation)
        score = _score(self._grammar)
        if self._dictation is None:
            return phrase if score >= _FOREIGN else []
        return phrase if _believed(phrase, dictated, score) else dictated

    def _whole(self, words: list[Spoken]) -> list[Spoken]:
        """Only whole phrases: what the search had begun of a next one when sound ended goes."""
        return words[: self._book.whole([w[0] for w in words])]

    def reset(self) -> None:
        """Another speaker comes: forget what was learnt of the last one's voice and line."""
        self.finish()
        for decoder in self._all:
            decoder.set_cmn(_CEPSTRAL_MEANS)


def _believed(phrase: list[Spoken], dictated: list[Spoken], score: float) -> bool:
    """Whether the grammar's phrase is what was said: it is, if dictation heard about the same."""
    if not phrase or not dictated:
        return False
    heard, said = [w[0] for w in dictated], [w[0] for w in phrase]
    likeness = max(
        SequenceMatcher(None, heard, said, autojunk=False).ratio(),
        SequenceMatcher(None, "".join(heard), "".join(said), autojunk=False).ratio(),
    )
    return any(likeness >= like and score >= clear for like, clear in _BELIEVED)


def _score(decoder: pocketsphinx.Decoder | None) -> float:
    """Mean acoustic log likelihood of its words per frame, 0 is best."""
    total, frames = 0.0, 0
    for segment in decoder.seg() if decoder is not None and decoder.hyp() is not None else ():
        frames += segment.end_frame - segment.start_frame + 1
        total += math.log(segment.ascore) if segment.ascore > 0 else -700.0
    return total / frames if frames else -math.inf


def _words(decoder: pocketsphinx.Decoder | None) -> list[Spoken]:
    if decoder is None or decoder.hyp() is None:
        return []
    words: list[Spoken] = []
    for segment in decoder.seg():
        text = re.sub(r"\(\d+\)$", "", segment.word)
        if text.startswith(("<", "[", "+", "(")):
            continue
        likelihood = math.log(segment.ascore) if segment.ascore > 0 else -700.0
        frames = segment.end_frame - segment.start_frame + 1
        # No probability, but rising with it: there is no lattice to compute one from.
        confidence = min(0.99, max(0.05, 1.0 + likelihood / frames / 8.0))
        words.append(
            (
                text,
                segment.start_frame / _FRAMES,
                (segment.end_frame + 1) / _FRAMES,
                round(confidence, 4),
            )
        )
    return words


def _dictation_decoder() -> pocketsphinx.Decoder:
    """Open vocabulary, first pass only: 23 instead of 153 ms after the end, for 2 points of errors."""
    path = pocketsphinx.get_model_path("en-us")
    return pocketsphinx.Decoder(
        hmm=f"{path}/en-us",
        lm=f"{path}/en-us.lm.bin",
        dict=f"{path}/cmudict-en-us.dict",
        maxhmmpf=1500,
        fwdflat=False,
        bestpath=False,
        loglevel="FATAL",
    )


def _grammar_decoder(
    language: str, phrases: Iterable[Sequence[Item]]
) -> tuple[pocketsphinx.Decoder | None, Graph]:
    known = _dictionary(language, {w for p in phrases for w in words_of(p)})
    usable = [p for p in phrases if p and all(w in known for w in words_of(p))]
    graph = Graph(usable)
    if not usable:
        return None, graph
    path = pocketsphinx.get_model_path("en-us")
    with tempfile.NamedTemporaryFile("w", suffix=".dict", encoding="utf-8") as file:
        for word in sorted({w for p in usable for w in words_of(p)}):
            for number, phones in enumerate(known[word], 1):
                file.write(f"{word if number == 1 else f'{word}({number})'} {phones}\n")
        file.flush()
        decoder = pocketsphinx.Decoder(
            hmm=f"{path}/en-us",
            lm=None,
            dict=file.name,
            loglevel="FATAL",
            **_GRAMMAR,
        )
    decoder.add_fsg("phrases", decoder.create_fsg("phrases", 0, 1, graph.arcs))
    decoder.activate_search("phrases")
    return decoder, graph


def _dictionary(language: str, words: set[str]) -> dict[str, list[str]]:
    known: dict[str, list[str]] = {}
    if language == "en":
        path = pocketsphinx.get_model_path("en-us")
        with open(f"{path}/cmudict-en-us.dict", encoding="utf-8") as lines:
            for line in lines:
                word, _, phones = line.rstrip().partition(" ")
                word = re.sub(r"\(\d+\)$", "", word)
                if word in words:
                    known.setdefault(word, []).append(phones)
    missing = words - set(known)
    if missing:
        known |= pronunciations(missing, language)
    return known


if __name__ == "__main__":
    main()
