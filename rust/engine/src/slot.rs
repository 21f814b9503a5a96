//! One leg inside the media thread: its sockets, its logic, its share of the mailbox.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use translink_core::envelope::Slots;
use translink_core::frame::{Frame, Nanos};
use translink_core::leg::{Input, Leg};
use translink_core::output::{Output, PlayoutEvent};
use translink_core::rtp::watch::Found;

use crate::admission::Admission;
use crate::batch::{BATCH, Batch};
use crate::clock;
use crate::filter::Filter;
use crate::handed::Handed;
use crate::item::{Item, Outbox};
use crate::shared::SharedLeg;
use crate::socket::Sockets;
use crate::source::{Pass, Peer, Policy};
use crate::stream::Stream;

mod deliver;
mod receive;

/// The media thread's half of a leg.
pub(crate) struct Slot {
    pub(crate) shared: Arc<SharedLeg>,
    pub(crate) sockets: Sockets,
    /// When the leg wants to be woken.
    pub(crate) deadline: Nanos,
    pub(crate) leg: Leg,
    /// Bytes that waited for the ear when it was last looked, and what was reserved since: what is fewer now has left.
    queued: u64,
    admission: Admission,
    /// When a change of the sender was last reported.
    moved: Nanos,
    /// When it was last reported that RTP comes.
    rtp_reported: Nanos,
    /// What was found too soon after that.
    untold: Option<(Found, bool)>,
    filter: Filter,
    /// Where what the talker says is drawn.
    said: Slots,
    pub(crate) life: u32,
    /// A call has ended here, and its ear may go on.
    pub(crate) detached: bool,
    /// The kernel's drop counter as last reported, modulo 2^32.
    dropped: u32,
    /// When datagrams were last taken.
    turned: Nanos,
    /// Whose own voice this leg's ear may hear, and whose ear hears this leg's talker.
    pub(crate) hears: Option<u32>,
    pub(crate) heard_by: Option<u32>,
    /// The talker's frames on their way to that ear.
    pub(crate) handed: Handed,
    /// What carries the audio in place of datagrams.
    pub(crate) stream: Option<Box<Stream>>,
}

impl Slot {
    pub(crate) fn new(
        shared: Arc<SharedLeg>,
        sockets: Sockets,
        admission: Admission,
        leg: Leg,
    ) -> Self {
        Self {
            shared,
            sockets,
            deadline: Nanos::MAX,
            leg,
            queued: 0,
            admission,
            moved: 0,
            rtp_reported: 0,
            untold: None,
            filter: Filter::new(),
            said: Slots::default(),
            life: 0,
            detached: false,
            dropped: 0,
            turned: 0,
            hears: None,
            heard_by: None,
            handed: Handed::new(),
            stream: None,
        }
    }

    /// Do something with the leg behind a wall: a panic is this leg's end, and nobody else's.
    ///
    /// False: the leg is dead, remove it.
    pub(crate) fn guarded(
        &mut self,
        out: &mut Outbox,
        act: impl FnOnce(&mut Self, &mut Outbox),
    ) -> bool {
        // What a panic leaves half-done is the leg, which is dropped, and the outbox, whose ring is
        // whole between any two pushes.
        let alive = catch_unwind(AssertUnwindSafe(|| act(self, out))).is_ok();
        if alive {
            self.shared.counters.publish(self.leg.stats());
        } else {
            self.die(out);
        }
        alive
    }

    /// Tell that the leg is out of service; it is to be removed.
    pub(crate) fn die(&self, out: &mut Outbox) {
        self.shared.counters.dead.store(1, Relaxed);
        let leg = self.shared.number;
        let at = clock::now();
        out.event(&self.shared, Item::Dead { leg, at });
    }

    /// Queue speech whose bytes were reserved.
    pub(crate) fn play(&mut self, utterance: u64, pcm: &[u8], last: bool, out: &mut Outbox) {
        let refused = self.leg.stats().drops_playout;
        let input = Input::Play {
            utterance,
            pcm,
            last,
        };
        self.act(input, pcm.len() as u64, out);
        let refused = self.leg.stats().drops_playout - refused;
        self.shared
            .counters
            .drops_playout
            .fetch_add(refused, Relaxed);
    }

    /// Change how the leg behaves.
    pub(crate) fn set(&mut self, input: Input<'_>, out: &mut Outbox) {
        self.act(input, 0, out);
    }

    /// The senders to hear from now on. An ear that was learned has to be learned anew.
    pub(crate) fn set_source(&mut self, policy: Policy) {
        self.let_in();
        self.admission.change(policy);
        self.count_dropped_strangers();
        self.sockets.forget();
        self.shared.senders.tell(None, None);
    }

    /// What a sender must show.
    pub(crate) const fn pass(&self) -> Option<&Pass> {
        self.admission.pass()
    }

    /// Whether one that shows it may be heard, with a datagram that came at `arrival`.
    pub(crate) fn is_free(&self, source: SocketAddr, arrival: Nanos) -> bool {
        self.admission.is_free(source, arrival)
    }

    /// It is heard from now on, and nobody else.
    pub(crate) const fn admit(&mut self, source: SocketAddr) {
        self.admission.let_in(source);
    }

