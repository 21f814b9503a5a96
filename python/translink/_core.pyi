"""The media engine: UDP in, 20 ms frames out; speech in, paced UDP out. A thread of its own (or up to 64), no GIL.

All times are nanoseconds of `time.monotonic_ns()`. All audio is 16 kHz s16le mono. All sample
numbers are absolute per leg: they never restart while the leg lives, not even between calls.
"""

from collections.abc import Sequence
from typing import Final, Literal, TypedDict, final, type_check_only

__all__ = [
    "BeaconDecoder",
    "Digit",
    "Engine",
    "Frame",
    "Hangup",
    "Message",
    "Playout",
    "Resampler",
    "RtpFound",
    "SourceChange",
    "__version__",
    "alaw_decode",
    "alaw_encode",
    "beacon_encode",
    "resample",
    "ulaw_decode",
    "ulaw_encode",
    "websocket_message",
]

__version__: Final[str]

@final
class Frame:
    """20 ms of a leg's audio. Immutable."""

    leg: int
    life: int
    """How many calls had ended on the leg.

    Frames below `reset_leg`'s answer belong to a call before.
    """
    start: int
    """Number of its first sample."""
    captured: int
    """When its last sound reached the socket (kernel receive time)."""
    ready: int
    """When the media thread put it into the mailbox."""
    peak: int
    rms: int
    speech: bool
    echo: bool
    """The echo of what this leg's ear was sent, and nothing more (`echo_guard`): not for the
    recogniser. `pcm` and the ledger have it as it came; it is never `speech`.
    """
    filled: int
    """Bytes at its end that are silence of ours; 640 = a frame filled in after datagrams stopped."""
    pcm: bytes
    """640 bytes."""

@final
class Playout:
    """A step in the life of an utterance in a leg's ear."""

    leg: int
    utterance: int
    kind: str
    """`started`, `finished`, `flushed`; or `dead` (utterance 0): a bug ended this leg."""
    at: int
    """Due time of the first or last datagram; time of the flush."""
    unplayed: int
    """Bytes dropped by a flush."""

@final
class SourceChange:
    """In a call, another sender has taken over (`source` of `add_leg`).

    Reported once a second and leg at most; `source_changes` counts each.
    """

    leg: int
    life: int
    """As in `Frame`."""
    old: tuple[str, int]
    """The sender that was heard until then."""
    new: tuple[str, int]
    at: int
    """Arrival of the datagram that settled it."""

@final
class Hangup:
    """The other end of a leg's connection (`attach`) hung up, or it broke. It is closed."""

    leg: int
    connection: int
    """Which one of the leg's, as `attach` said: by now it may have another one."""
    at: int

@final
class Message:
    """What the other end of a leg's connection says beside audio (`attach`, a dialect of WebSocket).

    Of a page: whatever it likes. Of `asterisk`: its MEDIA_START. Up to 512 bytes, and ten a second;
    others are dropped and counted (`drops_text`).
    """

    leg: int
    connection: int
    """As in `Hangup`."""
    text: str
    at: int

@final
class Digit:
    """The talker pressed a key: an event of RFC 4733, or a message of a connection (`attach`: AudioSocket,
    `asterisk`, `twilio`). It is never heard as sound.
    """

    leg: int
    life: int
    """As in `Frame`."""
    key: str
    """`0` to `9`, `*`, `#`, `A` to `D`, `!` for the hook flash."""
    duration: int
    """How long, ns; 0 = it was not said (over a connection)."""
    at: int
    """Arrival of what settled it."""

@final
class RtpFound:
    """RTP comes into a leg whose `transport` is not `rtp`.

    Reported once, until headerless PCM comes again, and once a second at most. Raw leg: after ten packets, of
    which no one is heard as sound. `auto`: after three, all of which are heard. Where something else came
    first, all but the last of those are heard as PCM.
    """

    leg: int
    life: int
    """As in `Frame`."""
    payload_type: int
    format: str | None
    """What that payload type is, if it is known without an agreement."""
    taken: bool
    """It is heard (`auto`); else it is dropped, as `drops_rtp`."""
    at: int

