"""Which language is recognised, translated and spoken by whom; known before the first call.

The clients are asked, which know without a request (`providers.abilities`); so what is said here is
what happens then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from translink.calls.orders import Orders
from translink.errors import SettingsError
from translink.offline.engines.phrasebook import BOOK_LANGUAGES
from translink.providers.abilities import detects, hears, speaks, translates
from translink.providers.http import Http
from translink.providers.languages import in_words
from translink.settings.lag import WITHOUT_VOICE
from translink.text.language_names import ENGLISH_NAMES
from translink.wiring.endpoints import Endpoints, endpoints_of, needs_of
from translink.wiring.orders import refuse_leg_orders
from translink.wiring.providers import Providers
from translink.wiring.voices import owner_of

if TYPE_CHECKING:
    from translink.providers.attempts import Named
    from translink.settings.legs import LegSettings
    from translink.settings.model import Settings

NO_SERVICE = "nobody recognises or translates them"
SERVICE_MEND = "set DEEPGRAM_API_KEY and DEEPL_API_KEY, or name another vendor (docs/languages.md)"


@dataclass(frozen=True, slots=True)
class LanguageRow:
    """One language, and the vendors that have it, in the order in which they are asked."""

    language: str
    recognised: tuple[str, ...]
    """A vendor in brackets recognises finished pieces of it only, where others stream."""
    translated: tuple[str, ...]
    """Into it, from the languages that it is paired with."""
    spoken: tuple[str, ...]

    def line(self) -> str:
        """One row of `translink check --languages`, for people."""
        said = (
            f"{what} {', '.join(by) or 'NOBODY'}"
            for what, by in (
                ("recognised by", self.recognised),
                ("translated by", self.translated),
                ("spoken by", self.spoken),
            )
        )
        return f"{self.language:<7}{in_words(self.language):<18}{'; '.join(said)}"


class Coverage:
    """What the vendors of the settings can do between them. Starts nothing."""

    def __init__(self, settings: Settings) -> None:
        """Raises `SettingsError` for a key or an address that no client can use."""
        self._settings = settings
        self._at = endpoints_of(settings)
        self._providers = Providers(settings, self._at, Http())

    def of_legs(self) -> list[LanguageRow]:
        """The languages of the legs."""
        settings = self._settings
        heard: dict[tuple[str, Orders], list[str]] = {}
        serving: dict[Orders, Providers] = {}
        for leg in settings.legs:
            other, orders = settings.other(leg.name), self._orders(leg)
            serving.setdefault(orders, self._serving(leg))
            for language in leg.languages:
                heard.setdefault((language, orders), []).extend(other.languages)
        return [
            self._row(language, source_languages, serving[orders])
            for (language, orders), source_languages in heard.items()
        ]

    def without_service(self) -> list[str]:
        """Languages of legs whose calls would get an error for an answer."""
        return sorted(
            {row.language for row in self.of_legs() if not (row.recognised and row.translated)}
        )

    def of_all(self) -> list[LanguageRow]:
        """Every language that has a name here, translated from that of the first leg (into it, for
        itself)."""
        first, second = (leg.languages[0] for leg in self._settings.legs[:2])
        return [
            self._row(language, [second if language == first else first])
            for language in sorted(ENGLISH_NAMES)
        ]

    def talkable(self) -> tuple[str, ...]:
        """What two people may speak to each other: those of the legs first, then by code."""
        if self._at.deepgram_is_offline or self._at.deepl_is_offline:
            return BOOK_LANGUAGES
        spoken = [code for code in sorted(ENGLISH_NAMES) if self._speakers(code, None)]
        legs = (language for leg in self._settings.legs for language in leg.languages)
        own = [language for language in legs if language in spoken]
        return tuple(dict.fromkeys((*own, *spoken)))

    def unspoken(self) -> Iterator[str]:
        """What is wrong with each leg that could never be spoken to, and the mend."""
        for leg in self._settings.legs:
            if leg.original in WITHOUT_VOICE:
                continue
            for language in leg.languages:
                if not self._speakers(language, leg.voice, self._serving(leg)):
                    yield self._voiceless(leg, language)

    def unspoken_choices(self) -> Iterator[str]:
        """The same of the languages that callers may choose from."""
        legs = self._settings.legs
        asked = [leg for leg in legs if leg.at_pbx and leg.original not in WITHOUT_VOICE]
        for language in self._settings.menu.languages:
            for leg in asked:
                if not self._speakers(language, None, self._serving(leg)):
                    yield self._voiceless(leg, language, chosen=True)
                    break

    def unasked(self) -> Iterator[str]:
        """What is wrong with each leg whose voice is of a vendor that is not asked there, and the mend."""
        for leg in self._settings.legs:
            voice = leg.voice or ""
            speak = Orders.of(self._own(leg)).speak
            owner = owner_of(voice, self._settings.vendors)
            if owner is not None and owner not in speak:
                order = "orders.speak" if self._orders(leg).speak else "speak"
                yield (
                    f"legs.{leg.name}.voice = {voice!r}: {owner} is not asked there; name it in {order}, or a "
                    f"voice of {', '.join(speak)}"
                )

    def _voiceless(self, leg: LegSettings, language: str, *, chosen: bool = False) -> str:
        """`chosen`: by a key, which leaves the language's usual voice."""
        serving, own, orders = self._serving(leg), self._own(leg), self._orders(leg)
        codes = sorted(ENGLISH_NAMES)
        known = ", ".join(code for code in codes if self._speakers(code, None, serving))
        aura = "deepgram" in own.speak
        ways = [f"voices.{language}"] if aura else []
        ways += [] if chosen else [f"legs.{leg.name}.voice"]
        if aura and needs_of(own).no_deepgram:
            said = "the local engines have no voice for it, and Deepgram has no key; set "
            said += "DEEPGRAM_API_KEY, name"
        else:
            said = f"there is no voice for it among {', '.join(own.speak)}; name"
            said += f" a voice in {' or '.join(ways)}," if ways else ""
        setting = f"legs.{leg.name}.{'candidates' if leg.candidates else 'language'}"
        setting = "menu.languages" if chosen else setting
        order = "orders.speak" if orders.speak else "speak"
        return (
            f"{setting} = {language!r}: {said} another vendor in {order} "
            f"(docs/languages.md), set legs.{leg.name}.original = 'captions', or choose of {known}"
        )

    def undetected(self) -> Iterator[str]:
        """What is wrong with each leg whose language nobody could find out, and the mend."""
        for leg in self._settings.legs:
            if not leg.candidates:
                continue
            recognisers = self._serving(leg).transcribers()
            if not any(detects(one, leg.candidates) for one in recognisers):
                among, own = ", ".join(leg.candidates), self._own(leg)
                if "deepgram" in own.listen and needs_of(own).no_deepgram:
                    said = "the local engines cannot without offline.whisper; set that or DEEPGRAM_API_KEY, "
                    said += "or name its language"
                else:
                    order = "orders.listen" if self._orders(leg).listen else "listen"
                    said = f"name deepgram in {order}, or candidates that it detects (docs/languages.md)"
                yield f"legs.{leg.name}.language = 'auto': nobody can tell {among} from each other; {said}"

    def _row(
        self, language: str, source_languages: Iterable[str], providers: Providers | None = None
    ) -> LanguageRow:
        providers = providers or self._providers
        partners = [each for each in source_languages if each != language]
        live = providers.live()
        streamed = _vendors([live] if hears(live, language) else [], self._at)
        pieces = _vendors([t for t in providers.transcribers() if hears(t, language)], self._at)
        return LanguageRow(
            language,
            tuple(one if one in streamed or not streamed else f"({one})" for one in pieces),
            _vendors(
                [
                    one
                    for one in providers.translators()
                    if all(translates(one, partner, language) for partner in partners)
                ],
                self._at,
            )
            if partners
            else ("not needed",),
            self._speakers(language, None, providers),
        )

    def _orders(self, leg: LegSettings) -> Orders:
        pair = next(each for each in self._settings.pairs if leg.name in each)
        return Orders.of_legs(*map(self._settings.leg, pair))

    def _serving(self, leg: LegSettings) -> Providers:
        """Those of the leg's calls, which may have orders of their own."""
        if not self._orders(leg).named:
            return self._providers
        own = self._own(leg)
        return Providers(own, endpoints_of(own), Http())

    def _own(self, leg: LegSettings) -> Settings:
        """The settings, with the vendors that serve the leg's calls."""
        return self._settings.model_copy(update=self._orders(leg).named)

    def _speakers(
        self, language: str, voice: str | None, providers: Providers | None = None
    ) -> tuple[str, ...]:
        voices = (providers or self._providers).voices(voice)
        return _vendors([one for one in voices if speaks(one, language)], self._at)


