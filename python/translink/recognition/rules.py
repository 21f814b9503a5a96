"""What a listener is given and what it reports: its rules, its states, its counters, its observer."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translink.recognition.evidence import DetectRules
from translink.recognition.feed import FeedLimits
from translink.recognition.finalizing import FinalizeRules
from translink.recognition.pieces import CutRule

if TYPE_CHECKING:
    from translink.errors import ProviderError
    from translink.recognition.finder import How
    from translink.recognition.timeline import Item
    from translink.results import Result


class ListenState(enum.Enum):
    """What serves a leg right now."""

    IDLE = "idle"
    """No call."""
    CONNECTING = "connecting"
    STREAMING = "streaming"
    RECOVERING = "recovering"
    """The stream broke and is being replaced; audio waits in the ledger."""
    PRERECORDED = "prerecorded"


@dataclass(frozen=True, slots=True)
class ListenRules:
    """Numbers of a listener. Seconds unless said otherwise."""

    replay: float = 1.0
    """Largest gap that is replayed into a new stream. Measured by `benches/rows/bench_replay.py`: with
    1.0 the words around a reset come no later than any others (p95), even when the prerecorded API
    takes a second; with 2.0 they come 0.5 s later, with 4.0 0.9 s; below 1.0 only requests rise."""
    lap: float = 0.4
    """Audio before a span's beginning that its recogniser hears too, so that a word on the border is
    heard whole."""
    hurry: float = 1.5
    """Unassigned audio older than this is cut into pieces even while a connection attempt is still
    hanging."""
    handover: float = 2.0
    """How long a change of mode waits for a pause."""
    prove: float = 4.0
    """How long a stream must live until it counts as a success. Servers that take connections and
    close them after seconds would else be dialled by every leg, again and again: 50 legs made 200
    handshakes in 8 s at a server that closed after 2.5 s, with 2.0 here."""
    feed: FeedLimits = field(default_factory=FeedLimits)
    finalize: FinalizeRules = field(default_factory=FinalizeRules)
    cut: CutRule = field(default_factory=CutRule)
    detect: DetectRules = field(default_factory=DetectRules)


@dataclass(slots=True)
class ListenStats:
    """Counters of one leg in one call; `connections_*` count streams."""

    handshakes: int = 0
    connections_total: int = 0
    connections_active: int = 0
    frames_sent: int = 0
    bytes_sent: int = 0
    errors: int = 0
    replayed_ms: float = 0.0
    lost_ms: float = 0.0
    failovers: int = 0


class ListenObserver:
    """What a listener tells. Override what you care for; called synchronously, must not block."""

    def item(self, item: Item) -> None:
        """A final result, an UtteranceEnd or a loss, in order of speech."""

    def interim(self, result: Result) -> None:
        """Show an interim result."""

    def state(self, state: ListenState, reason: str) -> None:
        """Report that the listen state changed."""

    def connecting(self) -> None:
        """Report that a handshake begins."""

    def connected(self) -> None:
        """A stream is open."""

    def disconnected(self, error: ProviderError | None) -> None:
        """The stream is gone; None = closed as intended."""

    def fell_back(self, error: ProviderError | None) -> None:
        """No stream can be had: the prerecorded API takes over. Once per episode."""

    def replayed(self, seconds: float, by: str, reason: str) -> None:
        """Audio that was sent before, or could not be sent, is recognised again `by` `stream` or
        `prerecorded`: after a failure (`reason` is empty), or because a stream passed over speech."""

    def sent(self, ready: int | None, total: int) -> None:
        """A message was handed to the transport. `ready` = when its oldest frame was put into the
        mailbox (monotonic ns), None for audio out of the ledger and silence that nobody waits for;
        `total` = frames so far in this call (a message may hold several)."""

    def spoken_here(self, language: str, how: How, why: str) -> None:
        """Of a leg whose language was not known: what it is from now on; `found` and `assumed` from its
        first word on."""

    def failed(self, error: ProviderError) -> None:
        """A request or connection failed; the listener deals with it."""