@type_check_only
class LegCounters(TypedDict):
    """Rises from the creation of the leg, but for what is as it is now: `behind_ns`, `tempo`, `echo_lag_ns`,
    `echo_gain`, `rtp_wait_ns`, `playout_queued`, `rcvbuf`, `last_datagram`, `jitter_ns`, `dead`.

    See the theory of operation in rust/engine for each drop's meaning.

    Read without stopping the media thread: each figure is true, all of them together are not one
    instant.
    """

    datagrams_in: int
    """Datagrams taken from the socket, empty ones and strangers' not."""
    bytes_in: int
    frames_in: int
    """Frames made from datagrams."""
    frames_padded: int
    """Of these, frames completed with silence because datagrams stopped."""
    frames_speech: int
    """Of these, frames the detector called speech."""
    frames_filled: int
    """Frames of silence filled in after datagrams stopped in mid-utterance."""
    strangers: int
    """Datagrams dropped because of who sent them (`source` of `add_leg`); those of a newcomer who
    might have taken over count when it has not, 0.4 s after its last one.
    """
    source_changes: int
    """Times that another sender took over in a call. All that it had sent meanwhile is heard."""
    datagrams_out: int
    bytes_out: int
    drops_kernel: int
    """Datagrams the kernel dropped because the socket's buffer was full (SO_RXQ_OVFL);
    reported with the next one.
    """
    drops_ring: int
    """Frames that did not fit the mailbox. They are still in the ledger: `history` has them."""
    drops_events: int
    """Events (all that `drain` gives but frames) that did not fit the mailbox, although its last sixteenth is kept
    for them; and keys of a connection beyond 50 a second.
    """
    drops_playout: int
    """Bytes of an utterance that was refused whole because 64 waited for the ear. It is reported as
    `flushed`.
    """
    playout_full: int
    """Times `play` took fewer bytes than it was given, because the ear's queue was full. Not a drop:
    the caller has the rest.
    """
    drops_original: int
    """Frames of the other talker's own voice that came faster than the ear's clock could play them
    (`hear`).
    """
    behind_ns: int
    """How long the ear would be busy with what waits for it, as fast as it would be said."""
    tempo: int
    """How fast the ear is being spoken to, in thousandths."""
    tempo_saved: int
    """Bytes left out to say the rest sooner: 32,000 are a second."""
    frames_echo: int
    """Frames marked as `echo`."""
    echo_lag_ns: int
    """The echo that was learned since the last `reset_leg`: from sending to hearing. 0 = there is none."""
    echo_gain: int
    """Its gain, the ratio of amplitudes in millionths: 500,000 is -6 dB."""
    drops_text: int
    """Messages to and from a leg's connection (`say`, `Message`) that were too long or too many, or
    found no room or nobody.
    """
    drops_rtp: int
    """Datagrams of RTP that came into a raw leg (`RtpFound`)."""
    digits: int
    """Keys that were pressed (`Digit`)."""
    rtp_lost: int
    """RTP packets that were not there when their turn was over; their time was concealed."""
    rtp_late: int
    """RTP packets that came after their turn (they count as lost, too), stragglers of a stream that
    another one replaced, and single packets far from where the stream is.
    """
    rtp_reordered: int
    """RTP packets that came in time after ones that follow them."""
    rtp_duplicates: int
    rtp_refused: int
    """RTP packets of a payload type that nobody understands, or with more than 0.5 s in them; and
    datagrams to an RTP leg that are no RTP.
    """
    rtp_rtcp: int
    """RTCP packets on the port of RTP."""
    rtp_streams: int
    """Times that another stream (SSRC) took over."""
    rtp_concealed_ns: int
    """Sound that was made up for what was lost."""
    rtp_wait_ns: int
    """How long a gap in the sequence is waited for now: 80 to 200 ms; 0 = no RTP in this call."""
    drops_flushed: int
    """Bytes that waited for the ear and were dropped: by `flush`, `reset_leg` or `attach`, by `captions`
    (`set_original`), or because another sender came after `detach_leg`.
    """
    drops_stale: int
    """Bytes that came for an utterance after it had been flushed."""
    drops_reset: int
    """Bytes that were carried when `reset_leg` came: of less than a frame, or in datagrams that waited for one that
    was missing.
    """
    drops_unpolled: int
    """Datagrams refused by the leg's logic: a bug, so 0."""
    bytes_realigned: int
    """Bytes skipped to find the boundary of samples again: the other half of one that had been
    completed, or of one whose first half was lost with a datagram of odd length (then within 100 ms
    of sound).
    """
    errors_receive: int
    """Failed receives, and empty datagrams."""
    errors_send: int
    underruns: int
    """Times an utterance that was not finished ran out of audio."""
    late_wakes: int
    """Playout ticks sent more than 2 ms after their deadline."""
    late_max: int
    """The longest such delay, ns."""
    clock_resets: int
    """Times the playout clock was set anew because a wake came too late to catch up."""
    resets: int
    """Calls that ended here (`reset_leg`)."""
    playout_queued: int
    """Bytes waiting for the ear right now, those on their way to the media thread included."""
    rcvbuf: int
    """What the kernel granted, in the unit of `receive_buffer`."""
    last_datagram: int
    """Time of the newest datagram, 0 = none yet."""
    jitter_ns: int
    """Mean deviation of the datagrams' arrivals from the clock of their samples (RFC 3550, 6.4.1);
    0 after `reset_leg`.
    """
    dead: int
    """1 = a bug ended this leg."""

