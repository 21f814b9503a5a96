//! From any thread to the media thread: a bounded queue and the thread's own eventfd.
//!
//! When full: [`Commands::send`] hands the command back and the caller learns
//! ([`Error::Busy`](crate::Error::Busy)). It takes a media thread that has been stuck for
//! thousands of commands.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use crossbeam_queue::ArrayQueue;
use translink_core::curve::Curve;
use translink_core::mix::Original;
use translink_core::volume::Gain;

use crate::bell::Bell;
use crate::mailbox::Signal;
use crate::port_slot::PortSlot;
use crate::slot::Slot;
use crate::source::Policy;
use crate::stream::Stream;

/// Commands that may wait.
const CAPACITY: usize = 4096;

/// What the media thread is asked to do.
pub(crate) enum Command {
    /// Take a shared port.
    Share(Box<PortSlot>),
    /// Take a leg, its sockets bound.
    Add(Box<Slot>),
    /// Close a leg; answers when its sockets are closed.
    Remove { leg: u32, done: SyncSender<()> },
    /// Hand a leg over to another thread; answers with it.
    GiveUp {
        leg: u32,
        given: SyncSender<Box<Slot>>,
    },
    /// Queue speech for the ear; its bytes are already reserved.
    Play {
        leg: u32,
        utterance: u64,
        pcm: Box<[u8]>,
        last: bool,
    },
    /// Drop what waits for the ear.
    Flush { leg: u32 },
    /// Whose datagrams are heard from now on.
    Source { leg: u32, policy: Policy },
    /// Where the ear is from now on.
    PlayTo { leg: u32, ear: Option<SocketAddr> },
    /// How loud the ear hears.
    Volume { leg: u32, gain: Gain },
    /// Whether the talker is heard as silence.
    Mute { leg: u32, muted: bool },
    /// How fast the ear is spoken to when it is behind.
    Tempo { leg: u32, curve: Curve },
    /// Whose own voice may be mixed into what the ear hears.
    Hear { leg: u32, other: Option<u32> },
    /// What the ear hears of it.
    Original { leg: u32, original: Original },
    /// Whether an echo is looked for.
    EchoGuard { leg: u32, on: bool },
    /// Say when all commands before this one are obeyed.
    Answer { done: SyncSender<()> },
    /// End of a call: frames from now on belong to `life`.
    Reset { leg: u32, life: u32 },
    /// End of a call whose ear goes on: frames from now on belong to `life`.
    Detach { leg: u32, life: u32 },
    /// A connection carries the leg's audio from now on.
    Attach { leg: u32, stream: Box<Stream> },
    /// Send the connection's other end a message.
    Say { leg: u32, text: Box<str> },
    /// End that.
    HangUp { leg: u32 },
    /// A bug in a leg's logic, for tests of what it may break.
    #[cfg(test)]
    Panic { leg: u32 },
    /// A bug outside of any leg's logic, likewise.
    #[cfg(test)]
    Die,
}

/// The queue and its wake.
pub(crate) struct Commands {
    queue: ArrayQueue<Command>,
    signal: Signal<Bell>,
    stop: AtomicBool,
}

impl Commands {
    pub(crate) fn new() -> nix::Result<Self> {
        Ok(Self {
            queue: ArrayQueue::new(CAPACITY),
            signal: Signal::new(Bell::new()?),
            stop: AtomicBool::new(false),
        })
    }

    /// Queue and wake.
    pub(crate) fn send(&self, command: Command) -> Result<(), Command> {
        self.queue.push(command)?;
        self.signal.raise();
        Ok(())
    }

    /// Ask the thread to end. Needs no place in the queue.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.signal.raise();
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Media thread: before taking commands after a wake.
    pub(crate) fn settle(&self) {
        self.signal.lower();
    }

    /// Media thread: when it stops taking although more may wait.
    pub(crate) fn again(&self) {
        self.signal.raise();
    }

    pub(crate) fn take(&self) -> Option<Command> {
        self.queue.pop()
    }

    pub(crate) fn bell(&self) -> &Bell {
        self.signal.target()
    }
}
