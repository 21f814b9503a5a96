//! Does the ear come back through the mouth? On a speakerphone the translation that is played
//! returns as if its listener had said it, and would be translated back, to and fro, for ever.
//!
//! What is sent to a leg and what comes from it are compared by their levels, 20 ms each, over the
//! last 2 s and for lags of 20 to 1,000 ms. Where the correlation of one lag is high, and the sound
//! that comes is there whenever the sound that went is (an echo has no pauses of its own), that is a
//! *sighting*. Two strong ones that agree, half a second apart, or three, are an echo: its lag and gain are learned and kept
//! for the rest of the call, also while both talk, when nothing can be seen.
//!
//! From then on a frame is *echo* when it is not [`TALK_ABOVE`] the level that is predicted for it. That is
//! a mark: nothing is muted here, the audio stays what it was. A listener who talks over their echo is
//! above it; for [`TALK_HANG_FRAMES`] frames after that nothing is marked, so that the soft ends of their words
//! stay. When the echo does not come any more although it should, it is forgotten.
//!
//! Slots are 20 ms of the monotonic clock. Levels are whole
//! quarters of a decibel above −66 dBFS; so the sums over the window are exact however long they are kept.
//! A frame costs 50 lags × 3 sums.

use crate::frame::{FRAME_NANOS, Nanos};

/// What was learned of an echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// From the datagram's deadline to the kernel's receive time.
    pub lag: Nanos,
    /// In quarters of a decibel; an echo is mostly softer, so mostly negative.
    pub gain: i32,
}

impl Echo {
    /// The gain as a ratio of amplitudes, in millionths.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a few millions"
    )]
    pub fn millionths(self) -> u64 {
        (1e6 * 10_f32.powf(self.gain as f32 / 80.0)) as u64
    }
}

/// Watches one leg for an echo of what its ear is sent.
#[derive(Debug)]
pub struct EchoGuard {
    on: bool,
    /// The slot after the newest that was heard.
    next: u64,
    /// Levels by slot, modulo the length: what was sent (with its slot), and what was heard.
    sent: [(u64, i32); HELD_SLOTS],
    heard: [i32; WINDOW_SLOTS],
    /// Sums over the window, those of what was sent for each lag from one slot on.
    products: [i32; LAG_SLOTS],
    sums: [i32; LAG_SLOTS],
    squares: [i32; LAG_SLOTS],
    sum: i32,
    square: i32,
    until_look: u64,
    sighted: Option<Sighting>,
    /// How often the newest looks agreed in a row.
    agreed: u32,
    /// Looks at which a learned echo did not come.
    missed: u32,
    learned: Option<Sighting>,
    /// The level that is predicted; it falls as in a room.
    predicted: i32,
    above: u32,
    hang: u32,
}

impl EchoGuard {
    /// It watches if it is `on`.
    #[must_use]
    pub fn new(on: bool) -> Self {
        Self {
            on,
            next: 0,
            sent: [(0, 0); HELD_SLOTS],
            heard: [0; WINDOW_SLOTS],
            products: [0; LAG_SLOTS],
            sums: [0; LAG_SLOTS],
            squares: [0; LAG_SLOTS],
            sum: 0,
            square: 0,
            until_look: LOOK_SLOTS,
            sighted: None,
            agreed: 0,
            missed: 0,
            learned: None,
            predicted: 0,
            above: 0,
            hang: 0,
        }
    }

    /// Watch or not; what was learned is forgotten either way.
    pub fn set(&mut self, on: bool) {
        *self = Self::new(on);
    }

    /// The call ended: another one may be on another telephone.
    pub fn reset(&mut self) {
        *self = Self::new(self.on);
    }