@type_check_only
class PortCounters(TypedDict):
    """Of a shared port. Rises from its binding, but for `rcvbuf`, `sources` and `waiting`."""

    batches: int
    """System calls that brought something."""
    datagrams: int
    """Datagrams that they brought, strangers' included."""
    strangers: int
    """Datagrams of senders that no leg names, wrong tokens included: dropped."""
    drops_kernel: int
    """Datagrams the kernel dropped because the buffer was full: some leg's, nobody knows whose."""
    errors_receive: int
    """Failed receives, and strangers' empty datagrams."""
    rcvbuf: int
    """What the kernel granted, in the unit of `receive_buffer`."""
    sources: int
    """Senders that its legs name now, or have let in."""
    learned: int
    """Times that a leg which waited let a sender in (`token` and `pinned` of `add_leg`)."""
    waiting: int
    """Legs that wait for such a sender now."""

@final
class Engine:
    """The media thread, or threads. Frozen: every method may be called from any thread.

    In a forked child nearly every method raises `RuntimeError`. With a leg's number all raise `LookupError` once it is
    removed. Those that change something raise it also for a dead one (but not `remove_leg`), `RuntimeError` when the
    engine is closed or its thread died, and `BlockingIOError` when thousands of commands wait, which takes a stuck
    media thread. What is only read, kept or forgotten here (`counters`, `history`, `tap`, `forget`, …) stays as it
    is for a dead leg and a closed engine; a shared port is none any more then (`LookupError`).
    """

    def __new__(cls, *, mailbox: int = 8192, threads: int = 1) -> Engine:
        """Start the thread, or up to 64.

        `mailbox` = frames that may wait for Python (16 to 2**20, about 700 bytes each), of each thread. A leg is on
        the thread that has the fewest when it is opened; on a shared port on the first; the two legs of a call
        (`hear`) on the same.
        """

    def add_leg(
        self,
        *,
        listen: tuple[str, int] | None = None,
        shared: int | None = None,
        play_to: tuple[str, int] | None = None,
        send_from_listen: bool = False,
        source: str | Sequence[str] | None = None,
        ledger_seconds: float = 60.0,
        prebuffer_ms: int | None = None,
        tail_ms: int | None = None,
        receive_buffer: int = 4_194_304,
        playout_seconds: float = 60.0,
        continuous: bool | None = None,
        tempo: Sequence[tuple[float, float]] | None = None,
        echo_guard: bool = False,
        transport: Literal["raw", "rtp", "auto"] = "raw",
        format: Literal["slin16", "slin", "alaw", "ulaw", "g722"] = "slin16",
        reply: Literal["slin", "alaw", "ulaw", "g722"] | None = None,
        rate: Literal[16000, 8000] = 16000,
        token: bytes | None = None,
        pinned: bool = False,
    ) -> int:
        """Bind the leg's socket and return the leg's number.

        Instead of `listen`, `shared` is the number of a port that it shares with others (`share`): then `source`
        must name addresses, or be `nobody` until `set_source`. Two legs there cannot have the same one
        (`OSError`, address in use). Its ear is sent from there.

        Or the leg waits there for a sender that nobody knows yet, in one of two ways:

        - `token`, 32 bytes, in place of `source`: the sender of a datagram that begins with it. Such a datagram is
          never heard, however often it comes. The sender stays the leg's from call to call; another one that
          says the token takes its place between calls, or once the one that is heard was silent for 1 s.
          Of two legs' tokens the first eight bytes must differ (`OSError`, address in use). A wrong one is a
          stranger's; of those with the right first eight bytes 16 a second are looked at.
        - `pinned`, with hosts as `source`: the first sender from one of them, until the call ends. No other leg
          may wait for the same host meanwhile (`OSError`, address in use).

        Raises `OSError` (address in use, …), `ValueError`, `MemoryError`. A leg takes its memory here
        (ledger, ear's queue: 64 kB a second) and is refused where not even 8 MB more would be left;
        legs that are there go on.

        Numbers rise and never come back. Without `play_to` the ear is where the call's newest
        datagram came from, if `send_from_listen`; else (and until then) speech is paced and reported,
        and thrown away.

        `tempo` says how fast the ear is spoken to when it is behind: see `set_tempo`.
        `echo_guard`: see `set_echo_guard`.

        `source` says whose datagrams are heard; others' are dropped and counted as `strangers`:

        - `first` (None): the first sender's of a call. A newcomer takes over once it has talked in
          real time while the one who was heard was silent: for 60 ms from another port of the same
          host, for 1 s from another host. What it said meanwhile is heard first, so nothing of a
          gateway that moves is lost. A newcomer who talked at the same time needs 1 s in any case.
        - `any`: everybody's, mixed as they come.
        - an IP address with or without `:port` (`192.0.2.7`, `[2001:db8::7]:4000`), or up to 8 of
          them: theirs. On a shared port an address comes before its host.
        - `nobody`: nobody's, until `set_source` says more.

        `transport` is what the datagrams are, both ways:

        - `raw`: s16le without a header at `rate`. An ear at 8 kHz is sent 320 bytes every 20 ms.
        - `rtp`: RFC 3550, sent from the socket that listens. Payload types 0 (ulaw), 8 (alaw), 9
          (g722), 10 and 11 (slin), 118 (slin16), 13 and 19 (comfort noise), 101 (events) mean
          these; other dynamic ones mean `format` if that is slin16 or slin. The ear is sent `reply`, by default
          what the newest packet was in, or g722 if that was slin16; until there is one, what fits `format`.
        - `auto`: raw until three packets of RTP come, then RTP.

        `prebuffer_ms` of an utterance are collected before it begins to play (60 by `LegConfig`);
        `tail_ms` of silence follow the last speech (1500).

        `continuous`: send silence to the ear between utterances; by default `rtp` does, and `auto`
        once there is RTP.
        """

    def share(self, *, listen: tuple[str, int], receive_buffer: int = 4_194_304) -> int:
        """Bind a port for legs to share and return its number. It stays until the engine is closed.

        A datagram's leg is known by its sender (`source` of `add_leg`); what comes from anybody else is
        dropped and counted here. One system call takes what waits for all of its legs, and what ears are
        owed at the same time leaves by one. Raises `OSError`, `ValueError`.
        """

    def port_address(self, port: int) -> tuple[str, int]:
        """Where a shared port really listens. Raises `LookupError`, here and below."""

    def port_counters(self, port: int) -> PortCounters:
        """What came to a shared port and belongs to no leg."""

    def port_stranger(self, port: int) -> tuple[str, int] | None:
        """The sender whose datagram a shared port dropped last."""

    def local_address(self, leg: int) -> tuple[str, int]:
        """Where the leg really listens (port 0 was resolved)."""

    def remove_leg(self, leg: int) -> None:
        """Close the leg's sockets; when this returns, the address is free.

        What it left in the mailbox still comes.
        """

    def reset_leg(self, leg: int) -> int:
        """A call ended.

        Forget carried bytes, ledger, queued speech, detector state. Sample numbers go on.

        What waits in the socket goes with the call that ended. Returns the `life` of the frames to
        come: frames with a lower one may still come out of the mailbox and belong to a call before.
        """

    def detach_leg(self, leg: int) -> int:
        """A call ended whose ear still has something to hear. Returns the `life` of the frames to come.

        Unlike `reset_leg` it leaves the ledger, what waits for the ear and what waits in the socket;
        the byte stream goes on without a seam. So the next call can begin at the sample where the
        ended one stopped listening: read it up to the `start` of the first frame of the new `life`
        from `history`, and go on with the frames. The sender who was heard is let go: the next call's
        may be another one at once. An ear without `play_to` stays where it was until then, and what
        still waits for it is flushed if the next call's sender is another one. `jitter_ns` and the echo
        that was learned stay, too.
        """

    def forget(self, leg: int, before: int) -> None:
        """Forget the audio before a sample: `history` does not give it any more."""

    def play(self, leg: int, utterance: int, pcm: bytes, last: bool = False) -> int:
        """Queue speech for the leg's ear. Raises `MemoryError`.

        Returns the bytes accepted: fewer than given when the ear's queue is full; then `last` was
        not taken either.
        """

    def attach(
        self,
        leg: int,
        descriptor: int,
        rate: int = 8000,
        dialect: Literal["asterisk", "twilio", "browser"] | None = None,
    ) -> int:
        """From now on the leg's talker and ear are at the other end of a connection.

        The leg's datagrams are strangers' then, and what waits for the ear is flushed. It is closed
        with the leg, by `hang_up`, by another one that is attached, or by the other end; only the last is
        reported (`Hangup`). `descriptor` is
        copied: the caller closes theirs. A frame that finds the one before it unsent, or Asterisk's queue
        full (MEDIA_XOFF), is dropped and counted in `errors_send`. Raises `OSError`, `ValueError`. Returns
        the connection's number among those that the leg has had.

        Without a `dialect` it is AudioSocket: `rate` (8000, 12000, 16000, …) is what the ear is sent
        until audio has come; then it is that audio's. With one it is a WebSocket whose handshake is
        done: Asterisk's `chan_websocket`, Twilio's Media Streams, or a page with binary messages of
        s16le at 16 kHz both ways and text beside them.
        """

    def say(self, leg: int, text: str) -> None:
        """Send a text message to a page at the other end of the leg's connection.

        Dropped and counted (`drops_text`) where there is none, or 64 kB wait.
        """

    def hang_up(self, leg: int) -> None:
        """Hang up the leg's connection, if it has one. Not reported as `Hangup`."""

    def flush(self, leg: int) -> None:
        """Drop what waits for the ear; each utterance concerned is reported as `flushed`."""

    def set_source(self, leg: int, source: str | Sequence[str]) -> None:
        """Whom to hear from now on, as in `add_leg`. Raises `ValueError`, on a shared port also `OSError`
        (EADDRINUSE): the sender, or the token, is another leg's.

        The sender that was heard until now has to be let in anew, and an ear without `play_to` is nowhere
        until they are.
        """

    def source(self, leg: int) -> tuple[str, int] | None:
        """Whose datagrams are heard in this call: the newest one's sender."""

    def stranger(self, leg: int) -> tuple[str, int] | None:
        """Whose datagram was dropped last, in this call or before."""

    def set_play_to(self, leg: int, play_to: tuple[str, int] | None) -> None:
        """Where the ear is from now on, whichever sender is heard. It is sent from the socket that listens.
        None: nowhere; it is not where the datagrams come from either.

        For a PBX that says where it listens only when it knows where the leg does. Raises
        `OSError`, `ValueError`.
        """

    def set_volume(self, leg: int, factor: float) -> None:
        """How loud the leg's ear hears, 0 to 2. Raises `ValueError`.

        Reached within 20 ms without a click, for what waits too; louder than 16 bits is as loud as
        they can say. Stays when a call ends.
        """

    def set_tempo(self, leg: int, tempo: Sequence[tuple[float, float]]) -> None:
        """How fast the ear is spoken to when it is behind, at the same pitch. Raises `ValueError`.

        Up to 4 points (seconds that wait for the ear, factor), both rising, the first factor 1, the
        last at most 2: 1 below the first point, linear between them, the last factor beyond it. None
        at all: always 1, and not a bit is changed. `((0.3, 1.0), (1.5, 1.35), (4.0, 1.5))` is what
        was measured. Pauses in what waits are cut to 120 ms as long as more than the first point's seconds
        wait. Applies to what waits, too; stays when a call ends.
        """

    def hear(self, leg: int, other: int | None) -> None:
        """Whose own voice the leg's ear may hear, as `set_original` says; None = nobody's.

        A talker is heard by one ear at most: the newest that was set. Stays until one of the two
        is removed. Raises `LookupError` for either leg.
        """

    def set_original(
        self, leg: int, original: Literal["replace", "duck", "consecutive", "captions", "through"]
    ) -> None:
        """What the ear hears of that voice (`hear`). Raises `ValueError`.

        - `replace`: nothing; the translation takes its place.
        - `duck`: at -18 dB under a translation, at -6 dB without one (50 ms down, 300 ms up).
        - `consecutive`: at 0 dB; an utterance begins when the talker was quiet for 0.7 s.
        - `captions`: nothing, and nothing is spoken: what waits is dropped and reported as `flushed`, and
          so is what still comes.
        - `through`: at 0 dB; what waits is spoken over it.

        Mixed in after the volume, never later than 60 ms, saturating. While a voice is mixed in, the
        ear is sent a datagram every 20 ms. Switched without a click; stays when a call ends.
        """

    def set_echo_guard(self, leg: int, on: bool) -> None:
        """Whether frames that are only the echo of what the ear is sent are marked (`Frame.echo`).

        The spectra of what is sent and heard are correlated frame by frame, whatever their levels, for
        lags of 20 ms to 1 s; where one stands out, the next half second must show it again. Until
        then, 1 to 2 s of speech, nothing is marked. What was learned is kept until `reset_leg`, or until that
        echo does not come any more; switching forgets it. The talker is never muted: a frame that
        has more in it than the predicted echo is not marked, nor are those of the next 240 ms (480
        after a while of talk over an echo louder than −10 dB).
        Stays when a call ends.
        """

    def set_muted(self, leg: int, muted: bool) -> None:
        """Whether the leg's talker is muted: from the next frame on their frames are silence.

        They are never `speech`, and the ledger has the silence too; time and sample numbers go on.
        Stays when a call ends.
        """

    def envelope(
        self, leg: int, lane: Literal["said", "heard"], from_index: int = 0
    ) -> tuple[int, bytes]:
        """The outline of what the talker said, or of what the ear was sent: 50 pairs a second.

        Returns (index of the first pair, bytes): lowest and highest sample of each 20 ms as two
        int8, from `from_index` on as far as the last 20 s reach; go on from first + pairs. Index n
        is the 20 ms of the monotonic clock that begin at n x 20 ms, so that both lanes, both legs
        and all other times align. A lane in which nothing happens grows no further; where it goes
        on, the pause shows as 0, 0.
        """

    def tap(self, leg: int, on: bool) -> None:
        """Keep the last 5 s of what the ear is sent, for `heard`; or no more. Idempotent.

        Raises `MemoryError`.
        """

    def heard(self, leg: int, start: int, end: int) -> tuple[int, bytes]:
        """What the ear was sent from sample `start` to `end`, as far as the tap has it.

        Returns (first sample, bytes). Samples are numbered by the monotonic clock:
        `monotonic_ns() * 16 // 1_000_000` is now. Between two speeches lies silence; after the
        newest one there is nothing until the next.
        """

    def history(
        self, leg: int, start: int, end: int, *, without_echo: bool = False
    ) -> tuple[int, bytes]:
        """Audio from sample `start` to `end`, as far as the ledger still (and already) has it.

        `without_echo`: silence for the frames that were marked as `echo`, as a recogniser is to hear
        it. Returns (first sample, bytes). Raises `MemoryError`.
        """

    def fileno(self) -> int:
        """The descriptor to watch (an eventfd; with several threads an epoll of theirs); readable when `drain` has
        something.

        Open for as long as the engine exists.
        """

    def drain(
        self, limit: int = 256
    ) -> list[Frame | Playout | SourceChange | Digit | RtpFound | Hangup | Message]:
        """What waits, of each thread oldest first.

        What is left keeps the descriptor readable. One drainer at a time: another gets []. Raises `RuntimeError`
        when a thread died and nothing is left.
        """

    def counters(self, leg: int) -> LegCounters: ...
    def close(self) -> None:
        """Stop the thread and close the sockets. Idempotent. Remove the reader first."""

