"""The clients that speak, in the order of the settings, for a voice that is wished for or without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from translink.providers.deepgram.options import for_all_services
from translink.providers.deepgram.speak import AURA_MANNERS, VOICES, DeepgramSpeak
from translink.providers.elevenlabs.speak import ELEVEN_MANNERS, ElevenLabsSpeak
from translink.providers.manners import VoiceManners
from translink.providers.openai.endpoint import OPENAI_URL, OpenAiEndpoint, without_version
from translink.providers.openai.speak import OPENAI_MANNERS, OpenAiSpeak
from translink.providers.wanted import ANY, UnmetWishes, VoiceWish, WantedVoice
from translink.settings.secrets import shown_options
from translink.settings.types import VENDORS_OF
from translink.wiring.endpoints import KEYLESS, Endpoints
from translink.wiring.vendors import account_of, vendor_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from translink.providers.http import Http
    from translink.providers.vendor import VendorAccount, WarmSynthesizer
    from translink.settings.model import Settings
    from translink.settings.services import DeepgramSettings
    from translink.settings.vendors import ElevenLabsSettings, OpenAiSettings, VendorSettings

    SpeakerMaker = Callable[[Http, VendorAccount, WantedVoice | None], WarmSynthesizer]

ONE_EACH = "nothing: the local engines have one voice for each language"


@dataclass(frozen=True, slots=True)
class VendorWish:
    """What is asked of one vendor."""

    wish: VoiceWish
    text: str
    name: str | None
    """Of a voice of this vendor."""

    @property
    def always(self) -> str | None:
        return self.name if self.wish.always else None

    def wanted(
        self,
        manners: VoiceManners,
        section: DeepgramSettings | ElevenLabsSettings | OpenAiSettings | VendorSettings | None,
        usual: Mapping[str, str],
        unmet: UnmetWishes,
        *,
        mend: str,
    ) -> WantedVoice | None:
        """`usual`: what the operator chose for everybody."""
        wish = self.wish
        if wish.manner is not None:
            named = getattr(section, wish.manner, {})
            voices = manners.voices(wish.manner, named, usual, firm=wish.firm)
            if getattr(section, "voice", None) == "" and ANY in voices and ANY not in named:
                # Our choice: for the languages that the operator named, which alone are spoken.
                voices = {**dict.fromkeys(usual, voices.pop(ANY)), **voices}
            mend = mend.format(wish.manner)
        elif wish.name is not None and not wish.always:
            voices = {_language_of(self.name): self.name} if self.name else {}
        else:
            return None
        return WantedVoice(voices, unmet, wish=self.text, mend=mend, firm=wish.firm)


def owner_of(voice: str, added: Collection[str]) -> str | None:
    """The vendor before the colon in the name of a voice; None: none is there. `added`: see `Settings.vendors`."""
    owner, colon, _ = voice.partition(":")
    return owner if colon and owner in (*VENDORS_OF["speak"], *added) else None


def _language_of(voice: str) -> str:
    """The one that Deepgram's names end in; other vendors' voices speak any."""
    code = voice.rpartition("-")[2]
    return code if code in VOICES and voice.startswith("aura-") else ANY


class VoiceClients:
    """Builds them."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Endpoints,
        http: Http,
        order: tuple[str, ...],
        unmet: UnmetWishes,
    ) -> None:
        self._settings = settings
        self._at = endpoints
        self._http = http
        self._order = order
        self._unmet = unmet

    def of(self, voice: str | None) -> list[WarmSynthesizer]:
        """In their order; `voice`: see `providers.wanted`. One by name is the first vendor's, or that of
        another whose name stands before a colon."""
        wish = VoiceWish.read(voice)
        name = wish.name or ""
        if (owner := owner_of(name, self._settings.vendors)) is None:
            owner = self._order[0]
        else:
            name = name.partition(":")[2]
        return [
            made
            for vendor in self._order
            for made in self._made(
                vendor, VendorWish(wish, voice or "", name if vendor == owner and name else None)
            )
        ]

    def _made(self, vendor: str, wish: VendorWish) -> Iterable[WarmSynthesizer]:
        settings, at = self._settings, self._at
        added = vendor_for("speak", vendor)
        if added is not None and added.speaks is not None:
            yield self._added(vendor, added.speaks, added.manners, wish)
            return
        match vendor:
            case "elevenlabs":
                yield self._elevenlabs(settings.elevenlabs, wish)
            case "openai":
                yield self._openai(settings.openai, wish)
            case "offline":
                yield self._aura(at.offline or "", at.offline_key, "offline.speak", wish)
            case _:
                yield self._aura(at.deepgram_url, at.deepgram_key, "deepgram.speak", wish)
                for number, account in enumerate(settings.fallback.deepgram, 2):
                    key = account.api_key.get_secret_value()
                    yield self._aura(
                        account.base_url, key, f"deepgram.speak.{number}", wish, local=False
                    )

    def _added(
        self, name: str, make: SpeakerMaker, manners: VoiceManners, wish: VendorWish
    ) -> WarmSynthesizer:
        section, account = self._settings.vendors[name], account_of(self._settings, name)
        if wish.always:
            account = replace(account, voice=wish.always, voices={})
        mend = f"vendors.{name}." + "{}"
        return make(
            self._http,
            account,
            wish.wanted(manners, section, _chosen(section), self._unmet, mend=mend),
        )

    def _elevenlabs(self, eleven: ElevenLabsSettings, wish: VendorWish) -> ElevenLabsSpeak:
        return ElevenLabsSpeak(
            self._http,
            base_url=eleven.base_url,
            api_key=eleven.api_key.get_secret_value() if eleven.api_key else KEYLESS,
            model=eleven.model,
            voice=wish.always or eleven.voice,
            voices={} if wish.always else eleven.voices,
            wanted=wish.wanted(
                ELEVEN_MANNERS, eleven, _chosen(eleven), self._unmet, mend="elevenlabs.{}"
            ),
            speed=eleven.speed,
            timeout=eleven.timeout,
        )

    def _openai(self, openai: OpenAiSettings, wish: VendorWish) -> OpenAiSpeak:
        theirs = without_version(openai.speak_url or openai.base_url) == OPENAI_URL
        manners = OPENAI_MANNERS if theirs else VoiceManners()
        return OpenAiSpeak(
            self._http,
            at=openai_at(openai, openai.speak_url),
            model=openai.speak_model,
            voice=wish.always or openai.voice,
            voices={} if wish.always else openai.voices,
            wanted=wish.wanted(manners, openai, _chosen(openai), self._unmet, mend="openai.{}"),
            rate=openai.rate,
            timeout=openai.speak_timeout,
        )

    def _aura(
        self, url: str, key: str, name: str, wish: VendorWish, *, local: bool | None = None
    ) -> DeepgramSpeak:
        if local is None:
            local = name.startswith("offline") or self._at.deepgram_is_offline
        settings = self._settings
        voices = {} if name.startswith("offline") else settings.voices
        return DeepgramSpeak(
            self._http,
            base_url=url,
            api_key=key,
            voices=voices,
            voice=wish.always,
            wanted=wish.wanted(
                VoiceManners() if local else AURA_MANNERS,
                None if local else settings.deepgram,
                {} if local else voices,
                self._unmet,
                mend=ONE_EACH if local else "deepgram.{}",
            ),
            languages=self._at.offline_voices if local else None,
            extra=for_all_services(shown_options(settings.deepgram.extra)),
            timeout=settings.deepgram.speak_timeout,
            name=name,
        )


def openai_at(openai: OpenAiSettings, url: str | None) -> OpenAiEndpoint:
    """Where one of the three services is, and the key for it."""
    key = openai.api_key.get_secret_value() if openai.api_key else ""
    return OpenAiEndpoint(url or openai.base_url, key)


def _chosen(section: ElevenLabsSettings | OpenAiSettings | VendorSettings) -> Mapping[str, str]:
    """The operator's voices; `any`: the one that they named for all languages."""
    if "voice" in section.model_fields_set and section.voice:
        return {ANY: section.voice, **section.voices}
    return section.voices
