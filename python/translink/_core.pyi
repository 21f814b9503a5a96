"""The media engine: UDP in, 20 ms frames out; speech in, paced UDP out. One thread, no GIL.

All times are nanoseconds of `time.monotonic_ns()`. All audio is 16 kHz s16le mono. All sample numbers are absolute
per leg: they never restart while the leg lives, not even between calls.
"""

from typing import Final, TypedDict, final

__version__: Final[str]

@final
class Frame:
    """20 ms of a leg's audio. Immutable."""

    leg: int
    start: int
    """Number of its first sample."""
    captured: int
    """When its last sound reached the socket (kernel receive time)."""
    ready: int
    """When the media thread put it into the mailbox."""
    peak: int
    rms: int
    speech: bool
    filled: int
    """Bytes at its end that are silence of ours; 640 = a frame fed after datagrams stopped."""
    pcm: bytes
    """640 bytes."""

@final
class Playout:
    """A step in the life of an utterance in a leg's ear."""

    leg: int
    utterance: int
    kind: str
    """`started`, `finished` or `flushed`."""
    at: int
    """Due time of the first or last datagram; time of the flush."""
    unplayed: int
    """Bytes dropped by a flush."""

class LegCounters(TypedDict):
    """Rises from the creation of the leg; see the theory of operation in rust/engine for each drop's meaning."""

    datagrams_in: int
    bytes_in: int
    frames_in: int
    frames_filled: int
    datagrams_out: int
    bytes_out: int
    drops_kernel: int
    """Datagrams the kernel dropped because the socket's buffer was full (SO_RXQ_OVFL)."""
    drops_ring: int
    """Frames that did not fit the mailbox. They are still in the ledger: `history` has them."""
    drops_playout: int
    """Bytes refused because the ear's queue was full."""
    errors_receive: int
    errors_send: int
    underruns: int
    """Times an utterance that was not finished ran out of audio."""
    late_wakes: int
    """Playout ticks sent more than 2 ms after their deadline."""
    playout_queued: int
    """Bytes waiting for the ear right now."""
    rcvbuf: int
    """What the kernel granted."""
    last_datagram: int
    """Time of the newest datagram, 0 = none yet."""

@final
class Engine:
    """The media thread. Frozen: every method may be called from any thread."""

    def __new__(cls, *, mailbox: int = 8192) -> Engine:
        """Start the thread. `mailbox` = frames that may wait for Python."""

    def add_leg(
        self,
        *,
        listen: tuple[str, int],
        play_to: tuple[str, int] | None = None,
        send_from_listen: bool = False,
        ledger_seconds: float = 60.0,
        prebuffer_ms: int = 60,
        tail_ms: int = 1500,
        receive_buffer: int = 4_194_304,
        playout_seconds: float = 60.0,
        continuous: bool = False,
    ) -> int:
        """Bind the leg's socket and return the leg's number. Raises `OSError` (address in use, …), `ValueError`."""

    def local_address(self, leg: int) -> tuple[str, int]:
        """Where the leg really listens (port 0 was resolved)."""

    def remove_leg(self, leg: int) -> None: ...
    def reset_leg(self, leg: int) -> None:
        """End of a call: forget carried bytes, ledger, queued speech, detector state. Sample numbers go on."""

    def play(self, leg: int, utterance: int, pcm: bytes, last: bool = False) -> int:
        """Queue speech for the leg's ear. Returns the bytes accepted: fewer than given when the ear's queue is full."""

    def flush(self, leg: int) -> None: ...
    def history(self, leg: int, start: int, end: int) -> tuple[int, bytes]:
        """Audio from sample `start` to `end`, as far as the ledger still (and already) has it: (first sample, bytes)."""

    def fileno(self) -> int:
        """The eventfd to watch; readable when `drain` has something."""

    def drain(self, limit: int = 256) -> list[Frame | Playout]:
        """What waits, oldest first. Re-arms the eventfd when more is left."""

    def counters(self, leg: int) -> LegCounters: ...
    def close(self) -> None:
        """Stop the thread and close the sockets. Idempotent. Remove the reader first."""

def resample(pcm: bytes, source_rate: int, target_rate: int) -> bytes:
    """Whole-buffer conversion of s16le mono."""

@final
class Resampler:
    """Streaming conversion of s16le mono. Not for sharing between threads."""

    def __new__(cls, source_rate: int, target_rate: int) -> Resampler: ...
    def push(self, pcm: bytes) -> bytes: ...
    def finish(self) -> bytes: ...

def beacon_encode(
    number: int, *, rate: int = 16_000, amplitude: int = 8000, gap_ms: int = 80
) -> bytes:
    """One beacon word (140 ms, s16le mono, 450–3150 Hz) and the silence after it.

    `number` is below 2**24, `rate` at least 8000, `amplitude` the peak. Raises `ValueError`, `OverflowError`.
    """

@final
class BeaconDecoder:
    """Finds beacon words in a 16 kHz s16le mono stream. A cut or mixed word is never read as another one."""

    def __new__(cls) -> BeaconDecoder: ...
    def push(self, pcm: bytes) -> list[tuple[int, int, int]]:
        """More audio, any length (an odd byte waits for its other half).

        Returns (number, first sample, one past the last sample) of each word that is certain now, at most
        11.25 ms after its end; samples count from the first byte pushed.
        """

    def finish(self) -> list[tuple[int, int, int]]:
        """What ended with the stream. Adds 12.5 ms of silence to the decoder's clock."""
