//! What one ear hears: utterances one after the other, a datagram every 20 ms.
//!
//! *Order.* Utterances play in the order of their first `Play`, each whole before the next begins,
//! however their pieces come in. An empty `Play` reserves a place. The caller must end every
//! utterance with `last`, or flush: one that never ends holds up all that follow.
//!
//! *Clock.* Deadlines are absolute: each is 20 ms after the one before, whenever the wake came. A
//! late wake sends all that is due, up to [`CATCH_UP`]; when it is later still the clock is set to
//! now (`clock_resets`): the audio is delayed, never dropped. An utterance that comes to an idle
//! ear starts at once; its second datagram is up to 1 ms early, on a [`GRID`] that all ears share.
//!
//! *Prebuffer.* An utterance starts when `prebuffer` of it waits, or all of it, or when 200 ms
//! passed since its first bytes. One that runs dry before its end (`underruns`) starts again by the
//! same rule, on the old clock's grid.
//!
//! *Behind.* The more waits, the faster it is said ([`crate::tempo`], by the [`Curve`]): what waits is
//! all that is queued, the rest of the present utterance included.
//!
//! *The original.* The other talker's own voice may be mixed in, after the volume ([`crate::mix`]). While it is,
//! the ear is sent a datagram every 20 ms.
//!
//! *Full.* The audio lives in blocks of one frame, allocated once. Bytes that do not fit are
//! refused (`drops_playout`); what is queued stays. Of more than [`MAX_UTTERANCES`] the newest is
//! refused whole, with a `Flushed` event. Pieces of a flushed utterance that still come are dropped
//! (`drops_stale`).

use std::collections::{TryReserveError, VecDeque};

use crate::blocks::{Blocks, Chain};
use crate::curve::{Curve, ONE};
use crate::frame::{FRAME_BYTES, FRAME_NANOS, Nanos};
use crate::framer::duration;
use crate::mix::{Mix, Original};
use crate::output::{Output, PlayoutEvent};
use crate::stats::LegStats;
use crate::tempo::{FRAME, LOOK, Tempo};
use crate::volume::{Gain, Volume};

/// Utterances that may wait or stream in at once.
pub const MAX_UTTERANCES: usize = 64;

/// A late wake-up is made good up to this much.
pub const CATCH_UP: Nanos = 200_000_000;

/// Deadlines are multiples of this, so that many ears are served by one wake-up (a hundred speaking
/// ears: 1,000 instead of 5,000 a second). A frame is one, too.
pub const GRID: Nanos = 1_000_000;
const _: () = assert!(FRAME_NANOS % GRID == 0);

/// The queue of one ear.
#[derive(Debug)]
pub struct Playout {
    blocks: Blocks,
    queue: VecDeque<Utterance>,
    /// Flushed before their `last` came; oldest forgotten first.
    flushed: VecDeque<u64>,
    /// At most one per utterance and step, taken out by `poll`.
    events: VecDeque<PlayoutEvent>,
    /// The next deadline, once there was one.
    tick: Option<Nanos>,
    prebuffer: usize,
    capacity: usize,
    waiting: usize,
    volume: Volume,
    curve: Curve,
    tempo: Tempo,
    mix: Mix,
    continuous: bool,
    /// Whether datagrams went out without a pause until now.
    flowing: bool,
}

impl Playout {
    /// An ear that has heard nothing. `capacity` in bytes.
    ///
    /// # Errors
    /// There is not so much memory.
    pub fn new(
        prebuffer: Nanos,
        capacity: usize,
        continuous: bool,
        curve: Curve,
    ) -> Result<Self, TryReserveError> {
        let prebuffer = usize::try_from(prebuffer.div_ceil(FRAME_NANOS)).unwrap_or(usize::MAX);
        Ok(Self {
            blocks: Blocks::new(capacity.div_ceil(FRAME_BYTES) + MAX_UTTERANCES + 1)?,
            queue: VecDeque::with_capacity(MAX_UTTERANCES),
            flushed: VecDeque::with_capacity(MAX_UTTERANCES),
            events: VecDeque::with_capacity(3 * MAX_UTTERANCES),
            tick: None,
            prebuffer: prebuffer
                .saturating_mul(FRAME_BYTES)
                .clamp(FRAME_BYTES, capacity.max(FRAME_BYTES)),
            capacity,
            waiting: 0,
            volume: Volume::new(),
            curve,
            tempo: Tempo::new(),
            mix: Mix::new(),
            continuous,
            flowing: continuous,
        })
    }

