"""Which of a few languages somebody speaks: when to ask, what an answer is worth, when to doubt. Sans-IO.

Theory of operation
    A detector is asked once there is enough speech, and again with more of it while it is not sure.
    What it is sure of holds. Nothing else decides in time: then the likeliest is taken, and further
    speech is still asked about.

    A language that was found is sticky. It is doubted when the recogniser itself is at a loss: its
    words are unsure, or it has none for seconds of speech, as when it hears another language than
    it listens for. Then the detector is asked about that stretch, and must be surer than the first
    time to be believed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from translink.providers.languages import base
from translink.results import RATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from translink.results import Detected, Word

WORDS_JUDGED = 8
"""The newest words by which a recogniser's doubt is measured, and from how many on."""
LOSS_WORDS = 6
UNSURE_WORDS = 0.6
"""Mean confidence below which it is at a loss. nova-3 gives 0.9 and more to what it understands."""
WORDLESS = 4.0
"""Seconds of speech without a word, likewise."""
ANSWERED_AT_ALL = 0.5
"""Confidence from which on an unsure answer is better than the first of the list."""
SURER = 0.15
"""By which a detector must be surer to change what holds than to find it."""
MOST_LOOKS_AGAIN = 3
"""Times that further speech is asked about after nothing was found in time."""


@dataclass(frozen=True, slots=True)
class DetectRules:
    """Seconds, unless said otherwise."""

    speech: float = 1.5
    """Of speech after which it is asked."""
    sure: float = 0.7
    """Confidence (0 to 1) from which on an answer holds."""
    wait: float = 6.0
    """From the first sound of speech until the likeliest is taken."""
    pause: float = 0.6
    """A talker who says less and then is quiet for so long is asked about, too ..."""
    least: float = 0.3
    """... from so much speech on."""
    more: float = 1.0
    """Of further speech after which an unsure answer is asked for again."""
    longest: float = 10.0
    """Of audio that is asked about."""
    retry: float = 0.5
    """After a request that failed."""
    rest: float = 10.0
    """Between two doubts."""


class LanguageEvidence:
    """What is known of one talker's language in one call."""

    def __init__(self, candidates: Sequence[str], rules: DetectRules) -> None:
        self._candidates = tuple(candidates)
        self._rules = rules
        self._began: float | None = None
        """When speech was first heard."""
        self._asked_with = 0.0
        """Seconds of speech that there were when it was asked last."""
        self._not_before = 0.0
        self._unsure: dict[str, float] = {}
        """Greatest confidence by candidate."""
        self._words: deque[float] = deque(maxlen=WORDS_JUDGED)
        self._looks = 0

    def due(self, now: float, spoken: float, quiet: float, *, last: bool = False) -> bool:
        """Whether to ask now, while it is not found: `spoken` seconds of speech came so far, and it is
        quiet for `quiet`. `last`: no more will come."""
        if spoken <= 0:
            return False
        if self._began is None:
            self._began = now
        if now < self._not_before and not last:
            return False
        fresh = spoken - self._asked_with
        if last:
            return fresh > 0
        if not self._asked_with:
            paused = quiet >= self._rules.pause and spoken >= self._rules.least
            return spoken >= self._rules.speech or paused
        return fresh >= self._rules.more or (quiet >= self._rules.pause and fresh > 0)

    def asked(self, spoken: float) -> None:
        """A request goes out with so much speech."""
        self._asked_with = spoken

    def failed(self, now: float) -> None:
        """It had no answer: the same is asked again a little later."""
        self._asked_with = 0.0
        self._not_before = now + self._rules.retry

    def left(self, now: float) -> float:
        """Seconds until the likeliest must be taken."""
        return self._rules.wait - (now - self._began if self._began is not None else 0.0)

    def answered(self, answer: Detected | None) -> str | None:
        """What the detector said of the first speech. Returns the candidate that it is sure of."""
        candidate = self._candidate(answer)
        if answer is None or candidate is None:
            return None
        self._unsure[candidate] = max(answer.confidence, self._unsure.get(candidate, 0.0))
        return candidate if answer.confidence >= self._rules.sure else None

    def likeliest(self) -> str:
        """What is taken when nothing was found: the candidate that unsure answers spoke for, else the
        first one."""
        best = max(self._unsure, key=self._unsure.__getitem__, default=self._candidates[0])
        return best if self._unsure.get(best, 0.0) >= ANSWERED_AT_ALL else self._candidates[0]

    # --- Once it is found ---

    def words(self, now: float, words: Iterable[Word], wordless: int) -> bool:
        """A final with these words, after `wordless` samples of speech without any. Whether to doubt
        the language now."""
        self._words.extend(word.confidence for word in words)
        if now < self._not_before:
            return False
        judged = len(self._words)
        lost = judged >= LOSS_WORDS and sum(self._words) / judged < UNSURE_WORDS
        return lost or wordless >= WORDLESS * RATE

    def looks_again(self, spoken: float) -> bool:
        """Whether to ask although nothing is in doubt: the language was only assumed."""
        fresh = spoken - self._asked_with
        return self._looks < MOST_LOOKS_AGAIN and fresh >= 2 * self._rules.more

    def doubted(self, now: float, spoken: float) -> None:
        """A request goes out because of it."""
        self._looks += 1
        self._words.clear()
        self._asked_with = spoken
        self._not_before = now + self._rules.rest

    def reconsidered(self, answer: Detected | None, *, assumed: bool) -> str | None:
        """What the detector said of what is in doubt, or of what was only `assumed`. Returns the
        candidate that holds from now on; None: as before."""
        sure = self._rules.sure if assumed else min(0.95, self._rules.sure + SURER)
        if answer is None or answer.confidence < sure:
            return None
        return self._candidate(answer)

    def _candidate(self, answer: Detected | None) -> str | None:
        """Detectors tell languages, not variants."""
        if answer is None:
            return None
        said = base(answer.language)
        return next((one for one in self._candidates if base(one) == said), None)
