//! One call leg: datagrams in, frames out; speech in, paced datagrams out. Sans-IO.
//!
//! Rule of use: after every `handle`, call `poll` until it answers `Output::Timeout`; call
//! `handle(Input::Timeout, now)` no later than that time.

use std::collections::{TryReserveError, VecDeque};

use crate::alignment::Alignment;
use crate::curve::{Curve, ONE};
use crate::digit::Digit;
use crate::echo::{Echo, EchoGuard};
use crate::frame::{FRAME_BYTES, Frame, Nanos};
use crate::framer::{Framer, duration};
use crate::inlet::{Inlet, MOST_NEWS, News};
use crate::jitter::Jitter;
use crate::level::Level;
use crate::line::{Line, LineSink, Transport};
use crate::mix::Original;
use crate::output::Output;
use crate::playout::Playout;
use crate::rtp::packet::is_rtcp;
use crate::rtp::receiver::Sink;
pub use crate::stats::LegStats;
use crate::tail::{TAIL_PATIENCE, TAIL_PATIENCE_RTP, Tail};
use crate::vad::Vad;
use crate::volume::Gain;

/// What happens to a leg.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A datagram came in; `arrival` is the kernel's receive time.
    Datagram {
        /// Any length, 1..=65507, also odd.
        payload: &'a [u8],
        /// Receive time on the monotonic clock.
        arrival: Nanos,
    },
    /// Audio came in that is 16 kHz s16le whatever the leg's transport: over a connection.
    Pcm {
        /// Any length, also odd.
        pcm: &'a [u8],
        /// When it came.
        arrival: Nanos,
    },
    /// The talker pressed a key, which came beside their audio: over a connection.
    Digit {
        /// Which.
        digit: Digit,
        /// When it came.
        arrival: Nanos,
    },
    /// Queue speech for this leg's ear. `last` ends the utterance.
    Play {
        /// Whose speech; chosen by the caller, rising.
        utterance: u64,
        /// Any length, also odd and empty.
        pcm: &'a [u8],
        /// No more of this utterance will come.
        last: bool,
    },
    /// Drop what waits to be played.
    Flush,
    /// How loud this leg's ear hears. Stays when a call ends.
    Volume(Gain),
    /// Whether nobody is to hear what this leg's talker says: their frames are silence and never
    /// speech, while time goes on. Stays when a call ends.
    Mute(bool),
    /// How fast this leg's ear is spoken to when it is behind. Stays when a call ends.
    Tempo(Curve),
    /// What this leg's ear hears of the other talker. Stays when a call ends.
    Original(Original),
    /// Whether the other talker's frames come, as `Other`.
    Paired(bool),
    /// Look for an echo or not; forgets what was learned. Stays when a call ends.
    EchoGuard(bool),
    /// A frame of the other talker.
    Other {
        /// As the talker's leg delivered it.
        frame: &'a Frame,
        /// Frames before it that the shell had no room for.
        missed: u64,
    },
    /// The call ended: forget carried bytes, queued speech and detector state. Sample numbers go
    /// on.
    Reset,
    /// The time that `poll` asked for has come.
    Timeout,
}

/// How a leg behaves. All times in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegConfig {
    /// Audio that must wait before an utterance starts to play.
    pub prebuffer: Nanos,
    /// Silence that must have followed the last speech before filling stops; 0 = never fill.
    pub tail: Nanos,
    /// Bytes that may wait for the ear; what does not fit is refused and counted.
    pub playout_capacity: usize,
    /// What is on the wire.
    pub transport: Transport,
    /// Where the numbers of the RTP that is sent begin.
    pub seed: u64,
    /// Send silence to the ear between utterances. [`Transport::Auto`] does when it finds RTP.
    pub continuous: bool,
    /// How fast the ear is spoken to when it is behind.
    pub tempo: Curve,
    /// Look for the echo of what the ear is sent, and mark it.
    pub echo_guard: bool,
}

impl Default for LegConfig {
    fn default() -> Self {
        Self {
            prebuffer: 60_000_000,
            tail: 1_500_000_000,
            playout_capacity: 60 * 32_000,
            transport: Transport::default(),
            seed: 0,
            continuous: false,
            tempo: Curve::OFF,
            echo_guard: false,
        }
    }
}

/// One call leg.
#[derive(Debug)]
pub struct Leg {
    line: Line,
    /// Reported by the line, until it is polled.
    news: VecDeque<News>,
    framer: Framer,
    jitter: Jitter,
    alignment: Alignment,
    vad: Vad,
    muted: bool,
    tail: Tail,
    /// Elsewhere: 19 kB, of which a leg that does not look for echoes touches nothing. What each datagram needs of a
    /// leg lies closer together without it, on fewer pages.
    echo: Box<EchoGuard>,
    /// It looks for echoes.
    guarded: bool,
    playout: Playout,
    stats: LegStats,
    /// When the shell was last sent to look for datagrams before silence is believed.
    asked: Nanos,
}

