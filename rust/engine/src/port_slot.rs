//! A shared port inside the media thread: who is where, and who is kept out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use translink_core::frame::Nanos;

use crate::batch::{BATCH, Batch, Datagram};
use crate::clock::{self, Conversion};
use crate::filter::{Filter, program};
use crate::port::PortSocket;
use crate::routes::Routes;
use crate::source::{Pass, Peer};
use crate::waiting::Waiting;

/// Whom a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// A leg that knows its sender.
    Legs(u32),
    /// A leg that waits: its sender has shown the pass.
    Newcomers(u32, SocketAddr),
    /// No leg's: it has been turned away.
    Nobodys,
}

/// The media thread's half of a shared port.
pub(crate) struct PortSlot {
    pub(crate) port: Arc<PortSocket>,
    routes: Routes,
    /// The senders in `routes`, for the kernel's filter.
    peers: Vec<(Peer, u32)>,
    waiting: Waiting,
    filter: Filter,
    /// The kernel's drop counter as last reported, modulo 2^32.
    dropped: u32,
    /// Arrival of the newest datagram.
    latest: Nanos,
    /// Strangers of this batch, and the last of them; and datagrams with nothing in them, which are a flood as well.
    met: u64,
    empty: u64,
    stranger: Option<SocketAddr>,
}

impl PortSlot {
    pub(crate) fn new(port: Arc<PortSocket>) -> Self {
        Self {
            port,
            routes: Routes::new(),
            peers: Vec::new(),
            waiting: Waiting::default(),
            filter: Filter::new(),
            dropped: 0,
            latest: 0,
            met: 0,
            empty: 0,
            stranger: None,
        }
    }

    /// From now on these senders, and no others, are a leg's; and those who show this.
    pub(crate) fn route(&mut self, leg: u32, peers: &[Peer], pass: Option<&Pass>) {
        let mut had = None;
        for (peer, _) in self.peers.iter().filter(|&&(_, owner)| owner == leg) {
            self.routes.remove(peer, leg);
            had = Some(*peer);
        }
        self.peers.retain(|&(_, owner)| owner != leg);
        for peer in peers {
            self.routes.insert(peer, leg);
            self.peers.push((*peer, leg));
        }
        self.waiting.set(leg, pass, !peers.is_empty());
        if let Some(had) = had {
            self.waiting.had(leg, had);
        }
        if self.filter.until() < Nanos::MAX {
            self.attach();
        }
    }

    /// Take up to [`BATCH`] datagrams that wait; how many there were.
    pub(crate) fn receive(&self, batch: &mut Batch) -> usize {
        let counters = &self.port.shared.counters;
        match batch.receive(self.port.descriptor(), BATCH) {
            Ok(count) => {
                counters.batches.fetch_add(1, Relaxed);
                count
            }
            Err(error) => {
                let usual = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
                if !usual.contains(&error.kind()) {
                    counters.errors_receive.fetch_add(1, Relaxed);
                }
                0
            }
        }
    }

    /// Whom a datagram is for.
    pub(crate) fn whose(&mut self, datagram: &Datagram<'_>, conversion: &Conversion) -> Whose {
        let news = |dropped: &u32| *dropped != self.dropped || self.filter.is_unreported();
        if let Some(dropped) = datagram.dropped.filter(news) {
            let arrival = conversion.monotonic(datagram.stamp, self.latest);
            self.count_dropped(dropped, arrival);
            self.latest = arrival;
        }
        let Some(source) = &datagram.source else {
            self.turn_away(datagram);
            return Whose::Nobodys;
        };
        if let Some(leg) = self.routes.exact(source) {
            return Whose::Legs(leg);
        }
        // Before its host's: a token says more.
        let waiting = self.waiting.by_token(datagram, conversion.now);
        if let Some(leg) = waiting.or_else(|| self.waiting.by_host(source)) {
            return Whose::Newcomers(leg, *source);
        }
        if let Some(leg) = self.routes.host(source) {
            return Whose::Legs(leg);
        }
        self.turn_away(datagram);
        Whose::Nobodys
    }

    /// It is dropped, and counted by [`PortSlot::done`].
    pub(crate) fn turn_away(&mut self, datagram: &Datagram<'_>) {
        let pieces = datagram.pieces().len() as u64;
        if pieces == 0 {
            let counters = &self.port.shared.counters;
            counters.errors_receive.fetch_add(1, Relaxed);
            self.empty += 1;
        }
        self.met += pieces;
        self.stranger = datagram.source.or(self.stranger);
    }

