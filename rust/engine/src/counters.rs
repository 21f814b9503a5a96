//! What a leg has seen, published by the media thread, readable from anywhere without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use translink_core::leg::LegStats;

/// Declares the atomics and their plain copy, so that the two cannot disagree.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// One leg's counters. Each is true by itself; together they are not one instant's picture.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
        }

        /// A copy of a leg's counters. All but `rcvbuf`, `playout_queued` and `last_datagram` only rise.
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
    /// Datagrams taken from the socket.
    datagrams_in,
    /// Their bytes.
    bytes_in,
    /// Frames made from datagrams.
    frames_in,
    /// Frames of silence fed after datagrams stopped in mid-utterance.
    frames_filled,
    /// Datagrams sent to the ear.
    datagrams_out,
    /// Their bytes.
    bytes_out,
    /// Datagrams the kernel dropped because the socket's buffer was full. The kernel tells it with the
    /// next datagram that it does deliver.
    drops_kernel,
    /// Frames that did not fit the mailbox.
    drops_ring,
    /// Playout events that did not fit the mailbox, a sixteenth of which is kept free for them.
    drops_events,
    /// Bytes refused because the ear's queue was full.
    drops_playout,
    /// Bytes that came for an utterance after it had been flushed.
    drops_stale,
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
    /// Bytes waiting for the ear, those still on their way to the media thread included.
    playout_queued,
    /// Receive buffer that the kernel granted, in the unit it was asked for.
    rcvbuf,
    /// Arrival of the newest datagram; 0 = none yet.
    last_datagram,
    /// 1 = this leg's logic panicked; it is out of service.
    dead,
}

impl Counters {
    /// Copy what the leg itself counts.
    pub(crate) fn publish(&self, stats: &LegStats) {
        self.datagrams_in.store(stats.datagrams_in, Relaxed);
        self.bytes_in.store(stats.bytes_in, Relaxed);
        self.frames_in.store(stats.frames_in, Relaxed);
        self.frames_filled.store(stats.frames_filled, Relaxed);
        self.drops_stale.store(stats.drops_stale, Relaxed);
        self.underruns.store(stats.underruns, Relaxed);
        self.late_wakes.store(stats.late_wakes, Relaxed);
        self.late_max.store(stats.late_max, Relaxed);
        self.last_datagram.store(stats.last_datagram, Relaxed);
    }
}
