//! What a leg's datagrams are: headerless PCM at 16 or 8 kHz, RTP, or whichever of them comes.

use std::collections::TryReserveError;

use crate::frame::{FRAME_BYTES, Nanos};
use crate::framer::{MAX_DATAGRAM, duration};
use crate::rate::Converter;
use crate::rtp::control;
use crate::rtp::format::Formats;
use crate::rtp::packet::Packet;
use crate::rtp::receiver::{Receiver, Sink};
use crate::rtp::sender::Sender;
use crate::rtp::watch::{Found, Sort, Watch};
use crate::stats::LegStats;

/// What is on the wire, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// s16le without a header.
    Raw {
        /// At 8 kHz, and not at 16.
        narrow: bool,
    },
    /// RTP.
    Rtp(Formats),
    /// Headerless PCM at 16 kHz until RTP comes.
    Auto(Formats),
}

impl Default for Transport {
    fn default() -> Self {
        Self::Raw { narrow: false }
    }
}

impl Transport {
    /// How long a datagram sounds.
    #[must_use]
    pub fn time(&self, datagram: &[u8]) -> Nanos {
        match self {
            Self::Raw { narrow } => duration(datagram.len()) << u32::from(*narrow),
            Self::Rtp(formats) => {
                Packet::parse(datagram).map_or(0, |packet| packet.time(formats.hears))
            }
            Self::Auto(formats) => match Packet::parse(datagram) {
                Some(packet) if packet.time(formats.hears) > 0 => packet.time(formats.hears),
                _ => duration(datagram.len()),
            },
        }
    }
}

/// Where a leg's sound goes, and what else its line tells.
pub trait LineSink: Sink {
    /// s16le at 16 kHz, any length, also odd, of a datagram with so much sound that arrived then.
    fn raw(&mut self, pcm: &[u8], time: Nanos, arrival: Nanos);
    /// There is RTP where none was expected (`taken`: and it is heard).
    fn found(&mut self, found: Found, taken: bool);
}

/// One leg's line.
#[derive(Debug)]
pub struct Line {
    watch: Option<Watch>,
    narrow: Option<Box<Narrow>>,
    rtp: Option<Box<Rtp>>,
    /// RTP comes, or is all that may.
    is_rtp: bool,
    /// It was reported that RTP comes.
    reported: bool,
}

#[derive(Debug)]
struct Rtp {
    receiver: Receiver,
    sender: Sender,
    /// When a report is sent, and its bytes.
    reported: Nanos,
    report: Vec<u8>,
}

#[derive(Debug)]
struct Narrow {
    up: Converter,
    down: Converter,
    pcm: Vec<u8>,
    /// Nothing is inside of `up`.
    rested: bool,
}

impl Line {
    /// Allocates all it will ever need. `seed`: for the numbers of the RTP that is sent.
    ///
    /// # Errors
    /// There is not so much memory.
    pub fn new(transport: Transport, seed: u64) -> Result<Self, TryReserveError> {
        let rtp = |formats: Formats| -> Result<_, TryReserveError> {
            let receiver = Receiver::new(formats)?;
            let sender = Sender::new(receiver.says(), seed);
            Ok(Some(Box::new(Rtp {
                receiver,
                sender,
                reported: 0,
                report: Vec::with_capacity(128),
            })))
        };
        let (watch, narrow, rtp) = match transport {
            Transport::Raw { narrow } => (Some(SURE), narrow, None),
            Transport::Rtp(formats) => (None, false, rtp(formats)?),
            Transport::Auto(formats) => (Some(LIKELY), false, rtp(formats)?),
        };
        Ok(Self {
            watch: watch.map(Watch::new).transpose()?,
            narrow: narrow.then(Narrow::new).transpose()?.map(Box::new),
            is_rtp: matches!(transport, Transport::Rtp(_)),
            rtp,
            reported: false,
        })
    }

    /// A datagram came.
    pub fn receive(
        &mut self,
        datagram: &[u8],
        arrival: Nanos,
        sink: &mut impl LineSink,
        drops: &mut u64,
    ) {
        let Some(watch) = &mut self.watch else {
            self.packet(datagram, arrival, sink);
            return;
        };
        let sort = watch.look(datagram, arrival);
        match sort {
            Sort::Kept => {}
            Sort::Pcm => {
                // The watch goes on counting: RTP may come yet, or again.
                (self.is_rtp, self.reported) = (false, false);
                self.pcm(datagram, arrival, sink);
            }
            Sort::AllPcm => {
                self.give_up(sink);
                self.pcm(datagram, arrival, sink);
            }
            Sort::Rtp | Sort::AllRtp => {
                let found = watch.found();
                self.is_rtp = true;
                if let Some(found) = found.filter(|_| !self.reported) {
                    self.reported = true;
                    sink.found(found, self.rtp.is_some());
                }
                let kept = sort == Sort::AllRtp;
                if self.rtp.is_none() {
                    let kept = self.watch.as_mut().map_or(0, Watch::empty);
                    *drops += kept.max(1) as u64;
                } else if kept {
                    self.pass_on(Self::packet, sink);
                } else {
                    self.packet(datagram, arrival, sink);
                }
            }
        }
    }

    /// The time that [`Line::deadline`] gave has come.
    pub fn wake(&mut self, now: Nanos, sink: &mut impl LineSink) {
        if self
            .watch
            .as_ref()
            .is_some_and(|watch| now >= watch.deadline())
        {
            self.give_up(sink);
        }
        if let Some(rtp) = &mut self.rtp {
            rtp.receiver.wake(now, sink);
        }
    }

