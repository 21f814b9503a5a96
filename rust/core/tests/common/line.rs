//! A leg and the far end of its line, in virtual time: obeys the rule of use and writes down all that comes out.

use translink_core::frame::{Frame, Nanos};
use translink_core::leg::{Input, Leg, LegConfig};
use translink_core::output::{Output, PlayoutEvent};
use translink_core::rtp::watch::Found;

pub(crate) const MS: Nanos = 1_000_000;

/// One datagram to the ear.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Nanos,
    pub(crate) due: Nanos,
    pub(crate) utterance: u64,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Line {
    pub(crate) leg: Leg,
    pub(crate) now: Nanos,
    /// Each wake-up comes this much late.
    pub(crate) late: Nanos,
    /// Frames, with the time they came out.
    pub(crate) frames: Vec<(Nanos, Frame)>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) events: Vec<PlayoutEvent>,
    /// Keys, and RTP that was found (and whether it was taken).
    pub(crate) keys: String,
    pub(crate) found: Vec<(Found, bool)>,
    wake: Nanos,
}

impl Line {
    pub(crate) fn new(config: LegConfig) -> Self {
        Self {
            leg: Leg::new(config).unwrap(),
            now: 1_000 * MS,
            late: 0,
            frames: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
            keys: String::new(),
            found: Vec::new(),
            wake: Nanos::MAX,
        }
    }

    pub(crate) fn datagram(&mut self, payload: &[u8]) {
        let arrival = self.now;
        self.handle(Input::Datagram { payload, arrival });
    }

    pub(crate) fn play(&mut self, utterance: u64, pcm: &[u8], last: bool) {
        self.handle(Input::Play {
            utterance,
            pcm,
            last,
        });
    }

    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.leg.handle(input, self.now);
        loop {
            match self.leg.poll(self.now) {
                Output::Frame(frame) => self.frames.push((self.now, frame)),
                Output::Transmit {
                    utterance,
                    payload,
                    due,
                } => self.sent.push(Sent {
                    at: self.now,
                    due,
                    utterance,
                    payload: payload.to_vec(),
                }),
                Output::Playout(event) => self.events.push(event),
                Output::Digit { digit, .. } => self.keys.push(digit.key),
                Output::Rtp { found, taken } => self.found.push((found, taken)),
                Output::Timeout(at) => {
                    assert!(at > self.now, "a wake-up in the past: {at} at {}", self.now);
                    self.wake = at;
                    return;
                }
            }
        }
    }

    /// Let time pass, waking the leg when it asked for it.
    pub(crate) fn pass(&mut self, time: Nanos) {
        let end = self.now + time;
        while self.wake.saturating_add(self.late) <= end {
            self.now = self.now.max(self.wake + self.late);
            self.handle(Input::Timeout);
        }
        self.now = end;
    }

    /// Everything heard so far.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.frames
            .iter()
            .flat_map(|(_, frame)| frame.pcm)
            .collect()
    }

    /// Everything the ear got.
    pub(crate) fn played(&self) -> Vec<u8> {
        self.sent
            .iter()
            .flat_map(|sent| sent.payload.clone())
            .collect()
    }
}
