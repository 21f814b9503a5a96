"""Which voice speaks for one party into the other one's ear, while both may change their minds."""

from __future__ import annotations

from translink.providers.wanted import wished


class TalkerVoice:
    """Of one direction."""

    def __init__(self, of_talker: str | None, of_hearer: str | None, *, second: bool) -> None:
        """`second`: the talker is the second of their pair."""
        self.of_talker = of_talker
        """`LegSettings.voice_for` of the talker."""
        self.of_hearer = of_hearer
        """`LegSettings.voice` of the hearer; None once their language is another."""
        self._second = second

    @property
    def wish(self) -> str:
        """As the voices' clients take it (`providers.wanted`)."""
        return wished(self.of_talker, self.of_hearer, second=self._second)
