//! What goes through the mailbox, and what makes way when it is full.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use rtrb::{Consumer, Producer, RingBuffer};
use translink_core::digit::Digit;
use translink_core::frame::{Frame, Nanos};
use translink_core::output::PlayoutEvent;
use translink_core::rtp::watch::Found;

use crate::bell::Bell;
use crate::mailbox::{Receiver, Sender, mailbox};
use crate::shared::SharedLeg;

/// News from the media thread.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every item is a frame")]
pub enum Item {
    /// 20 ms of audio.
    Frame {
        /// Whose.
        leg: u32,
        /// How many calls had ended on that leg before.
        life: u32,
        /// When it was put into the mailbox.
        ready: Nanos,
        /// The audio.
        frame: Frame,
    },
    /// A step in the life of an utterance.
    Playout {
        /// In whose ear.
        leg: u32,
        /// What happened.
        event: PlayoutEvent,
        /// Due time of the datagram, or the time of the flush.
        at: Nanos,
    },
    /// Another sender has taken over in a call. Reported once a second at most, counted each time.
    Moved {
        /// Whose talker.
        leg: u32,
        /// How many calls had ended on that leg before.
        life: u32,
        /// The sender that was heard until now.
        old: SocketAddr,
        /// The sender that is heard from now on.
        new: SocketAddr,
        /// When.
        at: Nanos,
    },
    /// The other end of the leg's connection hung up, or it broke. It is closed.
    Hangup {
        /// Which.
        leg: u32,
        /// As [`crate::Engine::attach`] numbered it: by now the leg may have another one.
        connection: u32,
        /// When.
        at: Nanos,
    },
    /// A message of the other end of the leg's connection (WebSocket).
    Text {
        /// Whose.
        leg: u32,
        /// As in `Hangup`.
        connection: u32,
        /// Some hundred bytes at most.
        text: Box<str>,
        /// When.
        at: Nanos,
    },
    /// The talker pressed a key.
    Digit {
        /// Whose talker.
        leg: u32,
        /// How many calls had ended on that leg before.
        life: u32,
        /// Which, and for how long.
        digit: Digit,
        /// Arrival of the packet that settled it.
        at: Nanos,
    },
    /// RTP comes into a leg that was not set to it. Reported once a second at most.
    Rtp {
        /// Which.
        leg: u32,
        /// How many calls had ended on that leg before.
        life: u32,
        /// What was found.
        found: Found,
        /// It is heard; else it is dropped.
        taken: bool,
        /// When.
        at: Nanos,
    },
    /// The leg's logic panicked: it is out of service, its sockets are closed.
    Dead {
        /// Which.
        leg: u32,
        /// When.
        at: Nanos,
    },
}

/// The draining end of the mailbox.
pub(crate) type Inbox = Receiver<Consumer<Item>, Bell>;

/// The media thread's end. Full: frames are dropped first (they are in the ledger), the last
/// sixteenth is for events, which are reported nowhere else; each drop is counted at its leg.
pub(crate) struct Outbox {
    sender: Sender<Producer<Item>, Bell>,
    kept_for_events: usize,
    /// Items that the drainer was not yet woken for.
    unreported: u32,
}

impl Outbox {
    pub(crate) fn new(capacity: usize) -> nix::Result<(Self, Inbox)> {
        let (sender, inbox) = mailbox(RingBuffer::new(capacity), Bell::new()?);
        let outbox = Self {
            sender,
            kept_for_events: capacity / 16,
            unreported: 0,
        };
        Ok((outbox, inbox))
    }

    pub(crate) fn frame(&mut self, leg: &SharedLeg, item: Item) {
        if self.sender.room() <= self.kept_for_events || self.sender.push(item).is_err() {
            leg.counters.drops_ring.fetch_add(1, Relaxed);
        }
        self.count();
    }

    pub(crate) fn event(&mut self, leg: &SharedLeg, item: Item) {
        if self.sender.push(item).is_err() {
            leg.counters.drops_events.fetch_add(1, Relaxed);
        }
        self.count();
    }

    /// Wake the drainer even without news.
    pub(crate) fn ring(&mut self) {
        self.sender.wake();
    }

    /// Wake the drainer if there is news since the last time. At the end of a round, not for each
    /// leg: a wake is a system call here and another one there, with a sleep in between.
    pub(crate) fn signal(&mut self) {
        self.unreported = 0;
        self.sender.signal();
    }

    /// In a long round the first news does not wait for the last.
    fn count(&mut self) {
        self.unreported += 1;
        if self.unreported >= UNREPORTED {
            self.signal();
        }
    }
}

/// Items pushed before the drainer is woken even though the round goes on: about 0.1 ms of it.
const UNREPORTED: u32 = 64;