    /// When something is to be done that no datagram asks for.
    #[must_use]
    pub fn deadline(&self) -> Nanos {
        let gap = self.rtp.as_ref().map(|rtp| rtp.receiver.deadline());
        let watch = self.watch.as_ref().map(Watch::deadline);
        gap.unwrap_or(Nanos::MAX).min(watch.unwrap_or(Nanos::MAX))
    }

    /// Whether sound waits for what is before it.
    #[must_use]
    pub fn waits(&self) -> bool {
        let rtp = self.rtp.as_ref();
        rtp.is_some_and(|rtp| rtp.receiver.waits())
    }

    /// Whether RTP comes. Then samples are whole, and the jitter is known from time stamps.
    #[must_use]
    pub const fn is_rtp(&self) -> bool {
        self.is_rtp && self.rtp.is_some()
    }

    /// Whether bytes are what is on the wire, so that one of them may get lost.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.narrow.is_none() && !self.is_rtp()
    }

    /// The leg has put in so many samples of silence of its own.
    pub fn filled(&mut self, samples: u64) {
        if let Some(rtp) = &mut self.rtp {
            rtp.receiver.filled(samples);
        }
    }

    /// What of the newest sound is still inside, because nothing follows for a while: s16le at 16 kHz.
    pub fn rest(&mut self) -> &[u8] {
        if let Some(narrow) = &mut self.narrow {
            narrow.pcm.clear();
            if !std::mem::replace(&mut narrow.rested, true) {
                narrow.up.rest(&mut narrow.pcm);
            }
            return &narrow.pcm;
        }
        match &mut self.rtp {
            Some(rtp) => rtp.receiver.rest(),
            None => &[],
        }
    }

    /// The datagram for a frame that the ear is sent.
    pub fn wire<'a>(&'a mut self, pcm: &'a [u8; FRAME_BYTES], due: Nanos) -> &'a [u8] {
        if let Some(narrow) = &mut self.narrow {
            narrow.pcm.clear();
            narrow.down.push(pcm, &mut narrow.pcm);
            return &narrow.pcm;
        }
        match &mut self.rtp {
            Some(rtp) if self.is_rtp => rtp.sender.packet(pcm, due, rtp.receiver.says()),
            _ => pcm,
        }
    }

    /// The report that the ear's end is to be sent as well, if it is time for one and it wants any.
    pub fn report(&mut self, now: Nanos) -> Option<&[u8]> {
        let rtp = self.rtp.as_mut().filter(|_| self.is_rtp)?;
        if now < rtp.reported + control::EVERY {
            return None;
        }
        let theirs = rtp.receiver.report(now)?;
        rtp.reported = now;
        rtp.report.clear();
        control::write(&rtp.sender.sent(), theirs, now, &mut rtp.report);
        Some(&rtp.report)
    }

    /// Copy what was counted.
    pub fn count(&self, stats: &mut LegStats) {
        if let Some(rtp) = &self.rtp {
            stats.rtp = *rtp.receiver.stats();
            if self.is_rtp && rtp.receiver.has_stream() {
                stats.jitter_ns = rtp.receiver.jitter();
            } else {
                // Nothing waits for a gap, and the jitter is that of what came without time stamps.
                stats.rtp.wait_ns = 0;
            }
        }
    }

    /// The call ended. How many bytes were kept, in datagrams that are nobody's now.
    pub fn forget(&mut self) -> usize {
        let rtp = self.rtp.as_mut();
        let held = rtp.map_or(0, |rtp| rtp.receiver.forget());
        if let Some(narrow) = &mut self.narrow {
            narrow.up.restart();
        }
        held + self.watch.as_mut().map_or(0, Watch::forget)
    }

    fn packet(&mut self, datagram: &[u8], arrival: Nanos, sink: &mut impl LineSink) {
        if let Some(rtp) = &mut self.rtp {
            rtp.receiver.receive(datagram, arrival, sink);
        }
    }

    fn pcm(&mut self, datagram: &[u8], arrival: Nanos, sink: &mut impl LineSink) {
        let Some(narrow) = &mut self.narrow else {
            sink.raw(datagram, duration(datagram.len()), arrival);
            return;
        };
        narrow.rested = false;
        narrow.pcm.clear();
        narrow.up.push(datagram, &mut narrow.pcm);
        sink.raw(&narrow.pcm, 2 * duration(datagram.len()), arrival);
    }

    /// What is kept is PCM after all.
    fn give_up<S: LineSink>(&mut self, sink: &mut S) {
        if let Some(watch) = &mut self.watch {
            watch.give_up();
        }
        (self.is_rtp, self.reported) = (false, false);
        self.pass_on(Self::pcm, sink);
    }

    fn pass_on<S: LineSink>(
        &mut self,
        pass: impl Fn(&mut Self, &[u8], Nanos, &mut S),
        sink: &mut S,
    ) {
        let Some(mut watch) = self.watch.take() else {
            return;
        };
        for (datagram, arrival) in watch.kept() {
            pass(self, datagram, arrival, sink);
        }
        watch.empty();
        self.watch = Some(watch);
    }
}

impl Narrow {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "what it allocates should be asked for, too"
    )]
    fn new() -> Result<Self, TryReserveError> {
        #[expect(clippy::expect_used, reason = "the rates are constants")]
        let (up, down) = (
            Converter::up(MAX_DATAGRAM / 2).expect("8 to 16 kHz"),
            Converter::down(FRAME_BYTES / 2).expect("16 to 8 kHz"),
        );
        let pcm = Vec::with_capacity(2 * MAX_DATAGRAM + FRAME_BYTES);
        Ok(Self {
            up,
            down,
            pcm,
            rested: true,
        })
    }
}

/// Packets of RTP that a raw leg believes, and one that may be either.
const SURE: u32 = 10;
const LIKELY: u32 = 3;
