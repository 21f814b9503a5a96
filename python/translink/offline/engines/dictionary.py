"""Pronunciations in the phones of the US-English model, for words it does not know: all of French.

espeak-ng says each word in IPA; IPA is mapped onto the model's 39 phones, with up to 10 variants a
word: vowels that English lacks have two or three neighbours, a schwa may be silent, and a final
consonant that French writes but does not say may be said before a vowel (liaison). The dictionary
is made on the user's machine, once per word, and kept in the XDG cache directory: espeak-ng's
rules are GPL and its output is not shipped.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from translink.offline.engines.protocols import EngineMissing

VARIANTS = 10
"""Per word; more cost time and confuse."""
_CACHE_VERSION = 3
"""Of the mapping below: a new one makes the cache void."""
INSTALL_ESPEAK = "apt-get install espeak-ng"

_PHONES: Mapping[str, Sequence[str]] = {
    "ɑ̃": ("AA N", "AO N", "AO"),
    "ɔ̃": ("AO N", "AO", "OW N"),
    "ɛ̃": ("AE N", "EH N", "AE"),
    "œ̃": ("AH N", "AE N"),
    "tʃ": ("CH",),
    "dʒ": ("JH",),
    "eɪ": ("EY",),
    "aɪ": ("AY",),
    "aʊ": ("AW",),
    "oʊ": ("OW",),
    "əʊ": ("OW",),
    "ɔɪ": ("OY",),
    "a": ("AA", "AE"),
    "ɑ": ("AA",),
    "æ": ("AE",),
    "ɐ": ("AH",),
    "ʌ": ("AH",),
    "ɒ": ("AA",),
    "ɛ": ("EH",),
    "e": ("EY", "IH"),
    "ɜ": ("ER",),
    "ɚ": ("ER",),
    "ə": ("AH", ""),
    "i": ("IY",),
    "ɪ": ("IH",),
    "o": ("OW",),
    "ɔ": ("AO",),
    "ø": ("UH", "ER"),
    "œ": ("AH", "ER", "EH"),
    "u": ("UW", "AO"),
    "ʊ": ("UH",),
    "y": ("UW", "IY"),
    "ʁ": ("R", "HH"),
    "r": ("R",),
    "ɹ": ("R",),
    "ɾ": ("T",),
    "j": ("Y",),
    "w": ("W",),
    "ɥ": ("W",),
    "ɲ": ("N Y",),
    "ŋ": ("NG",),
    "ʃ": ("SH",),
    "ʒ": ("ZH",),
    "ɡ": ("G",),
    "g": ("G",),
    "θ": ("TH",),
    "ð": ("DH",),
    "h": ("HH",),
    "x": ("HH",),
    **{c: (c.upper(),) for c in "pbtdkfvszmnl"},
}
_FINAL_R = ("R", "AH", "AW", "")
"""At the end of a word French r is a vowel more than an r to this model's ear."""
_LIAISON = {"s": "Z", "x": "Z", "z": "Z", "t": "T", "d": "T", "n": "N"}


def pronunciations(words: Iterable[str], language: str) -> dict[str, list[str]]:
    """Each word's variants, as in `{"je": ["ZH AH", "ZH"]}`. Blocking: asks espeak-ng for new words.

    Raises `EngineMissing` when espeak-ng is needed and absent.
    """
    wanted = sorted({w for w in words if any(c.isalpha() for c in w)})
    cache = _Cache(language)
    new = [w for w in wanted if w not in cache.known]
    if new:
        for word, ipa in zip(new, _ipa(new, language), strict=True):
            cache.known[word] = variants(word, ipa, liaison=language == "fr")
        cache.save()
    return {w: cache.known[w] for w in wanted if cache.known[w]}


def variants(word: str, ipa: str, *, liaison: bool) -> list[str]:
    """Phone sequences for an IPA transcription, the likeliest first."""
    choices: list[Sequence[str]] = []
    text = "".join(c for c in ipa if c not in "ˈˌː-‿_ \u200d|")
    at = 0
    while at < len(text):
        for length in (2, 1):
            phones = _PHONES.get(text[at : at + length])
            if phones is not None:
                choices.append(phones)
                at += length
                break
        else:
            at += 1  # a mark that no phone stands for
    if not choices:
        return []
    if text.endswith("ʁ"):
        choices[-1] = _FINAL_R
    said: list[str] = []
    for combination in _by_rank(choices):
        phones_said = " ".join(p for p in combination if p)
        if phones_said and phones_said not in said:
            said.append(phones_said)
        if len(said) >= VARIANTS:
            break
    link = _LIAISON.get(word[-1:]) if liaison else None
    if link is not None and not said[0].endswith(link) and len(word) > 1:
        # `dix heures`: a final s that is said becomes z; elsewhere the z comes on top.
        stems = (s[:-1] + link if s.endswith(" S") and link == "Z" else f"{s} {link}" for s in said)
        linked = list(itertools.islice(stems, 3))
        said = said[: VARIANTS - len(linked)] + linked
    return said


def _by_rank(choices: Sequence[Sequence[str]]) -> Iterable[Sequence[str]]:
    """Combinations, those with few unlikely choices first; bounded work for long words."""
    count = len(choices)
    yield [c[0] for c in choices]
    open_places = [i for i in range(count) if len(choices[i]) > 1]
    for size in (1, 2):
        for places in itertools.combinations(open_places, size):
            for picks in itertools.product(*(choices[p][1:] for p in places)):
                chosen = [c[0] for c in choices]
                for place, pick in zip(places, picks, strict=True):
                    chosen[place] = pick
                yield chosen


def _ipa(words: Sequence[str], language: str) -> list[str]:
    program = shutil.which("espeak-ng")
    if program is None:
        raise EngineMissing(f"espeak-ng is not installed: {INSTALL_ESPEAK}")
    voice = {"en": "en-us"}.get(language, language)
    # A line a word; the full stop keeps espeak-ng from joining lines to one sentence.
    done = subprocess.run(
        [program, "-q", "--ipa", "-v", voice, "--stdin"],
        input="".join(f"{word}.\n" for word in words),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if len(lines) != len(words):
        lines = [_one(program, voice, word) for word in words]
    return lines


def _one(program: str, voice: str, word: str) -> str:
    command = [program, "-q", "--ipa", "-v", voice, "--stdin"]
    done = subprocess.run(
        command, input=word, capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.replace("\n", " ").strip()


class _Cache:
    """`$XDG_CACHE_HOME/translink/phones-fr-VERSION.json`: word → variants. Lost or broken: made again."""

    def __init__(self, language: str) -> None:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self._path = Path(home) / "translink" / f"phones-{language}-{_CACHE_VERSION}.json"
        self.known: dict[str, list[str]] = {}
        try:
            loaded = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return
        if isinstance(loaded, dict):
            self.known = loaded

    def save(self) -> None:
        """Atomically: several decoders may start at once."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(self.known, ensure_ascii=False))
            part.replace(self._path)
        except OSError:
            return  # a home that cannot be written costs half a second at the next start, no more
