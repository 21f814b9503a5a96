"""The phrasebook: what people say on the telephone, in two languages, in a plain file.

Both the translator (looked up before anything else) and the recognisers (their grammar) live on
it. One entry a line, English and French separated by a tab; several wordings of one side are
separated by ` | `, the first is the one that is spoken:

    Hello. | Hi. | Good morning.<TAB>Bonjour. | Salut.
    I am free on {day}.<TAB>Je suis libre {day}.
    @day Monday<TAB>lundi

`{day}` stands for any one of the `@day` lines, translated with it; `{digit+}` for one or more.
A line `@languages en fr de` says which columns follow, in a file of more languages; what is said in English
joins its lines to those that are there already.
Lines that begin with `#` and empty lines do not count. A file of the user's own stands in the place
of the built-in one; the line `@builtin` in it brings that in, and what follows wins over it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from translink.errors import SettingsError

BOOK_LANGUAGES = ("en", "fr")
"""The columns of a file that does not say."""
PHRASE_LANGUAGES = ("en", "fr", "de", "es", "it")
"""Those of the built-in book; it has few phrases in the last three."""
_SLOT_MARK = re.compile(r"\{(\w+)(\+?)\}")
_BOOK_WORD = re.compile(r"\{\w+\+?\}|[\w]+(?:['-][\w]+)*'?")
_LONGEST_PHRASE = 14
"""Words of the longest phrase looked for in a row of phrases."""
_LIKENESS = 0.88
"""Likeness of the letters from which another wording counts as the same, if it has the same words."""
_UNTELLING_WORDS = {
    "en": frozenset({"a", "an", "the", "to", "please"}),
    "fr": frozenset({"le", "la", "les"}),
}
"""What a wording may lack, or have too many of, and still be the same. Any other word may change all of
it: possible and impossible, Mark and Mary, for and at."""


class PhrasebookError(ValueError):
    """A line that is no entry; the message has file and line number."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One meaning: its wordings by language. `texts[code][0]` is what is said."""

    texts: Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class Phrasebook:
    """All entries and slots of one or more files."""

    entries: list[Entry] = field(default_factory=list)
    slots: dict[str, list[Mapping[str, str]]] = field(default_factory=dict)
    """Slot name → its values, each in both languages."""
    _exact: dict[tuple[str, str], Entry] = field(default_factory=dict)
    _patterns: dict[str, list[tuple[re.Pattern[str], Entry, list[str]]]] = field(
        default_factory=dict
    )

    def read(self, text: str, name: str = "phrasebook") -> None:
        """Add a file's entries; later ones win. Raises `PhrasebookError`."""
        columns: tuple[str, ...] = BOOK_LANGUAGES
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            if line.strip() == "@builtin":
                self.read_builtin()
                continue
            if line.startswith("@languages "):
                columns = tuple(line.split()[1:])
                if len(columns) < 2 or not set(columns) <= set(PHRASE_LANGUAGES):
                    raise PhrasebookError(
                        f"{name}:{number}: not two or more of {' '.join(PHRASE_LANGUAGES)}: {line!r}"
                    )
                continue
            sides = line.rstrip("\n").split("\t")
            sides = [s.strip() for s in sides if s.strip()]
            if len(sides) != len(columns):
                wanted = (
                    "English, a tab, French" if columns == BOOK_LANGUAGES else " ".join(columns)
                )
                raise PhrasebookError(f"{name}:{number}: not {wanted}: {line!r}")
            if line.startswith("@"):
                slot, _, first = sides[0][1:].partition(" ")
                values = dict(zip(columns, (first.strip(), *sides[1:]), strict=True))
                self.slots.setdefault(slot, []).append(values)
                continue
            texts = {
                code: tuple(w.strip() for w in side.split("|") if w.strip())
                for code, side in zip(columns, sides, strict=True)
            }
            self._add(texts, joined=columns != BOOK_LANGUAGES)
        self._index(name)

    def read_builtin(self) -> None:
        """Add what translink brings."""
        for file in ("phrasebook.tsv", "phrases-five.tsv"):
            self.read(resources.files("translink.offline").joinpath(file).read_text("utf-8"), file)

    def _add(self, texts: Mapping[str, tuple[str, ...]], *, joined: bool) -> None:
        if joined and "en" in texts:
            key = normal(texts["en"][0])
            for place, entry in enumerate(self.entries):
                if any(normal(wording) == key for wording in entry.texts.get("en", ())):
                    self.entries[place] = Entry({**texts, **entry.texts})
                    return
        self.entries.append(Entry(texts))

    def translate(self, text: str, source: str, target: str) -> str | None:
        """One sentence; None when it is not in the book."""
        key = normal(text)
        entry = self._exact.get((source, key))
        if entry is not None and target in entry.texts:
            return entry.texts[target][0]
        for pattern, entry, names in self._patterns.get(source, ()):
            if target in entry.texts and (match := pattern.fullmatch(key)):
                values = [
                    self._slot_value(n, v, source, target)
                    for n, v in zip(names, match.groups(), strict=True)
                ]
                return _fill(entry.texts[target][0], names, values)
        near = self._nearest(key, source)
        return near.texts[target][0] if near is not None and target in near.texts else None

    def split(self, words: Sequence[str], language: str) -> list[str] | None:
        """Words without marks as the fewest wordings that make them up, as these are written."""
        spans = spans_of([normal(w) for w in words], lambda key: (language, key) in self._exact)
        if spans is None:
            return None
        keys = [normal(" ".join(words[start:end])) for start, end in spans]
        written = self.written(language)
        return [written[key] for key in keys]

    def wordings(self, language: str) -> Iterator[str]:
        """Every wording as it is written, slots unfilled: what a recogniser may hear."""
        for entry in self.entries:
            yield from entry.texts.get(language, ())

    def written(self, language: str) -> dict[str, str]:
        """Normal form → how it is written, for giving a recogniser's words their punctuation."""
        return {normal(w): w for w in self.wordings(language)}

    def slot_values(self, name: str, language: str) -> list[str]:
        """What `{name}` may stand for."""
        return [value[language] for value in self.slots.get(name, ()) if language in value]

    def _index(self, name: str) -> None:
        self._exact.clear()
        self._patterns = {code: [] for code in PHRASE_LANGUAGES}
        for entry in self.entries:
            for code, wordings in entry.texts.items():
                for wording in wordings:
                    names = [m.group(1) for m in _SLOT_MARK.finditer(wording)]
                    if not names:
                        self._exact[code, normal(wording)] = entry
                        continue
                    for slot in names:
                        if slot not in self.slots:
                            raise PhrasebookError(f"{name}: no @{slot} lines for {wording!r}")
                    self._patterns[code].append((self._pattern(wording, code), entry, names))

    def _pattern(self, wording: str, language: str) -> re.Pattern[str]:
        """A wording with slots as an expression over normal forms."""
        parts = []
        for token in tokens(wording):
            if slot := _SLOT_MARK.fullmatch(token):
                values = sorted(
                    (normal(v) for v in self.slot_values(slot.group(1), language)), key=len
                )
                one = "|".join(re.escape(v) for v in reversed(values))
                one = f"{one}|[0-9]+" if slot.group(1) in ("number", "digit") else one
                parts.append(f"((?:{one})(?: (?:{one}))*)" if slot.group(2) else f"({one})")
            else:
                parts.append(re.escape(token.replace("-", " ")))
        return re.compile(" ".join(parts))

    def _slot_value(self, name: str, text: str, source: str, target: str) -> str:
        """The value's translation; a `+` slot's values one by one, the longest first."""
        both = [v for v in self.slots[name] if source in v and target in v]
        table = {normal(v[source]): v[target] for v in both}
        words, out, at = text.split(), [], 0
        while at < len(words):
            for end in range(len(words), at, -1):
                part = " ".join(words[at:end])
                if part in table:
                    out.append(table[part])
                    at = end
                    break
            else:
                out.append(words[at])
                at += 1
        return " ".join(out)

    def _nearest(self, key: str, source_language: str) -> Entry | None:
        """A wording that differs by its small words only; long enough to be sure."""
        words = key.split()
        if len(words) < 3:
            return None
        best, found = _LIKENESS, None
        matcher = difflib.SequenceMatcher(autojunk=False)
        matcher.set_seq2(key)
        telling = _telling(words, source_language)
        for (code, other), entry in self._exact.items():
            if code != source_language or abs(len(other) - len(key)) > 0.25 * len(key):
                continue
            if _telling(other.split(), source_language) != telling:
                continue
            matcher.set_seq1(other)
            if (score := matcher.ratio()) > best:
                best, found = score, entry
        return found


