//! Where a line's sound goes, and what it tells beside it: the borrowed half of a leg.

use std::collections::VecDeque;

use crate::digit::Digit;
use crate::frame::Nanos;
use crate::framer::{Fate, Framer};
use crate::jitter::Jitter;
use crate::line::LineSink;
use crate::output::Output;
use crate::playout::Playout;
use crate::rtp::receiver::Sink;
use crate::rtp::watch::Found;
use crate::stats::LegStats;
use crate::tail::Tail;

/// What a line tells beside its sound, in less room than an output takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    Digit(Digit, Nanos),
    Rtp(Found, bool),
}

impl From<News> for Output {
    fn from(news: News) -> Self {
        match news {
            News::Digit(digit, at) => Self::Digit { digit, at },
            News::Rtp(found, taken) => Self::Rtp { found, taken },
        }
    }
}

/// Where a line's sound goes.
pub(crate) struct Inlet<'a> {
    pub(crate) framer: &'a mut Framer,
    pub(crate) jitter: &'a mut Jitter,
    pub(crate) tail: &'a mut Tail,
    pub(crate) playout: &'a mut Playout,
    pub(crate) news: &'a mut VecDeque<News>,
    pub(crate) asked: &'a mut Nanos,
    pub(crate) stats: &'a mut LegStats,
    pub(crate) now: Nanos,
}

impl Inlet<'_> {
    fn push(&mut self, pcm: &[u8], arrival: Nanos) {
        match self.framer.push(pcm, arrival, self.now) {
            Fate::Queued => {}
            Fate::Realigned => self.stats.bytes_realigned += 1,
            Fate::Refused => self.stats.drops_unpolled += 1,
            Fate::Empty => return,
        }
        *self.asked = 0;
        self.tail.postpone(self.framer.due());
    }

    fn tell(&mut self, news: News) {
        if self.news.len() < MOST_NEWS {
            self.news.push_back(news);
        }
    }
}

impl Sink for Inlet<'_> {
    fn sound(&mut self, pcm: &[u8], arrival: Nanos) {
        self.push(pcm, arrival);
    }

    fn silent(&mut self, arrival: Nanos) {
        self.tail.stopped(arrival);
    }

    fn digit(&mut self, digit: Digit, at: Nanos) {
        self.stats.digits += 1;
        self.tell(News::Digit(digit, at));
    }
}

impl LineSink for Inlet<'_> {
    fn raw(&mut self, pcm: &[u8], time: Nanos, arrival: Nanos) {
        self.push(pcm, arrival);
        self.jitter.heard(arrival, time);
        self.stats.jitter_ns = self.jitter.nanos();
    }

    fn found(&mut self, found: Found, taken: bool) {
        if taken {
            self.playout.set_continuous(true);
            self.stats.bytes_realigned += u64::from(self.framer.make_even());
        }
        self.tell(News::Rtp(found, taken));
    }
}

/// News that wait to be polled; more than a burst of packets can bring.
pub(crate) const MOST_NEWS: usize = 64;