    /// Queue a piece of an utterance; answers how many of its bytes were accepted.
    pub fn push(
        &mut self,
        id: u64,
        pcm: &[u8],
        last: bool,
        now: Nanos,
        stats: &mut LegStats,
    ) -> usize {
        if let Some(place) = self.flushed.iter().position(|&flushed| flushed == id) {
            stats.drops_stale += pcm.len() as u64;
            if last {
                self.flushed.remove(place);
            }
            return 0;
        }
        if self.mix.is_silent() {
            stats.drops_flushed += pcm.len() as u64;
            self.bury(id, pcm.len(), last);
            return 0;
        }
        let Some(place) = self.place(id) else {
            stats.drops_playout += pcm.len() as u64;
            self.bury(id, pcm.len(), last);
            return 0;
        };
        let accepted = pcm.len().min(self.room());
        let utterance = &mut self.queue[place];
        if utterance.audio.bytes() == 0 && accepted > 0 && !utterance.playing {
            utterance.since = now;
        }
        self.blocks.append(&mut utterance.audio, &pcm[..accepted]);
        utterance.ended |= last;
        self.waiting += accepted;
        stats.drops_playout += (pcm.len() - accepted) as u64;
        self.tell(stats);
        accepted
    }

    /// Drop all that waits. The clock goes on: what comes next keeps its distance.
    pub fn flush(&mut self, stats: &mut LegStats) {
        stats.drops_flushed += self.waiting as u64;
        self.waiting = 0;
        self.tell(stats);
        while let Some(mut utterance) = self.queue.pop_front() {
            let unplayed = utterance.audio.bytes();
            self.blocks.release(&mut utterance.audio);
            self.bury(utterance.id, unplayed, utterance.ended);
        }
    }

    /// How loud the ear hears what is sent from now on, what waits included.
    pub const fn set_volume(&mut self, gain: Gain) {
        self.volume.set(gain);
    }

    /// Whether silence is sent between utterances.
    pub const fn set_continuous(&mut self, continuous: bool) {
        self.continuous = continuous;
    }

    /// How fast what waits is said, from the next frame on.
    pub const fn set_curve(&mut self, curve: Curve) {
        self.curve = curve;
    }

    /// What is heard of the other talker from now on. Where nothing is to be spoken, what waits is
    /// dropped.
    pub fn set_original(&mut self, original: Original, stats: &mut LegStats) {
        self.mix.set(original);
        if self.mix.is_silent() {
            self.flush(stats);
        }
    }

    /// The other talker's voice.
    pub const fn mix(&mut self) -> &mut Mix {
        &mut self.mix
    }

    /// What is to be done now; `Timeout` when nothing is.
    pub fn poll(&mut self, now: Nanos, stats: &mut LegStats) -> Output {
        if let Some(event) = self.events.pop_front() {
            return Output::Playout(event);
        }
        let flowing = self.continuous || self.mix.flows();
        if flowing && !self.flowing {
            self.tick = self.tick.map(|tick| tick.max(now));
        }
        self.flowing = flowing;
        self.retire(now);
        if let Some(event) = self.events.pop_front() {
            return Output::Playout(event);
        }
        let wake = self.start(now);
        let playing = self.queue.front().is_some_and(|head| head.playing);
        if !playing && !self.flowing {
            return Output::Timeout(wake);
        }
        let due = *self.tick.get_or_insert(now);
        if now < due {
            return Output::Timeout(due.min(wake));
        }
        if playing && self.starved(now) {
            stats.underruns += 1;
            return self.poll(now, stats);
        }
        let due = self.advance(due, now, stats);
        self.transmit(due, playing, stats)
    }

    /// Bytes that [`Playout::push`] would accept.
    #[must_use]
    pub const fn room(&self) -> usize {
        self.capacity - self.waiting
    }

    /// The place of an utterance in the queue, a new one at the end; none when there are too many.
    fn place(&mut self, id: u64) -> Option<usize> {
        let known = self.queue.iter().position(|utterance| utterance.id == id);
        if known.is_none() && self.queue.len() < MAX_UTTERANCES {
            self.queue.push_back(Utterance::new(id));
            return Some(self.queue.len() - 1);
        }
        known
    }

    /// Say that an utterance was dropped, and remember it if more of it may come.
    fn bury(&mut self, id: u64, unplayed: usize, ended: bool) {
        if !ended {
            if self.flushed.len() == MAX_UTTERANCES {
                self.flushed.pop_front();
            }
            self.flushed.push_back(id);
        }
        self.events.push_back(PlayoutEvent::Flushed {
            utterance: id,
            unplayed: unplayed as u64,
        });
    }

    /// Take the head off the queue when it has ended and all of it was sent.
    fn retire(&mut self, now: Nanos) {
        let done = |head: &Utterance| head.ended && head.audio.bytes() == 0;
        if self.queue.front().is_some_and(done) {
            let head = self.queue.pop_front();
            self.events.extend(head.map(|head| PlayoutEvent::Finished {
                utterance: head.id,
                at: head.sent.unwrap_or(now),
            }));
        }
    }

