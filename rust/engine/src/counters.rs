//! What a leg has seen, published by the media thread, readable from anywhere without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use translink_core::leg::LegStats;
use translink_core::stats::RtpStats;

/// Declares the atomics and their plain copy, so that the two cannot disagree.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// One leg's counters. Each is true by itself; together they are not one instant's picture.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
        }

        /// A copy of a leg's counters. Some tell how it is now
        /// (`rcvbuf`, `playout_queued`, `behind_ns`, …); the others only rise.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Snapshot {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Snapshot {
                Snapshot { $($name: self.$name.load(Relaxed),)* }
            }
        }

        impl Snapshot {
            /// Names and values in the order of declaration.
            #[must_use]
            pub fn fields(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

counters! {
    /// Datagrams taken from the socket, empty ones and strangers' not.
    datagrams_in,
    /// Their bytes.
    bytes_in,
    /// Frames made from datagrams.
    frames_in,
    /// Of these, frames completed with silence because datagrams stopped.
    frames_padded,
    /// Of these, frames the detector called speech.
    frames_speech,
    /// Frames of silence filled in after datagrams stopped in mid-utterance.
    frames_filled,
    /// Datagrams of strangers: dropped.
    strangers,
    /// Times that another sender took over in a call.
    source_changes,
    /// Datagrams sent to the ear.
    datagrams_out,
    /// Their bytes.
    bytes_out,
    /// Datagrams the kernel dropped because the socket's buffer was full. The kernel tells it with
    /// the next datagram that it does deliver.
    drops_kernel,
    /// Frames that did not fit the mailbox.
    drops_ring,
    /// Playout events that did not fit the mailbox, a sixteenth of which is kept free for them, and keys of a
    /// connection that were too many.
    drops_events,
    /// Bytes of an utterance that was refused whole, because too many waited for the ear.
    drops_playout,
    /// Times the ear's queue did not take all that was offered; the caller knows it and has the rest.
    playout_full,
    /// Frames of the other talker's own voice that the ear's clock could not keep up with.
    drops_original,
    /// How long the ear would be busy with what waits, as fast as it would be said, ns.
    behind_ns,
    /// How fast it is being spoken to, in thousandths.
    tempo,
    /// Bytes left out to say the rest sooner.
    tempo_saved,
    /// Frames that were the echo of what the ear was sent.
    frames_echo,
    /// Lag of the echo learned in this call, ns; 0 = there is none.
    echo_lag_ns,
    /// Its gain, the ratio of amplitudes in millionths.
    echo_gain,
    /// Bytes that waited for the ear and were dropped by a flush or at the end of a call.
    drops_flushed,
    /// Bytes that came for an utterance after it had been flushed.
    drops_stale,
    /// Messages of a connection that were too long, too many, or found no room or no other end.
    drops_text,
    /// Datagrams of RTP that came into a raw leg.
    drops_rtp,
    /// Keys that were pressed.
    digits,
    /// RTP packets that were not there when their turn was over: their time was concealed.
    rtp_lost,
    /// Packets that came after their turn, stragglers of a stream that was replaced, and single ones far from where
    /// the stream is.
    rtp_late,
    /// Packets that came in time after ones that follow them.
    rtp_reordered,
    /// Packets that had come before.
    rtp_duplicates,
    /// Packets of a payload type that nobody understands, or far too long, and datagrams that are no RTP.
    rtp_refused,
    /// RTCP on the port of RTP.
    rtp_rtcp,
    /// Times that another stream (SSRC) took over.
    rtp_streams,
    /// Sound that was made up for what was lost, ns.
    rtp_concealed_ns,
    /// How long a gap is waited for now, ns.
    rtp_wait_ns,
    /// Bytes at the end of a call that were less than a frame and came too late to be padded, or whose datagrams
    /// waited for one that was missing.
    drops_reset,
    /// Datagrams the leg's logic refused because it was not polled: a bug, so 0.
    drops_unpolled,
    /// Bytes skipped to find the boundary of samples again: the other half of one that had been
    /// completed, or of one whose first half was lost on the way.
    bytes_realigned,
    /// Failed receives, and empty datagrams.
    errors_receive,
    /// Datagrams for the ear that the kernel did not take.
    errors_send,
    /// Times an utterance that was not finished ran out of audio.
    underruns,
    /// Playout ticks handed out more than 2 ms after their deadline.
    late_wakes,
    /// The longest such delay in nanoseconds.
    late_max,
    /// Times the playout clock was set anew because a wake came too late to catch up.
    clock_resets,
    /// Calls that ended here.
    resets,
    /// Bytes waiting for the ear, those still on their way to the media thread included.
    playout_queued,
    /// Receive buffer that the kernel granted, in the unit it was asked for.
    rcvbuf,
    /// Arrival of the newest datagram; 0 = none yet.
    last_datagram,
    /// Mean deviation of their arrivals from the clock of their samples, ns.
    jitter_ns,
    /// 1 = this leg's logic panicked; it is out of service.
    dead,
}

impl Counters {
    /// Copy what the leg itself counts. What the engine counts in other places (what left through a
    /// socket, what the queue before the leg refused, what waits) is not touched.
    pub(crate) fn publish(&self, stats: &LegStats) {
        // Taken apart by name: a counter added to the core does not compile before it is published.
        let LegStats {
            datagrams_in,
            bytes_in,
            last_datagram,
            jitter_ns,
            frames_in,
            frames_padded,
            frames_filled,
            frames_speech,
            bytes_realigned,
            drops_unpolled,
            drops_reset,
            drops_flushed,
            drops_stale,
            underruns,
            late_wakes,
            late_max,
            clock_resets,
            resets,
            behind,
            tempo,
            tempo_saved,
            frames_echo,
            echo_lag,
            echo_gain,
            drops_original,
            drops_rtp,
            digits,
            rtp,
            // Counted where the datagram is sent, where room is reserved, and from there on.
            datagrams_out: _,
            bytes_out: _,
            drops_playout: _,
            playout_queued: _,
        } = *stats;
        self.datagrams_in.store(datagrams_in, Relaxed);
        self.bytes_in.store(bytes_in, Relaxed);
        self.last_datagram.store(last_datagram, Relaxed);
        self.jitter_ns.store(jitter_ns, Relaxed);
        self.frames_in.store(frames_in, Relaxed);
        self.frames_padded.store(frames_padded, Relaxed);
        self.frames_filled.store(frames_filled, Relaxed);
        self.frames_speech.store(frames_speech, Relaxed);
        self.bytes_realigned.store(bytes_realigned, Relaxed);
        self.drops_unpolled.store(drops_unpolled, Relaxed);
        self.drops_reset.store(drops_reset, Relaxed);
        self.drops_flushed.store(drops_flushed, Relaxed);
        self.drops_stale.store(drops_stale, Relaxed);
        self.underruns.store(underruns, Relaxed);
        self.late_wakes.store(late_wakes, Relaxed);
        self.late_max.store(late_max, Relaxed);
        self.clock_resets.store(clock_resets, Relaxed);
        self.resets.store(resets, Relaxed);
        self.behind_ns.store(behind, Relaxed);
        self.tempo.store(tempo, Relaxed);
        self.tempo_saved.store(tempo_saved, Relaxed);
        self.frames_echo.store(frames_echo, Relaxed);
        self.echo_lag_ns.store(echo_lag, Relaxed);
        self.echo_gain.store(echo_gain, Relaxed);
        self.drops_original.store(drops_original, Relaxed);
        self.drops_rtp.store(drops_rtp, Relaxed);
        self.digits.store(digits, Relaxed);
        let RtpStats {
            lost,
            late,
            reordered,
            duplicates,
            refused,
            rtcp,
            streams,
            concealed_ns,
            wait_ns,
        } = rtp;
        self.rtp_lost.store(lost, Relaxed);
        self.rtp_late.store(late, Relaxed);
        self.rtp_reordered.store(reordered, Relaxed);
        self.rtp_duplicates.store(duplicates, Relaxed);
        self.rtp_refused.store(refused, Relaxed);
        self.rtp_rtcp.store(rtcp, Relaxed);
        self.rtp_streams.store(streams, Relaxed);
        self.rtp_concealed_ns.store(concealed_ns, Relaxed);
        self.rtp_wait_ns.store(wait_ns, Relaxed);
    }
}