def load(path: Path | None = None) -> Phrasebook:
    """The user's book, else the built-in one. Raises `PhrasebookError`, `OSError`."""
    book = Phrasebook()
    if path is None:
        book.read_builtin()
    else:
        book.read(path.read_text("utf-8"), str(path))
    return book


def named_book(path: Path | None, setting: str) -> Phrasebook:
    """`load`. Raises `SettingsError` with the setting's name and what is wrong with the file."""
    try:
        return load(path)
    except PhrasebookError as error:
        wrong = str(error)
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        wrong = "should be text in UTF-8"
    raise SettingsError(f"{setting} = '{path}': {wrong}")


def of_phrases(phrases: Mapping[str, Iterable[str]]) -> Phrasebook:
    """A book of bare phrases per language, without translations: for recognisers in tests."""
    book = Phrasebook()
    for code, wordings in phrases.items():
        for wording in wordings:
            book.entries.append(Entry({code: (wording,)}))
    return book


def spans_of(words: Sequence[str], known: Callable[[str], bool]) -> list[tuple[int, int]] | None:
    """The fewest known phrases that make up all the words, as (start, end); None = they do not."""
    best: list[list[tuple[int, int]] | None] = [[]]
    for end in range(1, len(words) + 1):
        found: list[tuple[int, int]] | None = None
        for start in range(max(0, end - _LONGEST_PHRASE), end):
            before = best[start]
            if before is None or (found is not None and len(before) + 1 >= len(found)):
                continue
            if known(" ".join(words[start:end])):
                found = [*before, (start, end)]
        best.append(found)
    return best[-1]


def tokens(text: str) -> list[str]:
    """Words in lower case, without punctuation; slots stay as `{name}`."""
    plain = text.lower().replace("\u2019", "'").replace("\u2011", "-")
    return [t for t in _BOOK_WORD.findall(plain) if t.strip("'-")]


def normal(text: str) -> str:
    """What two wordings are compared by: words alone, compounds (`allez-vous`) taken apart."""
    return " ".join(tokens(text)).replace("-", " ")


def _fill(text: str, names: list[str], values: list[str]) -> str:
    """Put values into the target's slots, by name and in order of use."""
    waiting: dict[str, list[str]] = {}
    for name, value in zip(names, values, strict=True):
        waiting.setdefault(name, []).append(value)
    filled = _SLOT_MARK.sub(
        lambda m: waiting[m.group(1)].pop(0) if waiting.get(m.group(1)) else "", text
    )
    return filled[:1].upper() + filled[1:]


def _telling(words: list[str], language: str) -> list[str]:
    """Those that must be the same."""
    small = _UNTELLING_WORDS.get(language, frozenset())
    return [word for word in words if word not in small]