def resample(pcm: bytes, source_rate: int, target_rate: int) -> bytes:
    """Whole-buffer conversion of s16le mono, without delay.

    Raises `ValueError` (rate, half a sample).
    """

@final
class Resampler:
    """Streaming conversion of s16le mono. Not for sharing between threads."""

    def __new__(cls, source_rate: int, target_rate: int) -> Resampler: ...
    def push(self, pcm: bytes) -> bytes: ...
    def finish(self) -> bytes: ...

def ulaw_encode(pcm: bytes) -> bytes:
    """s16le to G.711 µ-law, one byte a sample. Raises `ValueError` for half a sample."""

def ulaw_decode(data: bytes) -> bytes:
    """G.711 µ-law to s16le."""

def alaw_encode(pcm: bytes) -> bytes:
    """s16le to G.711 A-law, one byte a sample. Raises `ValueError` for half a sample."""

def alaw_decode(data: bytes) -> bytes:
    """G.711 A-law to s16le."""

def beacon_encode(
    number: int, *, rate: int = 16_000, amplitude: int = 8000, gap_ms: int = 80
) -> bytes:
    """One beacon word (140 ms, s16le mono, 450–3150 Hz) and the silence after it.

    `number` is below 2**24, `rate` at least 8000, `amplitude` the peak. Raises `ValueError`,
    `OverflowError`.
    """

@final
class BeaconDecoder:
    """Finds beacon words in a 16 kHz s16le mono stream.

    A cut or mixed word is never read as another one.
    """

    def __new__(cls) -> BeaconDecoder: ...
    def push(self, pcm: bytes) -> list[tuple[int, int, int]]:
        """More audio, any length (an odd byte waits for its other half).

        Returns (number, first sample, one past the last sample) of each word that is certain now,
        at most 11.25 ms after its end; samples count from the first byte pushed.
        """

    def finish(self) -> list[tuple[int, int, int]]:
        """A word that ended with the newest samples and is still held back. The stream may go on."""

def websocket_message(payload: bytes, mask: bytes) -> bytes:
    """A client's binary message (RFC 6455), whole: header, `mask` and the masked payload. `mask`: 4 bytes that
    nobody can foresee, new ones for each message. Raises `ValueError` for another number of them.
    """
