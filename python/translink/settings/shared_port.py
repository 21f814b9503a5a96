"""Of a port that many legs share."""

from __future__ import annotations

from pydantic import Field

from translink.settings.part import Part
from translink.settings.types import AddressSetting, Host, reached_at


class SharedPortSettings(Part):
    """One UDP port for many calls, told apart by where their datagrams come from: one hole in the
    firewall, and about a quarter less work a datagram."""

    listen: AddressSetting | None = None
    """Where it is, as in 0.0.0.0:7000. Legs use it that say `shared = true`, calls made with
    `POST /api/calls` whose legs name their `source` with its port or ask for it (`shared`), and, over RTP, what
    Asterisk hands over (`ari`). None = each leg has a port of its own."""
    advertise: Host | None = None
    """The address that is given to others, if it is not that of `listen` (0.0.0.0, NAT). None = for calls made with
    `POST /api/calls`, `calls.advertise`; for Asterisk, `ari.host`."""
    receive_buffer: int = Field(16_777_216, ge=4_096, le=1_073_741_824)
    """`SO_RCVBUF` asked for, bytes, for all legs together. The kernel may grant less; translink warns when it
    does."""

    def reached_at(self, otherwise: str) -> str:
        """The host to give to others; `otherwise`: where nothing is said and it listens everywhere."""
        if self.advertise is not None:
            return self.advertise
        return otherwise if self.listen is None else reached_at(self.listen.host, otherwise)
