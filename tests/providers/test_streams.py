"""A language that the recogniser of streams has not is recognised in pieces, and costs no request."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from translink.errors import Kind, ProviderError
from translink.providers.protocols import LiveStream
from translink.providers.restream import Restream
from translink.providers.streams import Streams
from translink.results import Result


@dataclass
class Some:
    """Recognises some languages."""

    languages: str
    name: str = "some"
    asked: list[str] = field(default_factory=list)

    def hears(self, language: str) -> bool:
        return language in self.languages.split()

    async def connect(self, language: str) -> LiveStream:
        self.asked.append(language)
        raise ProviderError("down", provider=self.name, kind=Kind.TRANSIENT)

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        raise AssertionError("not asked here")


@pytest.mark.parametrize(
    ("language", "kind"),
    [("en", Kind.TRANSIENT), ("ar", Kind.REFUSED), ("eo", Kind.TRANSIENT)],
)
async def test_only_what_others_recognise_is_refused_without_asking(
    language: str, kind: Kind
) -> None:
    live = Some("en fr")
    streams = Streams(live, [Some("en ar")])
    with pytest.raises(ProviderError) as caught:
        await streams.connect(language)
    assert caught.value.kind is kind
    assert bool(live.asked) == (kind is Kind.TRANSIENT)
    assert Restream(streams).hears(language) == (language == "en")


async def test_where_nobody_streams_every_stream_is_refused() -> None:
    streams = Streams(None, [Some("en")])
    assert not streams.hears("en")
    with pytest.raises(ProviderError, match="finished pieces") as caught:
        await streams.connect("en")
    assert caught.value.kind is Kind.REFUSED
