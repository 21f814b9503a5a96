//! After which lag does the shape of one sound come back in that of another?
//!
//! The two are correlated over the newest second or so in which the first *sounds*, for each lag apart: what happens
//! while the ear is silent says nothing about an echo. Short sentences add up.
//!
//! Speech of two people, or of one about two things, stays below 0.5, however evenly they take turns; an echo is above it
//! even at −30 dB, and at one lag only.

use super::bands::{BANDS, Levels};

/// The longest lag that is looked at, in half slots: 1 s. A whole slot apart, an echo that lies between two
/// would show half of itself at either.
pub(super) const LONGEST: usize = 100;

/// The shortest: 20 ms.
const SHORTEST: usize = 2;

const LAGS: usize = LONGEST + 1 - SHORTEST;

/// Sums of the newest frames, the older the less.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    product: f32,
    sent: f32,
    heard: f32,
    /// Frames.
    count: f32,
}

impl Sums {
    pub(super) const NONE: Self = Self {
        product: 0.0,
        sent: 0.0,
        heard: 0.0,
        count: 0.0,
    };

    /// These two sounded, `keep` of the older ones is kept.
    #[inline]
    pub(super) fn add(&mut self, sent: &Levels, heard: &Levels, heard_square: f32, keep: f32) {
        let (mut product, mut square) = (0.0, 0.0);
        for band in 0..BANDS {
            product += sent[band] * heard[band];
            square += sent[band] * sent[band];
        }
        self.product = self.product * keep + product;
        self.sent = self.sent * keep + square;
        self.heard = self.heard * keep + heard_square;
        self.count = self.count * keep + 1.0;
    }

    /// −1 to 1; 0 of fewer frames than these.
    pub(super) fn correlation(&self, fewest: f32) -> f32 {
        let both = self.sent * self.heard;
        if self.count < fewest || both <= 1.0 {
            return 0.0;
        }
        self.product / both.sqrt()
    }
}

/// All lags.
#[derive(Debug)]
pub(super) struct Lags([Sums; LAGS]);

/// A lag that stands out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peak {
    /// In half slots.
    pub(super) lag: usize,
}

impl Lags {
    pub(super) fn new() -> Self {
        Self([Sums::NONE; LAGS])
    }

    /// A frame was heard; `sent(lag)` = what was sent so many half slots before, if anything.
    pub(super) fn step<'a>(
        &mut self,
        heard: &Levels,
        mut sent: impl FnMut(usize) -> Option<&'a Levels>,
    ) {
        let square = square(heard);
        for (at, sums) in self.0.iter_mut().enumerate() {
            if let Some(sent) = sent(at + SHORTEST) {
                sums.add(sent, heard, square, KEPT);
            }
        }
    }

    /// The highest correlation, if it is an echo's and stands alone.
    pub(super) fn peak(&self) -> Option<Peak> {
        let mut heights = [0.0; LAGS];
        let mut best = 0;
        for (at, sums) in self.0.iter().enumerate() {
            heights[at] = sums.correlation(FEWEST_FRAMES);
            if heights[at] > heights[best] {
                best = at;
            }
        }
        let height = heights[best];
        let far = |&(at, _): &(usize, &f32)| at.abs_diff(best) > NEAR;
        let second = heights.iter().enumerate().filter(far);
        let second = second.map(|(_, &height)| height).fold(0.0, f32::max);
        // A lag that is half a frame off may have its frames first: it must not win for want of a rival.
        let near = best.saturating_sub(1)..=(best + 1).min(LAGS - 1);
        let highest = |sums: &Sums| sums.correlation(FEWEST_FRAMES / 2.0) <= height;
        let is_echo = height >= ECHO && height - second >= ALONE;
        (is_echo && self.0[near].iter().all(highest)).then_some(Peak {
            lag: best + SHORTEST,
        })
    }
}

pub(super) fn square(shape: &Levels) -> f32 {
    shape.iter().map(|one| one * one).sum()
}

/// Of what was summed up, a frame later: about the newest 50 frames count.
const KEPT: f32 = 0.98;

/// Frames that must have sounded: 0.5 s.
const FEWEST_FRAMES: f32 = 20.0;

/// Correlation of an echo, and how far above that of any other lag it is, unless that is so many half slots near.
const ECHO: f32 = 0.42;
const ALONE: f32 = 0.25;
const NEAR: usize = 10;