impl Leg {
    /// A leg that has heard nothing. Allocates all it will ever need.
    ///
    /// # Errors
    /// There is not so much memory.
    #[expect(clippy::needless_pass_by_value, reason = "a leg keeps its settings")]
    pub fn new(config: LegConfig) -> Result<Self, TryReserveError> {
        let patience = match config.transport {
            Transport::Raw { .. } => TAIL_PATIENCE,
            Transport::Rtp(_) | Transport::Auto(_) => TAIL_PATIENCE_RTP,
        };
        Ok(Self {
            line: Line::new(config.transport, config.seed)?,
            news: VecDeque::with_capacity(MOST_NEWS),
            framer: Framer::new()?,
            jitter: Jitter::default(),
            alignment: Alignment::default(),
            vad: Vad::new(),
            muted: false,
            tail: Tail::new(config.tail, patience),
            echo: Box::new(EchoGuard::new(config.echo_guard)),
            guarded: config.echo_guard,
            playout: Playout::new(
                config.prebuffer,
                config.playout_capacity,
                config.continuous,
                config.tempo,
            )?,
            stats: LegStats {
                tempo: ONE.into(),
                ..LegStats::default()
            },
            asked: 0,
        })
    }

    /// Something happened at `now`. Call [`Leg::poll`] next, until it answers `Timeout`.
    pub fn handle(&mut self, input: Input<'_>, now: Nanos) {
        match input {
            Input::Datagram { payload, arrival } => self.receive(payload, arrival, now),
            Input::Pcm { pcm, arrival } => self.receive_pcm(pcm, arrival, now),
            Input::Digit { digit, arrival } => {
                self.hear(now, |_, inlet| inlet.digit(digit, arrival));
            }
            Input::Play {
                utterance,
                pcm,
                last,
            } => {
                self.playout
                    .push(utterance, pcm, last, now, &mut self.stats);
            }
            Input::Flush => self.playout.flush(&mut self.stats),
            Input::Volume(gain) => self.playout.set_volume(gain),
            Input::Mute(muted) => self.muted = muted,
            Input::Tempo(curve) => self.playout.set_curve(curve),
            Input::Original(original) => self.playout.set_original(original, &mut self.stats),
            Input::EchoGuard(on) => {
                self.guarded = on;
                self.echo.set(on);
            }
            Input::Paired(paired) => self.playout.mix().pair(paired),
            Input::Other { frame, missed } => {
                self.stats.drops_original += missed;
                let (speech, captured) = (frame.speech, frame.captured);
                let mix = self.playout.mix();
                mix.hear(&frame.pcm, speech, captured, &mut self.stats);
            }
            Input::Reset => self.reset(),
            Input::Timeout => {}
        }
    }

    /// What to do next at `now`.
    pub fn poll(&mut self, now: Nanos) -> Output {
        if let Some(news) = self.news.pop_front() {
            return news.into();
        }
        let mut line_at = self.line.deadline();
        if now >= line_at {
            line_at = self.look_again(now);
        }
        if now >= line_at {
            self.hear(now, |line, inlet| line.wake(now, inlet));
            line_at = self.line.deadline();
            if let Some(news) = self.news.pop_front() {
                return news.into();
            }
        }
        if let Some(frame) = self.framer.pop() {
            return self.deliver(frame);
        }
        let mut silent_at = if self.framer.waits() {
            self.tail.believed()
        } else {
            let next = self.framer.next_sample();
            self.tail.at(next).unwrap_or(Nanos::MAX)
        };
        if self.line.waits() {
            silent_at = silent_at.max(line_at);
        }
        if now >= silent_at {
            silent_at = self.look_again(now);
        }
        if now >= silent_at {
            self.framer.add(self.line.rest());
            let frame = match self.framer.pad() {
                Some(padded) => padded,
                None => self.framer.silence(self.tail.fill()),
            };
            return self.deliver(frame);
        }
        match self.playout.poll(now, &mut self.stats) {
            Output::Timeout(at) => Output::Timeout(at.min(silent_at).min(line_at)),
            Output::Transmit {
                utterance,
                payload,
                due,
            } => {
                if self.guarded {
                    let power = Level::of(&payload).power;
                    self.echo.sent(due, &payload, power);
                }
                Output::Transmit {
                    utterance,
                    payload,
                    due,
                }
            }
            output => output,
        }
    }

    /// Bytes that `Input::Play` would accept now.
    #[must_use]
    pub const fn playout_room(&self) -> usize {
        self.playout.room()
    }

    /// Everything that was counted.
    #[must_use]
    pub const fn stats(&self) -> &LegStats {
        &self.stats
    }

    /// The number the next sample will get.
    #[must_use]
    pub const fn next_sample(&self) -> u64 {
        self.framer.next_sample()
    }

