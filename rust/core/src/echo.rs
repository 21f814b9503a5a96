//! Does the ear come back through the mouth? On a speakerphone the translation that is played
//! returns as if its listener had said it, and would be translated back, to and fro, for ever.
//!
//! How loud the two are does not tell: people who answer each other at an even beat are loud and silent like an echo of up to
//! a second (in the demonstration a line was lost to that in three of three runs). *What* sounds does: an echo has the
//! spectrum of what was sent, frame by frame, and no other sound has. So the [shape](bands::Shape) of the spectrum, with
//! neither loudness nor colour in it, is correlated at [lags](lags) of 20 ms to 1 s, over frames in which the ear was
//! sent something. A lag that stands out is a *suspicion*; when the frames after it, other words, show it again by
//! themselves, it is an echo. Its lag and its gain in each band are learned and kept for the rest of the call, also
//! while both talk, when little can be seen.
//!
//! From then on a frame is *echo* when it is [no more](shadow) than what is predicted for it. That is
//! a mark: nothing is muted here, the audio stays what it was. When the echo does not come any more although it
//! should, it is forgotten.
//!
//! Slots are 20 ms of the monotonic clock; what was sent is kept from every half slot on, because an echo keeps to no
//! grid. Where the ear was silent for longer than the longest lag,
//! a frame costs next to nothing.

mod bands;
mod lags;
mod shadow;
mod suspicion;

use crate::frame::{FRAME_BYTES, FRAME_NANOS, Nanos};
use bands::{Bank, Half, Levels, Shape, Sound};
use lags::{LONGEST, Lags, Sums, square};
use shadow::Shadow;
use suspicion::{Suspicion, Verdict};

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
    /// The slot of the newest sound that was sent; 0 = none yet.
    last_sent: u64,
    ear: Bank,
    /// The second half of the newest sound that was sent.
    ear_half: Half,
    mouth: Bank,
    ear_shape: Shape,
    mouth_shape: Shape,
    /// What was sent, 20 ms from every 10 ms on, by half slot, modulo the length.
    sent: [Sent; HELD],
    lags: Lags,
    until_look: u64,
    suspicion: Option<Suspicion>,
    /// In half slots; its shadow knows the rest.
    learned: Option<usize>,
    shadow: Shadow,
}

/// 20 ms that sounded.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    /// Two a slot: datagrams are even, what lies between two is odd.
    half: u64,
    sound: Sound,
    shape: Levels,
}

