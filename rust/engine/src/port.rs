//! A port that many legs share: one socket, its datagrams told apart by where they come from.
//!
//! *Why.* A leg with a socket of its own costs the kernel a question of its own: at 400 legs × 100 datagrams/s,
//! gathered for 1 ms, each `recvmmsg` finds one datagram. Here one takes them all. And it is one hole in
//! a firewall, and one number in a dialplan, whatever the calls.
//!
//! *Rules.* A leg names its senders ([`Policy::Listed`]), as addresses or as hosts, or waits for the one that shows
//! its pass ([`Policy::Shown`]); no two legs of a port have the same one ([`Claims`]), so a datagram has one leg or
//! none. What comes from anybody else is a
//! stranger's: dropped, counted here, and kept out by the kernel in a flood. A leg's own rules
//! (`admission`) hold behind that as they do on a port of its own. Datagrams of one sender that the kernel
//! has joined (`UDP_GRO`) are taken apart again.
//!
//! *Counting.* What the kernel drops when the buffer is full has no sender: it is counted here, and at no leg.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{SockAddr, SockFilter, Socket};

use crate::claims::{Change, Claims};
use crate::error::Error;
use crate::outgoing::{LONGEST, Outgoing};
use crate::shared::SharedLeg;
use crate::socket::receiver;
use crate::source::{Policy, Senders};

/// What is known of a shared port outside of the media thread.
#[derive(Debug)]
pub(crate) struct SharedPort {
    pub(crate) number: u32,
    pub(crate) local: SocketAddr,
    pub(crate) counters: PortCounters,
    pub(crate) senders: Senders,
    claims: Mutex<Claims>,
}

/// Its socket, which the media thread has, and each of its legs there.
pub(crate) struct PortSocket {
    pub(crate) shared: Arc<SharedPort>,
    socket: Socket,
    /// The media thread's alone, which never waits for it.
    outgoing: Mutex<Outgoing>,
}

/// What a shared port has seen that belongs to no leg.
#[derive(Debug, Default)]
pub(crate) struct PortCounters {
    pub(crate) batches: AtomicU64,
    pub(crate) datagrams: AtomicU64,
    pub(crate) strangers: AtomicU64,
    pub(crate) drops_kernel: AtomicU64,
    pub(crate) errors_receive: AtomicU64,
    pub(crate) learned: AtomicU64,
    rcvbuf: AtomicU64,
}

/// A copy of a shared port's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortSnapshot {
    /// System calls that brought something.
    pub batches: u64,
    /// Datagrams that they brought, strangers' included.
    pub datagrams: u64,
    /// Datagrams of senders that no leg names, wrong tokens included: dropped.
    pub strangers: u64,
    /// Datagrams the kernel dropped because the buffer was full; whose is not known. Those it had
    /// joined count as one.
    pub drops_kernel: u64,
    /// Failed receives, and empty datagrams of strangers.
    pub errors_receive: u64,
    /// Receive buffer that the kernel granted, in the unit it was asked for.
    pub rcvbuf: u64,
    /// Senders that are named, or were let in.
    pub sources: u64,
    /// Times that a sender showed a leg's pass and was let in.
    pub learned: u64,
    /// Legs that wait for such a one.
    pub waiting: u64,
}

impl PortSocket {
    /// Bind.
    pub(crate) fn open(number: u32, listen: SocketAddr, receive_buffer: usize) -> io::Result<Self> {
        let (socket, local, granted) = receiver(listen, receive_buffer)?;
        // Before Linux 5.0 there is none.
        let _ = setsockopt(&socket, sockopt::UdpGroSegment, &true);
        let counters = PortCounters {
            rcvbuf: granted.into(),
            ..PortCounters::default()
        };
        Ok(Self {
            shared: Arc::new(SharedPort {
                number,
                local,
                counters,
                senders: Senders::default(),
                claims: Mutex::default(),
            }),
            socket,
            outgoing: Mutex::new(Outgoing::new()),
        })
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Let the kernel drop what a program does not let in, or nothing any more.
    pub(crate) fn filter(&self, program: Option<&[SockFilter]>) -> io::Result<()> {
        match program {
            Some(program) => self.socket.attach_filter(program),
            None => self.socket.detach_filter(),
        }
    }

    /// Send a datagram by the end of this tick. `leg` counts it then; None: nobody does.
    pub(crate) fn post(&self, datagram: &[u8], ear: &SockAddr, leg: Option<&Arc<SharedLeg>>) {
        debug_assert!(datagram.len() <= LONGEST);
        let mut outgoing = self.outgoing();
        if outgoing.is_full() {
            outgoing.send(self.descriptor());
        }
        outgoing.push(datagram, ear, leg.cloned());
    }

    /// The tick is over.
    pub(crate) fn send(&self) {
        self.outgoing().send(self.descriptor());
    }

    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedPort {
    /// These senders are to be `leg`'s, and those it named before are not, once `tell` has reached the media thread.
    /// If that fails, all is as it was.
    pub(crate) fn claim(
        &self,
        leg: u32,
        policy: Policy,
        tell: impl FnOnce(Policy) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let change: Change = self.claims().begin(leg, &policy)?;
        let reached = tell(policy);
        match reached {
            Ok(()) => self.claims().settle(&change),
            Err(_) => self.claims().undo(change),
        }
        reached
    }

    pub(crate) fn claims(&self) -> MutexGuard<'_, Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> PortSnapshot {
        let counters = &self.counters;
        let (sources, waiting) = {
            let claims = self.claims();
            (claims.senders() as u64, claims.waiting() as u64)
        };
        PortSnapshot {
            batches: counters.batches.load(Relaxed),
            datagrams: counters.datagrams.load(Relaxed),
            strangers: counters.strangers.load(Relaxed),
            drops_kernel: counters.drops_kernel.load(Relaxed),
            errors_receive: counters.errors_receive.load(Relaxed),
            rcvbuf: counters.rcvbuf.load(Relaxed),
            sources,
            learned: counters.learned.load(Relaxed),
            waiting,
        }
    }
}

impl PortSnapshot {
    /// Names and values in the order of declaration.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, u64); 9] {
        [
            ("batches", self.batches),
            ("datagrams", self.datagrams),
            ("strangers", self.strangers),
            ("drops_kernel", self.drops_kernel),
            ("errors_receive", self.errors_receive),
            ("rcvbuf", self.rcvbuf),
            ("sources", self.sources),
            ("learned", self.learned),
            ("waiting", self.waiting),
        ]
    }
}

impl std::fmt::Debug for PortSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PortSocket")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
#[path = "port_tests.rs"]
mod tests;