    /// Whether RTP comes.
    #[must_use]
    pub const fn is_rtp(&self) -> bool {
        self.line.is_rtp()
    }

    /// The datagram for what [`Output::Transmit`] wants sent. To be asked for once each, and only when
    /// there is somebody to send it to.
    pub fn wire<'a>(&'a mut self, payload: &'a [u8; FRAME_BYTES], due: Nanos) -> &'a [u8] {
        self.line.wire(payload, due)
    }

    /// The report to send after it, if it is time for one and the peer wants any: RTCP on the port of RTP.
    pub fn report(&mut self, now: Nanos) -> Option<&[u8]> {
        self.line.report(now)
    }

    fn receive_pcm(&mut self, pcm: &[u8], arrival: Nanos, now: Nanos) {
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += pcm.len() as u64;
        self.stats.last_datagram = arrival;
        self.hear(now, |_, inlet| {
            inlet.raw(pcm, duration(pcm.len()), arrival);
        });
    }

    fn receive(&mut self, payload: &[u8], arrival: Nanos, now: Nanos) {
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += payload.len() as u64;
        if !self.line.is_rtp() || !is_rtcp(payload) {
            self.stats.last_datagram = arrival;
        }
        if payload.is_empty() {
            return;
        }
        let mut dropped = 0;
        self.hear(now, |line, inlet| {
            line.receive(payload, arrival, inlet, &mut dropped);
        });
        self.stats.drops_rtp += dropped;
    }

    /// Let the line do something, and take in what comes out of it.
    fn hear(&mut self, now: Nanos, act: impl FnOnce(&mut Line, &mut Inlet<'_>)) {
        let mut inlet = Inlet {
            framer: &mut self.framer,
            jitter: &mut self.jitter,
            tail: &mut self.tail,
            playout: &mut self.playout,
            news: &mut self.news,
            asked: &mut self.asked,
            stats: &mut self.stats,
            now,
        };
        act(&mut self.line, &mut inlet);
        self.line.count(&mut self.stats);
    }

    /// When silence may be believed, or a packet be given up. The talker's silence and our own lateness look
    /// alike: after a stall the timer may be served before the socket. So the shell is asked to come back a moment
    /// later, with what has arrived until then; if it comes back late, it is asked again.
    const fn look_again(&mut self, now: Nanos) -> Nanos {
        if now > self.asked + SECOND_LOOK + STALLED {
            self.asked = now;
        }
        self.asked + SECOND_LOOK
    }

    /// Measure a frame and judge it.
    fn deliver(&mut self, mut frame: Frame) -> Output {
        let level = Level::of(&frame.pcm);
        if frame.filled > 0 {
            self.line.filled(u64::from(frame.filled) / 2);
        }
        if frame.filled == 0 && self.line.is_plain() && self.alignment.hear(&level, &frame.pcm) {
            self.framer.skip_byte();
            self.stats.bytes_realigned += 1;
        }
        // Also of a muted talker: heard again, the detector knows their line.
        let speech = self.vad.hear(&level) && !self.muted;
        if self.guarded {
            frame.echo = self.echo.heard(frame.captured, &frame.pcm);
            self.stats.frames_echo += u64::from(frame.echo);
            let learned = self.echo.learned();
            self.stats.echo_lag = learned.map_or(0, |echo| echo.lag);
            self.stats.echo_gain = learned.map_or(0, Echo::millionths);
        }
        let speech = speech && !frame.echo;
        if usize::from(frame.filled) == FRAME_BYTES {
            self.stats.frames_filled += 1;
        } else {
            if self.muted {
                frame.pcm = [0; FRAME_BYTES];
            } else {
                frame.peak = level.peak;
                frame.rms = level.rms;
                frame.extremes = level.extremes;
            }
            frame.speech = speech;
            self.stats.frames_in += 1;
            self.stats.frames_padded += u64::from(frame.filled > 0);
            self.stats.frames_speech += u64::from(speech);
        }
        if frame.speech {
            self.tail.heard(frame.start);
        }
        Output::Frame(frame)
    }

    fn reset(&mut self) {
        self.stats.resets += 1;
        let carried = self.framer.reset() + self.line.forget();
        self.stats.drops_reset += carried as u64;
        self.line.count(&mut self.stats);
        self.jitter.reset();
        self.alignment.reset();
        self.stats.jitter_ns = 0;
        self.vad.reset();
        if self.guarded {
            self.echo.reset();
        }
        self.stats.echo_lag = 0;
        self.stats.echo_gain = 0;
        self.tail.reset();
        self.playout.flush(&mut self.stats);
        self.playout.mix().forget();
    }
}

/// Time for the shell to read its sockets before silence is believed.
const SECOND_LOOK: Nanos = 2_000_000;

/// A shell that takes this much longer may have been stalled again.
const STALLED: Nanos = 6_000_000;