    /// Start the head if it may; otherwise the time at which it may without further input.
    fn start(&mut self, now: Nanos) -> Nanos {
        let Some(head) = self.queue.front_mut() else {
            return Nanos::MAX;
        };
        let bytes = head.audio.bytes();
        let patience = head.since + PREBUFFER_PATIENCE;
        if head.playing || bytes < FRAME_BYTES && !head.ended {
            return Nanos::MAX;
        }
        if bytes < self.prebuffer && !head.ended && now < patience {
            return patience;
        }
        let turn = self.mix.turn();
        if head.sent.is_none() && now < turn {
            return turn;
        }
        head.playing = true;
        if !self.flowing {
            self.tick = Some(match self.tick {
                Some(tick) if tick >= now => tick,
                Some(tick) if head.sent.is_some() => {
                    self.volume.settle();
                    tick + (now - tick).next_multiple_of(FRAME_NANOS)
                }
                _ => {
                    self.volume.settle();
                    now
                }
            });
        }
        Nanos::MAX
    }

    /// Whether the playing head has no audio for this tick; it then stops playing.
    fn starved(&mut self, now: Nanos) -> bool {
        let Some(head) = self.queue.front_mut() else {
            return false;
        };
        let starved = head.audio.bytes() < FRAME_BYTES && !head.ended;
        if starved {
            head.playing = false;
            head.since = now;
        }
        starved
    }

    /// Move the clock on; answers the deadline of this tick.
    fn advance(&mut self, due: Nanos, now: Nanos, stats: &mut LegStats) -> Nanos {
        let late = now - due;
        stats.late_max = stats.late_max.max(late);
        stats.late_wakes += u64::from(late > LATE_TICK);
        let due = if late > CATCH_UP {
            stats.clock_resets += 1;
            now
        } else {
            due
        };
        let next = due + FRAME_NANOS;
        self.tick = Some(next - next % GRID);
        due
    }

    /// What waits now, and what that means.
    fn tell(&self, stats: &mut LegStats) {
        stats.playout_queued = self.waiting as u64;
        stats.behind = self.curve.time(duration(self.waiting));
        // Where nothing waits nobody is spoken to, whatever the last frame's was.
        stats.tempo = match self.waiting {
            0 => ONE.into(),
            _ => self.tempo.factor().into(),
        };
    }

    /// One datagram: the head's next frame, or silence when nothing plays.
    fn transmit(&mut self, due: Nanos, playing: bool, stats: &mut LegStats) -> Output {
        let mut payload = [0; FRAME_BYTES];
        let mut utterance = 0;
        if let Some(head) = self.queue.front_mut().filter(|_| playing) {
            let backlog = duration(self.waiting);
            let factor = self.curve.factor(backlog);
            let taken = if factor == 1_000 || head.audio.bytes() < FRAME_BYTES {
                let taken = self.blocks.take(&mut head.audio, &mut payload);
                if !self.curve.is_off() {
                    self.tempo.sent(&payload);
                }
                taken
            } else {
                let mut ahead = [0; LOOK];
                let held = self.blocks.peek(&head.audio, &mut ahead);
                let spare = samples(self.curve.spare(backlog));
                let mut frame = [0; FRAME];
                let used = self.tempo.frame(&ahead[..held], factor, spare, &mut frame);
                for (pair, sample) in payload.chunks_exact_mut(2).zip(frame) {
                    pair.copy_from_slice(&sample.to_le_bytes());
                }
                self.blocks.drop_first(&mut head.audio, 2 * used);
                stats.tempo_saved += 2 * (used - FRAME) as u64;
                2 * used
            };
            self.waiting -= taken;
            self.volume.apply(&mut payload);
            if head.sent.is_none() {
                self.events.push_back(PlayoutEvent::Started {
                    utterance: head.id,
                    at: due,
                });
            }
            head.sent = Some(due);
            utterance = head.id;
        } else {
            self.volume.settle();
        }
        self.mix.apply(&mut payload, playing);
        self.tell(stats);
        stats.datagrams_out += 1;
        stats.bytes_out += FRAME_BYTES as u64;
        Output::Transmit {
            utterance,
            payload,
            due,
        }
    }
}

/// How many samples last so long.
fn samples(time: Nanos) -> usize {
    usize::try_from(time / (FRAME_NANOS / FRAME as u64)).unwrap_or(usize::MAX)
}

/// One utterance, from its first piece to its last datagram.
#[derive(Debug)]
struct Utterance {
    id: u64,
    audio: Chain,
    /// No more pieces will come.
    ended: bool,
    playing: bool,
    /// First bytes, or the moment it ran dry.
    since: Nanos,
    /// Due time of its newest datagram.
    sent: Option<Nanos>,
}

impl Utterance {
    const fn new(id: u64) -> Self {
        Self {
            id,
            audio: Chain::new(),
            ended: false,
            playing: false,
            since: 0,
            sent: None,
        }
    }
}

/// An utterance that has some audio, but less than the prebuffer, waits no longer than this.
const PREBUFFER_PATIENCE: Nanos = 200_000_000;

/// A tick later than this is counted.
const LATE_TICK: Nanos = 2_000_000;