def languages_of(settings: Settings) -> tuple[str, ...]:
    """See `Coverage.talkable`."""
    return Coverage(settings).talkable()


def refuse_voiceless(settings: Settings) -> None:
    """Raises `SettingsError` for a leg that could never be spoken to, having no voice for its language or one
    that its callers may choose, whose language could never be found, or that names vendors, or the voice of one,
    that it cannot have."""
    refuse_leg_orders(settings)
    coverage = Coverage(settings)
    wrong = [*coverage.unspoken(), *coverage.unspoken_choices(), *coverage.unasked()]
    if wrong := [*wrong, *coverage.undetected()]:
        raise SettingsError("\n".join(wrong))


def _vendors(providers: Sequence[Named], at: Endpoints) -> tuple[str, ...]:
    names = []
    for one in providers:
        vendor = one.name.partition(".")[0]
        stands_in = at.deepgram_is_offline if vendor == "deepgram" else at.deepl_is_offline
        stands_in &= vendor in ("deepgram", "deepl") and one.name.split(".")[-1] not in _ACCOUNTS
        names.append("offline" if stands_in else vendor)
    return tuple(dict.fromkeys(names))


_ACCOUNTS = frozenset(map(str, range(2, 100)))
"""What the names of further accounts end in; those have a key."""