    /// The senders that may be heard now; none: anybody.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        self.admission.peers()
    }

    /// Where the ear is from now on.
    pub(crate) fn play_to(&mut self, ear: Option<SocketAddr>) {
        self.sockets.play_to(ear);
    }

    /// A frame of the talker whose own voice this ear may hear.
    pub(crate) fn other(&mut self, frame: &Frame, missed: u64, out: &mut Outbox) {
        self.act(Input::Other { frame, missed }, 0, out);
    }

    pub(crate) fn flush(&mut self, out: &mut Outbox) {
        self.act(Input::Flush, 0, out);
    }

    /// The call ended. What waits in the socket was sent during it and goes with it; from a shared port it
    /// has been handed over.
    pub(crate) fn reset(&mut self, life: u32, batch: &mut Batch, out: &mut Outbox) {
        let own = self.sockets.port().is_none();
        // Bounded: a flood may not hold up the other legs.
        for _ in 0..MOST_BATCHES {
            if !own || !self.receive(BATCH, batch, out) {
                break;
            }
        }
        self.act(Input::Reset, 0, out);
        self.let_in();
        self.let_go();
        self.sockets.forget();
        self.shared.ledger().clear();
        self.detached = false;
        self.life = self.life.max(life);
    }

    /// The call ended, but its ear goes on: what the talker says from now on is the next call's, and
    /// so is what waits in the socket. The byte stream goes on where it is.
    pub(crate) fn detach(&mut self, life: u32) {
        self.let_in();
        self.let_go();
        self.detached = true;
        self.life = self.life.max(life);
    }

    /// The next call may come from anybody.
    fn let_go(&mut self) {
        self.admission.forget();
        self.count_dropped_strangers();
        self.shared.senders.tell(None, None);
    }

    /// Of somebody who was kept and is not heard after all.
    fn count_dropped_strangers(&mut self) {
        let (dropped, source) = self.admission.dropped();
        if dropped > 0 {
            self.shared.counters.strangers.fetch_add(dropped, Relaxed);
            self.shared.senders.tell(self.admission.heard(), source);
        }
    }

    pub(crate) fn wake(&mut self, now: Nanos, out: &mut Outbox) {
        if now >= self.filter.until() {
            self.let_in();
        }
        self.admission.expire(now);
        self.count_dropped_strangers();
        self.leg.handle(Input::Timeout, now);
        self.settle(now, out);
    }

    pub(crate) fn act(&mut self, input: Input<'_>, incoming: u64, out: &mut Outbox) {
        let now = clock::now();
        self.queued += incoming;
        self.leg.handle(input, now);
        self.settle(now, out);
    }

    /// What was reserved and is not queued any more has left: played, flushed or refused. Whatever happens to the leg,
    /// also a datagram: what the ear is owed by then is sent.
    fn account(&mut self) {
        let waits = self.leg.stats().playout_queued;
        let left = self.queued.saturating_sub(waits);
        if left > 0 {
            self.shared.release(left);
        }
        self.queued = waits;
    }

    /// A sender that mixes it with other things fills no log. What comes too soon is put off: the line says it once.
    fn report_rtp(&mut self, found: Found, taken: bool, at: Nanos, out: &mut Outbox) {
        if self.rtp_reported > 0 && at < self.rtp_reported + RTP_REPORTED_AGAIN {
            self.untold = Some((found, taken));
            return;
        }
        self.rtp_reported = at;
        self.untold = None;
        let item = Item::Rtp {
            leg: self.shared.number,
            life: self.life,
            found,
            taken,
            at,
        };
        out.event(&self.shared, item);
    }

    /// Carry out what the leg wants until it wants to wait.
    pub(crate) fn settle(&mut self, now: Nanos, out: &mut Outbox) {
        loop {
            match self.leg.poll(now) {
                Output::Frame(frame) => self.publish(frame, out),
                Output::Transmit { payload, due, .. } => self.transmit(&payload, due),
                Output::Playout(event) => {
                    let at = match event {
                        PlayoutEvent::Started { at, .. } | PlayoutEvent::Finished { at, .. } => at,
                        PlayoutEvent::Flushed { .. } => now,
                    };
                    let leg = self.shared.number;
                    out.event(&self.shared, Item::Playout { leg, event, at });
                }
                Output::Digit { digit, at } => {
                    let (leg, life) = (self.shared.number, self.life);
                    let item = Item::Digit {
                        leg,
                        life,
                        digit,
                        at,
                    };
                    out.event(&self.shared, item);
                }
                Output::Rtp { found, taken } => self.report_rtp(found, taken, now, out),
                Output::Timeout(at) => {
                    let due = now >= self.rtp_reported + RTP_REPORTED_AGAIN;
                    if let Some((found, taken)) = self.untold.filter(|_| due) {
                        self.report_rtp(found, taken, now, out);
                    }
                    self.account();
                    self.deadline = at.min(self.filter.until()).min(self.admission.expires());
                    return;
                }
            }
        }
    }
}

/// RTP that comes and goes is reported again after so long.
const RTP_REPORTED_AGAIN: Nanos = 1_000_000_000;

/// Taken from a socket at the end of a call.
pub(crate) const MOST_BATCHES: usize = 16;

#[cfg(all(test, not(loom)))]
#[path = "slot_tests.rs"]
mod tests;
