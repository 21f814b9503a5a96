"""The query of `/v1/listen`: what Deepgram would refuse is refused here."""

from __future__ import annotations

import pytest

from translink.offline.admission import Denied
from translink.offline.query import listen_options

BOTH = frozenset({"en", "fr"})


def test_durations_become_seconds_and_a_region_is_its_language() -> None:
    options = listen_options(
        {"language": "fr-CA", "endpointing": "300", "utterance_end_ms": "1000"}, BOTH
    )
    assert (options.language, options.endpointing, options.utterance_end) == ("fr-CA", 0.3, 1.0)
    assert listen_options({"endpointing": "false"}, BOTH).endpointing is None


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"model": "whisper"}, "No such model"),
        ({"model": "nova-2-phonecall", "language": "fr"}, "No such model"),
        ({"language": "de"}, "hear en and fr, not de: set DEEPGRAM_API_KEY"),
        ({"encoding": "opus", "sample_rate": "16000"}, "unsupported encoding"),
        ({"encoding": "linear16"}, "`sample_rate` is required"),
        ({"sample_rate": "4000"}, "unsupported sample rate"),
        ({"sample_rate": "１６０００"}, "invalid digit"),
        ({"channels": "9"}, "channels"),
        ({"interim_results": "yes"}, "`true` or `false`"),
    ],
)
def test_what_cannot_be_is_refused_in_words(query: dict[str, str], says: str) -> None:
    with pytest.raises(Denied, match=says) as denied:
        listen_options(query, BOTH)
    assert denied.value.status == 400