impl EchoGuard {
    /// It watches if it is `on`.
    #[must_use]
    pub fn new(on: bool) -> Self {
        Self {
            on,
            next: 0,
            last_sent: 0,
            ear: Bank::new(),
            ear_half: Half::default(),
            mouth: Bank::new(),
            ear_shape: Shape::new(),
            mouth_shape: Shape::new(),
            sent: [Sent::default(); HELD],
            lags: Lags::new(),
            until_look: LOOK_SLOTS,
            suspicion: None,
            learned: None,
            shadow: Shadow::new(),
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

    /// The echo of this call, if there is one.
    #[must_use]
    pub fn learned(&self) -> Option<Echo> {
        #[expect(clippy::cast_possible_truncation, reason = "a few hundred")]
        self.learned.map(|lag| Echo {
            lag: lag as u64 * FRAME_NANOS / 2,
            gain: (4.0 * self.shadow.gain()).round() as i32,
        })
    }

    /// A datagram of this mean square went to the ear.
    pub fn sent(&mut self, due: Nanos, pcm: &[u8; FRAME_BYTES], power: f32) {
        if power < QUIETEST {
            self.ear.rest();
            return;
        }
        let slot = (due / FRAME_NANOS).max(1);
        let [first, second] = self.ear.hear(pcm);
        let before = if self.last_sent + 1 == slot {
            self.ear_half
        } else {
            Half::default()
        };
        self.keep(2 * slot - 1, &Sound::of(&before, &first));
        self.keep(2 * slot, &Sound::of(&first, &second));
        self.ear_half = second;
        self.last_sent = self.last_sent.max(slot);
    }

    fn keep(&mut self, half: u64, sound: &Sound) {
        self.sent[place(half)] = Sent {
            half,
            sound: *sound,
            shape: self.ear_shape.of(&sound.bands),
        };
    }

    /// A frame came. Whether it is echo.
    pub fn heard(&mut self, captured: Nanos, pcm: &[u8; FRAME_BYTES]) -> bool {
        let slot = self.slot(captured);
        self.next = slot + 1;
        if self.last_sent + TAIL_SLOTS < slot {
            self.mouth.rest();
            return false;
        }
        let [first, second] = self.mouth.hear(pcm);
        let heard = Sound::of(&first, &second);
        let shape = self.mouth_shape.of(&heard.bands);
        let sent = &self.sent;
        self.lags.step(&shape, |lag| {
            sent_before(sent, slot, lag).map(|sent| &sent.shape)
        });
        self.suspect(slot, &shape, &heard);
        self.until_look -= 1;
        if self.until_look == 0 {
            self.until_look = LOOK_SLOTS;
            self.look();
        }
        self.judge(slot, &heard, &shape)
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

    /// Does a lag stand out?
    fn look(&mut self) {
        let Some(peak) = self.lags.peak() else {
            return;
        };
        // A neighbour is the same one; learned anew while both talk, it would be louder than it is.
        let known = self
            .learned
            .is_some_and(|lag| lag.abs_diff(peak.lag) <= SAME);
        if self.suspicion.is_none() && !known {
            self.suspicion = Some(Suspicion::new(peak.lag));
        }
    }

    /// Whether the lag that stood out does so again.
    fn suspect(&mut self, slot: u64, shape: &Levels, heard: &Sound) {
        let Some(suspicion) = &mut self.suspicion else {
            return;
        };
        let lag = suspicion.lag;
        let sent = sent_before(&self.sent, slot, lag);
        let before = sent_before(&self.sent, slot, lag + 2);
        let before = before.map_or(Sound::default(), |sent| sent.sound);
        let sent = sent.map(|sent| (&sent.sound, &sent.shape));
        match suspicion.hear((heard, shape), sent, &before) {
            Verdict::Open => return,
            Verdict::Nothing => {}
            Verdict::Echo(gains, gain) => {
                self.learned = Some(lag);
                self.shadow.learn(gains, gain);
            }
        }
        self.suspicion = None;
    }

    fn judge(&mut self, slot: u64, heard: &Sound, shape: &Levels) -> bool {
        let Some(lag) = self.learned else {
            self.shadow.rest(heard);
            return false;
        };
        let sent = &self.sent;
        let sound = |lag| sent_before(sent, slot, lag).map(|sent| sent.sound);
        let near = (lag.saturating_sub(EARLY)..=lag + LATE).filter_map(sound);
        let exact = sound(lag).map(|sent| (sent, sound(lag + 2).unwrap_or_default()));
        let alike = sent_before(sent, slot, lag).is_some_and(|sent| {
            let mut sums = Sums::NONE;
            sums.add(&sent.shape, shape, square(shape), 1.0);
            sums.correlation(1.0) >= ALIKE
        });
        let falls = self.shadow.falls(heard, near, exact, alike);
        if self.shadow.is_gone() {
            self.learned = None;
        }
        falls
    }
}

/// What was sent so many half slots before, if it sounded.
fn sent_before(sent: &[Sent; HELD], slot: u64, lag: usize) -> Option<&Sent> {
    let half = (2 * slot).saturating_sub(lag as u64);
    let sent = &sent[place(half)];
    (sent.half == half).then_some(sent)
}

#[expect(clippy::cast_possible_truncation, reason = "less than the length")]
const fn place(half: u64) -> usize {
    (half % HELD as u64) as usize
}

/// Mean square of what does not sound: −56 dBFS.
const QUIETEST: f32 = 2_700.0;

/// Half slots whose sound is kept: the longest lag, and some that are ahead of what was heard.
const HELD: usize = 200;

/// Slots after which nothing that was sent comes back: the longest lag and a room's reverberation.
const TAIL_SLOTS: u64 = LONGEST as u64 / 2 + 10;

/// Slots that a frame may be early or late.
const JITTER_SLOTS: u64 = 2;

/// Slots between two looks: 0.1 s.
const LOOK_SLOTS: u64 = 5;

/// Of one frame that is mostly echo.
const ALIKE: f32 = 0.85;

/// Lags that are one, in half slots.
const SAME: usize = 2;

/// The lag may be off by so many half slots: a room's reverberation makes it late, a telephone's jitter buffer either.
const EARLY: usize = 2;
const LATE: usize = 2;
