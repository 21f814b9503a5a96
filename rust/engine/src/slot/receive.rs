//! What comes in for a leg: taken from its socket or handed over by a shared port, admitted, heard.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use translink_core::frame::Nanos;
use translink_core::leg::Input;
use translink_core::rtp::packet::is_rtcp;

use crate::admission::Sender;
use crate::batch::{BATCH, Batch, Datagram};
use crate::clock::{self, Conversion};
use crate::filter::program;
use crate::item::{Item, Outbox};
use crate::slot::Slot;

/// Strangers of one batch.
#[derive(Clone, Copy, Default)]
struct TurnedAway {
    count: u64,
    /// With nothing in them.
    empty: u64,
    last: Option<SocketAddr>,
}

impl Slot {
    /// Take what waits in the socket, as far as it is this leg's turn: one datagram, or a whole
    /// batch where the last turn was so recent that more than one is likely. What is left is reported
    /// by epoll again. True: it was a whole batch.
    pub(crate) fn turn(&mut self, batch: &mut Batch, out: &mut Outbox) -> bool {
        let recent = clock::now() < self.turned + CROWD_GAP;
        self.receive(if recent { BATCH } else { 1 }, batch, out) && recent
    }

    /// Take up to `limit` datagrams. True: there were as many, more may wait.
    pub(super) fn receive(&mut self, limit: usize, batch: &mut Batch, out: &mut Outbox) -> bool {
        let count = match batch.receive(self.sockets.receiving(), limit) {
            Ok(count) => count,
            Err(error) => {
                if !matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) {
                    self.shared.counters.errors_receive.fetch_add(1, Relaxed);
                }
                return false;
            }
        };
        let conversion = Conversion::read();
        self.turned = conversion.now;
        let mut turned_away = TurnedAway::default();
        for index in 0..count {
            let datagram = batch.datagram(index);
            let arrival = conversion.monotonic(datagram.stamp, self.leg.stats().last_datagram);
            if let Some(dropped) = datagram.dropped {
                self.count_dropped(dropped, arrival);
            }
            self.take(&datagram, arrival, conversion.now, &mut turned_away, out);
        }
        if self.count_strangers(turned_away, conversion.now) {
            self.shut_out();
        }
        count == limit
    }

    /// A datagram that a shared port has taken for this leg.
    pub(crate) fn hear(
        &mut self,
        datagram: &Datagram<'_>,
        conversion: &Conversion,
        out: &mut Outbox,
    ) {
        let mut turned_away = TurnedAway::default();
        let arrival = conversion.monotonic(datagram.stamp, self.leg.stats().last_datagram);
        self.take(datagram, arrival, conversion.now, &mut turned_away, out);
        self.count_strangers(turned_away, conversion.now);
    }

    /// One datagram, or several of one sender.
    fn take(
        &mut self,
        datagram: &Datagram<'_>,
        arrival: Nanos,
        now: Nanos,
        turned_away: &mut TurnedAway,
        out: &mut Outbox,
    ) {
        if datagram.payload.is_empty() {
            self.shared.counters.errors_receive.fetch_add(1, Relaxed);
            turned_away.empty += u64::from(datagram.source != self.admission.heard());
        }
        for payload in datagram.pieces() {
            let source = datagram.source;
            if self.stream.is_some() {
                turned_away.count += 1;
                turned_away.last = source;
                continue;
            }
            if self.is_stray_control(payload, source) {
                if !self.admission.may_know(source) {
                    turned_away.count += 1;
                    turned_away.last = source;
                }
                continue;
            }
            if self.admission.is_token(payload) {
                continue;
            }
            match self.admission.look(source, payload, arrival) {
                Sender::Known => {}
                Sender::New => self.begin_with(source, now, out),
                Sender::Moved(old) => {
                    if self.move_from(old, arrival, now, out) {
                        continue;
                    }
                }
                Sender::Kept => continue,
                Sender::Stranger => {
                    turned_away.count += 1;
                    turned_away.last = source;
                    continue;
                }
            }
            self.leg.handle(Input::Datagram { payload, arrival }, now);
            self.settle(now, out);
        }
    }

    /// Those of a batch, and those that were kept and are not heard after all. True: they are a flood.
    fn count_strangers(&mut self, turned_away: TurnedAway, now: Nanos) -> bool {
        let (dropped, source) = self.admission.dropped();
        let strangers = turned_away.count + dropped;
        self.deadline = self.deadline.min(self.admission.expires());
        if strangers > 0 {
            self.shared.counters.strangers.fetch_add(strangers, Relaxed);
            let stranger = turned_away.last.or(source);
            self.shared.senders.tell(self.admission.heard(), stranger);
        }
        let met = strangers + turned_away.empty;
        met > 0 && self.filter.met(met, now)
    }

    /// RTCP makes nobody the one who is heard.
    fn is_stray_control(&self, payload: &[u8], source: Option<SocketAddr>) -> bool {
        self.leg.is_rtp() && is_rtcp(payload) && source != self.admission.heard()
    }

    /// The first datagram of a call, or of one who is heard like all others. Where the ear was still
    /// another one's, what waits for it is not for this one.
    fn begin_with(&mut self, source: Option<SocketAddr>, now: Nanos, out: &mut Outbox) {
        self.shared.senders.tell(source, None);
        if self.sockets.heard_from(source) && self.detached {
            self.leg.handle(Input::Flush, now);
            self.settle(now, out);
        }
        self.detached = false;
    }

    /// Somebody else is heard from now on. True: with what was kept of it, the datagram that
    /// settled it included.
    fn move_from(&mut self, old: SocketAddr, at: Nanos, now: Nanos, out: &mut Outbox) -> bool {
        let Some(heard) = self.admission.heard() else {
            return false;
        };
        self.sockets.heard_from(Some(heard));
        self.shared.senders.tell(Some(heard), Some(old));
        self.shared.counters.source_changes.fetch_add(1, Relaxed);
        if self.moved == 0 || at >= self.moved + MOVE_REPORTED_AGAIN {
            self.moved = at;
            let (leg, life) = (self.shared.number, self.life);
            out.event(
                &self.shared,
                Item::Moved {
                    leg,
                    life,
                    old,
                    new: heard,
                    at,
                },
            );
        }
        let kept = self.admission.take_kept();
        let mut any = false;
        for (payload, arrival) in kept.datagrams() {
            any = true;
            self.leg.handle(Input::Datagram { payload, arrival }, now);
            self.settle(now, out);
        }
        self.admission.give_back(kept);
        any
    }

    /// The kernel says how many datagrams it has dropped in all, with one that came at `arrival`.
    fn count_dropped(&mut self, dropped: u32, arrival: Nanos) {
        let new = dropped.wrapping_sub(std::mem::replace(&mut self.dropped, dropped));
        let counters = &self.shared.counters;
        if self.filter.explains(arrival) {
            counters.strangers.fetch_add(new.into(), Relaxed);
        } else {
            counters.drops_kernel.fetch_add(new.into(), Relaxed);
        }
    }

    /// Let the kernel drop strangers for a while. Where it cannot, they are dropped here.
    fn shut_out(&mut self) {
        let peers = self.admission.peers();
        let now = clock::now();
        // Nobody is heard yet, so anybody may be; but where a connection has the leg, no datagram is.
        if peers.is_empty() && self.stream.is_none() {
            return;
        }
        if self.sockets.filter(Some(&program(&peers, &[]))).is_ok() {
            self.filter.begin(now);
            self.deadline = self.deadline.min(self.filter.until());
        } else {
            self.filter.refused(now);
        }
    }

    /// Look at strangers again.
    pub(super) fn let_in(&mut self) {
        if self.filter.until() < Nanos::MAX {
            // Fails only for a socket that has no filter.
            let _ = self.sockets.filter(None);
            self.filter.end(clock::now());
        }
    }
}

/// A sender that changes and changes back is reported again after so long.
const MOVE_REPORTED_AGAIN: Nanos = 1_000_000_000;

/// Datagrams closer together than this come in crowds: a flood, or a gateway's bunch of several.
const CROWD_GAP: Nanos = 3_000_000;