    /// The batch has been handed out: `datagrams` of them in all.
    pub(crate) fn done(&mut self, datagrams: u64, now: Nanos) {
        self.port
            .shared
            .counters
            .datagrams
            .fetch_add(datagrams, Relaxed);
        let met = std::mem::take(&mut self.met);
        let empty = std::mem::take(&mut self.empty);
        if met + empty == 0 {
            return;
        }
        self.port.shared.counters.strangers.fetch_add(met, Relaxed);
        self.port.shared.senders.tell(None, self.stranger.take());
        if self.filter.met(met + empty, now) {
            if self.attach() {
                self.filter.begin(clock::now());
            } else {
                self.filter.refused(now);
            }
        }
    }

    /// The kernel says how many it has dropped in all, with one that came at `arrival`.
    fn count_dropped(&mut self, dropped: u32, arrival: Nanos) {
        let new = dropped.wrapping_sub(std::mem::replace(&mut self.dropped, dropped));
        let counters = &self.port.shared.counters;
        if self.filter.explains(arrival) {
            counters.strangers.fetch_add(new.into(), Relaxed);
        } else {
            counters.drops_kernel.fetch_add(new.into(), Relaxed);
        }
    }

    /// Let the kernel drop strangers. False: it cannot, they are dropped here.
    fn attach(&self) -> bool {
        let named = self.peers.iter().map(|&(peer, _)| peer);
        let peers: Vec<Peer> = named.chain(self.waiting.hosts()).collect();
        let program = program(&peers, &self.waiting.names());
        self.port.filter(Some(&program)).is_ok()
    }

    /// When strangers are to be looked at again; `Nanos::MAX`: they are.
    pub(crate) const fn until(&self) -> Nanos {
        self.filter.until()
    }

    /// Look at them again.
    pub(crate) fn let_in(&mut self) {
        // Fails only for a socket that has no filter.
        let _ = self.port.filter(None);
        self.filter.end(clock::now());
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::batch;
    use crate::filter::{FLOOD, SPELL};
    use crate::token::Token;

    #[test]
    fn what_overflows_long_after_a_flood_is_lost_and_no_strangers() {
        let here: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let port = PortSocket::open(1, here, 1 << 13).expect("a port");
        let mut slot = PortSlot::new(Arc::new(port));
        let talker = UdpSocket::bind(here).expect("a socket");
        talker
            .connect(slot.port.shared.local)
            .expect("an address of this machine");
        let mut batch = Batch::new(batch::room());
        let mut hear = |slot: &mut PortSlot, datagrams: usize| {
            for _ in 0..datagrams {
                talker.send(&[1; 640]).expect("sent");
            }
            loop {
                let count = slot.receive(&mut batch);
                let conversion = Conversion::read();
                for index in 0..count {
                    slot.whose(&batch.datagram(index), &conversion);
                }
                if count == 0 {
                    break;
                }
            }
            let seen = slot.port.shared.snapshot();
            (seen.strangers, seen.drops_kernel)
        };
        // More than the buffer holds; the next one that comes tells of it, here while the filter is on.
        slot.filter.begin(clock::now());
        hear(&mut slot, 1_000);
        let (strangers, lost) = hear(&mut slot, 1);
        assert!(strangers > 0 && lost == 0, "{strangers} {lost}");
        slot.let_in();
        assert_eq!(hear(&mut slot, 1), (strangers, 0));
        hear(&mut slot, 1_000);
        let seen = hear(&mut slot, 1);
        assert!(seen.0 == strangers && seen.1 > 0, "{seen:?}");
    }

    #[test]
    fn a_program_too_long_for_the_kernel_is_not_made_anew_for_each_batch_of_a_flood() {
        let here = "127.0.0.1:0".parse().expect("an address");
        let port = PortSocket::open(1, here, 1 << 16).expect("a port");
        let mut slot = PortSlot::new(Arc::new(port));
        for leg in 1..=900 {
            let token = Token::new(format!("{leg:08}{leg:024}").as_bytes());
            let pass = Pass::Token(token.expect("32 characters"));
            slot.route(leg, &[], Some(&pass));
        }
        let now = 10 * SPELL;
        slot.met = FLOOD;
        slot.done(FLOOD, now);
        assert_eq!(slot.until(), Nanos::MAX, "five instructions a token");
        assert!(!slot.filter.met(FLOOD, now + SPELL - 1));
        assert!(slot.filter.met(FLOOD, now + SPELL));
    }
}