    /// Whether it watches: levels need not be measured for it otherwise.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.on
    }

    /// The echo of this call, if there is one.
    #[must_use]
    pub fn learned(&self) -> Option<Echo> {
        self.learned.map(|learned| Echo {
            lag: learned.lag as u64 * FRAME_NANOS,
            gain: learned.gain,
        })
    }

    /// A datagram of this mean square went to the ear.
    pub fn sent(&mut self, due: Nanos, power: f32) {
        let slot = due / FRAME_NANOS;
        self.sent[place(slot)] = (slot, level(power));
    }

    /// A frame of this mean square came. Whether it is echo.
    pub fn heard(&mut self, captured: Nanos, power: f32) -> bool {
        let slot = self.slot(captured);
        if self.next == 0 || slot > self.next + (WINDOW_SLOTS + LAG_SLOTS) as u64 {
            // Nothing came for longer than is looked back.
            let (on, learned) = (self.on, self.learned);
            *self = Self {
                learned,
                sent: self.sent,
                next: slot,
                ..Self::new(on)
            };
        }
        let short = slot < self.next + SHORT_HOLE_SLOTS;
        let fill = if short && slot > 0 {
            self.heard[index(self.next.max(1) - 1, WINDOW_SLOTS)]
        } else {
            0
        };
        while self.next < slot {
            self.step(fill);
        }
        let level = level(power);
        if slot == self.next {
            self.step(level);
        }
        self.judge(level)
    }

    /// The slot of a frame: the next one, unless it is more than [`JITTER_SLOTS`] off. Less than drawing allows: the
    /// lag must not wander.
    const fn slot(&self, captured: Nanos) -> u64 {
        let due = captured / FRAME_NANOS;
        if self.next + JITTER_SLOTS < due {
            due
        } else if self.next > due + JITTER_SLOTS {
            self.next - 1
        } else {
            self.next
        }
    }

    /// The level of the next slot.
    fn step(&mut self, level: i32) {
        let slot = self.next;
        self.next += 1;
        let at = index(slot, WINDOW_SLOTS);
        let old = std::mem::replace(&mut self.heard[at], level);
        self.sum += level - old;
        self.square += level * level - old * old;
        for lag in 0..LAG_SLOTS {
            let back = lag as u64 + 1;
            let new_sent = self.level_sent(slot, back);
            let old_sent = self.level_sent(slot, back + WINDOW_SLOTS as u64);
            self.products[lag] += new_sent * level - old_sent * old;
            self.sums[lag] += new_sent - old_sent;
            self.squares[lag] += new_sent * new_sent - old_sent * old_sent;
        }
        if let Some(echo) = self.learned {
            let near = (echo.lag.saturating_sub(EARLY_SLOTS)..=echo.lag + 1)
                .map(|back| self.level_sent(slot, back as u64));
            let loudest = near.max().unwrap_or(0);
            let now = if loudest > 0 { loudest + echo.gain } else { 0 };
            self.predicted = now.max(self.predicted - DECAY_A_FRAME).max(0);
        }
        self.until_look -= 1;
        if self.until_look == 0 {
            self.until_look = LOOK_SLOTS;
            self.look();
        }
    }

    /// What was sent so many slots before. Of a slot that nothing was sent in, silence; it stays that
    /// for as long as it is in any window, because what was sent is noted before it is looked back at.
    fn level_sent(&self, slot: u64, back: u64) -> i32 {
        let slot = slot.saturating_sub(back);
        let (noted, level) = self.sent[place(slot)];
        if noted == slot { level } else { 0 }
    }

    /// Is there an echo in the window?
    fn look(&mut self) {
        let sighting = self.sight();
        let agree = self.sighted.zip(sighting).is_some_and(|(one, other)| {
            one.lag.abs_diff(other.lag) <= 1 && one.gain.abs_diff(other.gain) <= AGREEING_GAINS
        });
        self.agreed = if agree { self.agreed + 1 } else { 0 };
        let strong = |sighting: Option<Sighting>| sighting.is_some_and(|one| one.strong);
        if self.agreed >= 2 || agree && strong(self.sighted) && strong(sighting) {
            self.learned = sighting;
            self.missed = 0;
        }
        self.sighted = sighting;
        if let Some(learned) = self.learned {
            let (come, due) = self.come(learned, LEARNED_SLACK);
            if due >= ENOUGH_LOUD_FRAMES && come * 3 < due {
                self.missed += 1;
            } else if due >= ENOUGH_LOUD_FRAMES {
                self.missed = 0;
            }
            if self.missed >= MISSED_LOOKS {
                self.learned = None;
                self.missed = 0;
            }
        }
    }

    /// The lag that correlates best, if that is good enough and it looks like an echo.
    fn sight(&self) -> Option<Sighting> {
        let correlations = (0..LAG_SLOTS).map(|lag| self.correlation(lag));
        let (lag, best) = correlations
            .enumerate()
            .max_by(|one, other| one.1.total_cmp(&other.1))?;
        if best < ECHO_CORRELATION {
            return None;
        }
        let lag = lag + 1;
        let gain = self.gain(lag)?;
        let strong = best >= STRONG_CORRELATION;
        let sighting = Sighting { lag, gain, strong };
        let (come, due) = self.come(sighting, FIRST_SLACK);
        (gain <= LOUDEST_GAIN && come * 100 >= due * NEARLY_ALWAYS).then_some(sighting)
    }

    fn correlation(&self, lag: usize) -> f32 {
        let count = WINDOW_COUNT;
        let of = |product: i32, one: i32, other: i32| {
            count * i64::from(product) - i64::from(one) * i64::from(other)
        };
        let (sum, sums) = (self.sum, self.sums[lag]);
        let both = of(self.products[lag], sums, sum);
        let own = of(self.squares[lag], sums, sums);
        let other = of(self.square, sum, sum);
        if own <= 0 || other <= 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a ratio")]
        let ratio = both as f32 / ((own as f32) * (other as f32)).sqrt();
        ratio
    }

    /// How much louder it comes than it went, where it was loud and not just fading; None when that
    /// was too seldom.
    fn gain(&self, lag: usize) -> Option<i32> {
        let mut gains = [0; WINDOW_SLOTS];
        let mut count = 0;
        for (sent, before, heard) in self.pairs(lag) {
            if sent >= LOUD_LEVEL && sent + FADING_STEP >= before {
                gains[count] = heard - sent;
                count += 1;
            }
        }
        let gains = &mut gains[..count];
        gains.sort_unstable();
        (count >= ENOUGH_LOUD_FRAMES).then(|| gains[count * 2 / 5])
    }

    /// How often it came when it was due, and how often it was due.
    fn come(&self, echo: Sighting, slack: i32) -> (usize, usize) {
        let due = self.pairs(echo.lag).filter(|&(sent, before, _)| {
            sent >= LOUD_LEVEL && sent + FADING_STEP >= before && sent + echo.gain > LEARNED_SLACK
        });
        due.fold((0, 0), |(come, due), (sent, _, heard)| {
            let comes = heard + slack >= sent + echo.gain;
            (come + usize::from(comes), due + 1)
        })
    }

    /// Levels of the window: what was sent `lag` before, what was sent before that, what was heard.
    fn pairs(&self, lag: usize) -> impl Iterator<Item = (i32, i32, i32)> {
        let newest = self.next - 1;
        let first = (newest + 1).saturating_sub(WINDOW_SLOTS as u64);
        (first..=newest).map(move |slot| {
            let sent = self.level_sent(slot, lag as u64);
            let before = self.level_sent(slot, lag as u64 + 1);
            (sent, before, self.heard[index(slot, WINDOW_SLOTS)])
        })
    }

    fn judge(&mut self, level: i32) -> bool {
        if self.learned.is_none() || self.predicted == 0 {
            self.hang = self.hang.saturating_sub(1);
            self.above = 0;
            return false;
        }
        if level >= self.predicted + TALK_ABOVE {
            self.above += 1;
            if self.above >= TALK_CERTAIN_FRAMES {
                self.hang = TALK_HANG_FRAMES;
            }
            return false;
        }
        self.above = 0;
        let hangs = self.hang > 0;
        self.hang = self.hang.saturating_sub(1);
        !hangs
    }
}

