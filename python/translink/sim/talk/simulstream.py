r"""A run as simulstream logs one, and what OmniSTEval needs to score it.

`simulstream.jsonl`: each talk is a recording; a line for each word that was heard, with the seconds of
the talk that had been said by then. A word stands for its translation, which has one for each, so
BLEU counts what was lost, doubled or out of place, and the latency is that of the sound at the ear. With
it go `segmentation.yaml` (the talk's sentences), `references.txt` and `config.yaml`:

    omnisteval longform --word_level --hypothesis_format simulstream \
        --hypothesis_file simulstream.jsonl \
        --simulstream_config_file config.yaml --speech_segmentation segmentation.yaml \
        --ref_sentences_file references.txt

Source: simulstream 1.0 (`metrics/readers.py`), OmniSTEval 0.1.10 (README, "longform").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from translink.sim.talk.chords import WRONG_NUMBER
from translink.text.sentences import ends_sentence

if TYPE_CHECKING:
    from translink.sim.talk.measure import HeardTalk
    from translink.sim.talk.words import TalkWord, TimedTalk


def write_simulstream(
    folder: Path, talks: Sequence[TimedTalk], directions: Sequence[HeardTalk]
) -> None:
    """All four files. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    log = bytearray()
    segmentation, references = [], []
    for number, (talk, way) in enumerate(zip(talks, directions, strict=True)):
        name = f"{talk.name}.{number}.wav"
        for line in _log(number, name, talk, way):
            log += orjson.dumps(line) + b"\n"
        for sentence in _sentences(talk.words):
            start, end = sentence[0].start, sentence[-1].end
            row = {"wav": name, "offset": start, "duration": end - start, "speaker_id": name}
            # A JSON object is YAML, too.
            segmentation.append(f"- {orjson.dumps(row).decode()}\n")
            references.append(" ".join(word.text for word in sentence) + "\n")
    (folder / "simulstream.jsonl").write_bytes(log)
    (folder / "segmentation.yaml").write_text("".join(segmentation))
    (folder / "references.txt").write_text("".join(references))
    (folder / "config.yaml").write_text("detokenizer_type: simuleval\nlatency_unit: word\n")


def _log(number: int, name: str, talk: TimedTalk, way: HeardTalk) -> Iterator[dict[str, object]]:
    yield {"id": number, "metadata": {"wav_name": name}}
    began = min((at - talk.words[word].end for word, at in way.said.items()), default=0.0)
    for word, at in way.heard:
        known = word != WRONG_NUMBER and word < len(talk.words)
        yield {
            "id": number,
            "total_audio_processed": round(at - began, 3),
            "computation_time": 0.0,
            "generated_tokens": [talk.words[word].text if known else "?"],
            "deleted_tokens": [],
        }


def _sentences(words: Sequence[TalkWord]) -> Iterator[list[TalkWord]]:
    sentence: list[TalkWord] = []
    for word in words:
        sentence.append(word)
        if ends_sentence(word.text):
            yield sentence
            sentence = []
    if sentence:
        yield sentence
