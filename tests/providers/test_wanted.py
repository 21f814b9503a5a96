"""A voice that is wished for: which one speaks, and that there is sound where it cannot be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from structlog.testing import capture_logs

from translink.errors import Kind, ProviderError
from translink.providers import wanted as wanted_module
from translink.providers.wanted import SpeakingVoices, UnmetWishes, VoiceWish, WantedVoice, wished


@pytest.mark.parametrize(
    ("voice_for", "voice", "second", "text"),
    [
        (None, None, False, "usually:feminine"),
        (None, None, True, "usually:masculine"),
        (None, "aura-2-hector-fr", True, "aura-2-hector-fr"),
        ("feminine", "aura-2-hector-fr", True, "feminine"),
        ("elevenlabs:x", None, True, "for:elevenlabs:x"),
    ],
)
def test_what_the_talker_says_goes_before_the_ears_voice_and_that_before_the_side(
    voice_for: str | None, voice: str | None, second: bool, text: str
) -> None:
    assert wished(voice_for, voice, second=second) == text


def test_a_wish_is_read_as_it_was_written() -> None:
    assert VoiceWish.read("masculine") == VoiceWish("masculine")
    assert VoiceWish.read("usually:feminine") == VoiceWish("feminine", firm=False)
    assert VoiceWish.read("for:openai:onyx") == VoiceWish(name="openai:onyx")
    assert VoiceWish.read("thalia") == VoiceWish(name="thalia", always=True)
    assert VoiceWish.read(None) == VoiceWish(firm=False)


class Vendor:
    """Speaks with its voices, each piece the voice's name."""

    def __init__(self, *refused: str, kind: Kind = Kind.REFUSED) -> None:
        self.asked: list[str] = []
        self._refused = refused
        self._kind = kind

    async def say(self, voice: str) -> AsyncGenerator[bytes, None]:
        self.asked.append(voice)
        if voice in self._refused:
            raise ProviderError(f"no {voice}", provider="vendor", kind=self._kind)
        yield voice.encode()

    def heard(
        self,
        voices: dict[str, str],
        usual: str | None = "usual",
        language: str = "fr",
        unmet: UnmetWishes | None = None,
        *,
        firm: bool = True,
    ) -> str:
        wanted = WantedVoice(voices, unmet or UnmetWishes(), wish="masculine", mend="x", firm=firm)

        async def run() -> str:
            voices = SpeakingVoices(
                wanted, {}, provider="vendor", setting="voices", otherwise=usual
            )
            sound = voices.speak(language, self.say)
            return b" ".join([piece async for piece in sound]).decode()

        return asyncio.run(run())


def test_the_voice_of_the_language_speaks_or_that_of_any_or_the_usual_one() -> None:
    voices = {"fr": "hector", "pt-BR": "joao", "any": "onyx"}
    assert Vendor().heard(voices) == "hector"
    assert Vendor().heard(voices, language="fr-CA") == "hector"
    assert Vendor().heard(voices, language="de") == "onyx"
    assert Vendor().heard({}, "usual") == "usual"
    assert Vendor().heard({"fr": "hector"}, None) == "hector"


def test_what_a_vendor_has_not_is_said_once_for_each_language() -> None:
    unmet, vendor = UnmetWishes(), Vendor()
    with capture_logs() as logs:
        for language in ("fr", "fr", "de"):
            vendor.heard({}, language=language, unmet=unmet)
        vendor.heard({}, language="it", unmet=unmet, firm=False)
    assert [(log["event"], log["language"]) for log in logs] == [
        ("no such voice: its usual one speaks", language) for language in ("fr", "de")
    ]


@pytest.mark.parametrize("kind", [Kind.REFUSED, Kind.DENIED])
def test_a_voice_that_is_refused_is_followed_by_the_usual_one_and_not_asked_for_again(
    kind: Kind,
) -> None:
    unmet, vendor = UnmetWishes(), Vendor("hector", kind=kind)
    with capture_logs() as logs:
        assert vendor.heard({"fr": "hector"}, unmet=unmet) == "usual"
        assert vendor.heard({"fr": "hector"}, unmet=unmet) == "usual"
    assert vendor.asked == ["hector", "usual", "usual"]
    assert [log["event"] for log in logs] == ["a voice was refused: the usual one speaks"]


def test_a_refusal_that_passes_does_not_switch_a_voice_off_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wanted_module, "WISH_REFUSED", 0.0)
    unmet, vendor = UnmetWishes(), Vendor("hector")
    with capture_logs() as logs:
        assert vendor.heard({"fr": "hector"}, unmet=unmet) == "usual"
        assert vendor.heard({"fr": "hector"}, unmet=unmet) == "usual"
        vendor._refused = ()
        assert vendor.heard({"fr": "hector"}, unmet=unmet) == "hector"
    assert vendor.asked == ["hector", "usual", "hector", "usual", "hector"]
    assert len(logs) == 1, "said once"


def test_a_text_that_both_refuse_says_nothing_of_the_voice() -> None:
    unmet, vendor = UnmetWishes(), Vendor("hector", "usual")
    for _ in range(2):
        with pytest.raises(ProviderError, match="no usual"):
            vendor.heard({"fr": "hector"}, unmet=unmet)
    assert vendor.asked == ["hector", "usual"] * 2


@pytest.mark.parametrize("kind", [Kind.TRANSIENT, Kind.BUSY])
def test_trouble_of_the_vendor_is_not_the_voices(kind: Kind) -> None:
    vendor = Vendor("hector", kind=kind)
    with pytest.raises(ProviderError, match="no hector"):
        vendor.heard({"fr": "hector"})
    assert vendor.asked == ["hector"]


def test_nobody_speaks_a_language_without_any_voice() -> None:
    with pytest.raises(ProviderError, match=r"vendor has no voice for pl: name one in voices\.pl"):
        Vendor().heard({}, None, "pl")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanted_module, "NOTED", 2)
    unmet = UnmetWishes()
    for name in ("a", "b", "c"):
        unmet.refuse("vendor", name, "no")
    assert [unmet.is_refused("vendor", name) for name in ("a", "b", "c")] == [False, False, True]
