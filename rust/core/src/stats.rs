//! What a leg counts. Nothing is dropped without a number here.

use crate::frame::Nanos;

/// Everything that was counted since the creation of the leg: plain numbers, cheap to copy out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegStats {
    /// Datagrams handled, empty and refused ones included.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Arrival of the newest datagram; 0 = none yet.
    pub last_datagram: Nanos,
    /// Mean deviation of the datagrams' arrivals from the clock of their samples.
    pub jitter_ns: Nanos,
    /// Frames made from datagrams, padded ones included, filled ones not.
    pub frames_in: u64,
    /// Of these, frames that were completed with silence because datagrams stopped.
    pub frames_padded: u64,
    /// Frames of nothing but silence, filled in after datagrams stopped in mid-utterance.
    pub frames_filled: u64,
    /// Frames the detector called speech.
    pub frames_speech: u64,
    /// Bytes skipped to find the sample boundary again, after half a sample had to be completed or a
    /// byte was lost on the way.
    pub bytes_realigned: u64,
    /// Datagrams refused because `poll` was not called between `handle`s (a bug in the shell).
    pub drops_unpolled: u64,
    /// Bytes that `Reset` forgot at the end of a call: less than a frame, or in datagrams that waited, behind one that
    /// was missing or because it was not known yet what they are.
    pub drops_reset: u64,
    /// Datagrams given to the shell to send.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Bytes refused because the ear's queue was full.
    pub drops_playout: u64,
    /// Bytes dropped by `Flush` or `Reset`.
    pub drops_flushed: u64,
    /// Bytes that came for an utterance after it had been flushed.
    pub drops_stale: u64,
    /// Times an utterance that was not finished ran out of audio.
    pub underruns: u64,
    /// Playout ticks handed out more than 2 ms after their deadline.
    pub late_wakes: u64,
    /// The longest delay of a playout tick.
    pub late_max: Nanos,
    /// Times the playout clock was set anew because the wake came too late to catch up.
    pub clock_resets: u64,
    /// Bytes waiting for the ear right now.
    pub playout_queued: u64,
    /// How long the ear would be busy with what waits, as fast as it would be said.
    pub behind: Nanos,
    /// How fast it is being spoken to, in thousandths.
    pub tempo: u64,
    /// Bytes left out to say the rest sooner.
    pub tempo_saved: u64,
    /// Frames of the other talker's voice that came faster than this ear's clock could play them.
    pub drops_original: u64,
    /// Frames that were the echo of what the ear was sent.
    pub frames_echo: u64,
    /// The echo that was learned in this call: its lag, 0 = there is none.
    pub echo_lag: Nanos,
    /// And its gain, the ratio of amplitudes in millionths.
    pub echo_gain: u64,
    /// Calls ended with `Input::Reset`.
    pub resets: u64,
    /// Datagrams of RTP that came into a raw leg, and were dropped.
    pub drops_rtp: u64,
    /// Keys that were pressed.
    pub digits: u64,
    /// Of an RTP leg's packets.
    pub rtp: RtpStats,
}

/// What is counted of RTP packets that come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtpStats {
    /// Packets that were not there when their turn was over.
    pub lost: u64,
    /// Packets that came after their turn: they are `lost`, too. And stragglers of a stream that was
    /// replaced, and single packets far from where the stream is.
    pub late: u64,
    /// Packets that came in time after ones that follow them.
    pub reordered: u64,
    /// Packets that had come before.
    pub duplicates: u64,
    /// Packets whose payload type a leg does not understand, or with more than 0.5 s in them, and
    /// datagrams that are no RTP.
    pub refused: u64,
    /// RTCP on the same port.
    pub rtcp: u64,
    /// Times that another stream (SSRC) took over.
    pub streams: u64,
    /// Sound that was made up for what was lost.
    pub concealed_ns: Nanos,
    /// How long a gap is waited for now; 0 = no RTP has come in this call, or PCM comes instead.
    pub wait_ns: Nanos,
}