/// A lag, in slots, and a gain, in quarters of a decibel; whether the correlation left no doubt.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    lag: usize,
    gain: i32,
    strong: bool,
}

const fn place(slot: u64) -> usize {
    index(slot, HELD_SLOTS)
}

#[expect(clippy::cast_possible_truncation, reason = "less than the length")]
const fn index(slot: u64, length: usize) -> usize {
    (slot % length as u64) as usize
}

/// Quarters of a decibel above −66 dBFS; what is softer is silence.
#[expect(clippy::cast_possible_truncation, reason = "at most 264")]
fn level(power: f32) -> i32 {
    let decibels = 10.0 * (power.max(1.0) / FULL_SCALE).log10();
    (4.0 * (decibels + 66.0)).max(0.0) as i32
}

const FULL_SCALE: f32 = 32_768.0 * 32_768.0;

/// Slots of the window: 2 s.
const WINDOW_SLOTS: usize = 100;

/// The same, to reckon with.
const WINDOW_COUNT: i64 = 100;

/// Lags that are looked at, from 20 ms to 1 s.
const LAG_SLOTS: usize = 50;

/// Slots whose sent level is kept: the window at the longest lag, and some that are ahead of what
/// was heard.
const HELD_SLOTS: usize = 256;

/// Slots that a frame may be early or late.
const JITTER_SLOTS: u64 = 2;

/// A hole of fewer slots is bridged: it is jitter. A longer one is a pause.
const SHORT_HOLE_SLOTS: u64 = 6;

/// Slots between two looks: 0.5 s.
const LOOK_SLOTS: u64 = 25;

/// More than 99.5 % of windows without echo are below it. Of an echo alone half of the windows reach what
/// is strong; where they do not, it takes a third look.
const ECHO_CORRELATION: f32 = 0.7;
const STRONG_CORRELATION: f32 = 0.8;

/// Frames that must have been loud (above −46 dBFS, and at most 3 dB softer than the one before)
/// for anything to be said: 0.6 s.
const ENOUGH_LOUD_FRAMES: usize = 30;
const LOUD_LEVEL: i32 = 4 * 20;
const FADING_STEP: i32 = 4 * 3;

/// A learned echo comes when it is no more than 12 dB softer than predicted; one that is seen for the
/// first time, 7 dB, and nearly always.
const LEARNED_SLACK: i32 = 4 * 12;
const FIRST_SLACK: i32 = 4 * 7;
const NEARLY_ALWAYS: usize = 90;

/// No echo is louder than what was sent by more than 6 dB.
const LOUDEST_GAIN: i32 = 4 * 6;

/// Two sightings agree within 2 dB.
const AGREEING_GAINS: u32 = 4 * 2;

/// Looks at which it must not have come to be forgotten: 2 s.
const MISSED_LOOKS: u32 = 4;

/// In a room with a long reverberation the lag that correlates best is late by up to so many slots.
const EARLY_SLOTS: usize = 3;

/// What is predicted falls by 1.5 dB a frame: 60 dB in 0.8 s.
const DECAY_A_FRAME: i32 = 6;

/// 6 dB.
const TALK_ABOVE: i32 = 4 * 6;

/// Frames that must be above it in a row for somebody to talk, and for how long they then do: 200 ms.
const TALK_CERTAIN_FRAMES: u32 = 2;
const TALK_HANG_FRAMES: u32 = 10;
