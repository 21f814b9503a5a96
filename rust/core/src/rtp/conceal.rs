//! Sound for packets that were lost, so that time goes on as it did at the talker's.
//!
//! The last period of the voice is repeated (after the idea of G.711, appendix I): at its own loudness for 10 ms,
//! fading until 60 ms; then there is silence. The last 2 ms lead over to the sample that comes next, which is
//! known by then. What was received is never changed.

/// The newest samples of a stream.
#[derive(Debug)]
pub struct Concealer {
    recent: [i16; RECENT],
    wide: bool,
}

impl Default for Concealer {
    fn default() -> Self {
        Self::new()
    }
}

impl Concealer {
    /// Nothing was heard.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            recent: [0; RECENT],
            wide: false,
        }
    }

    /// What came: s16le at 16 kHz (`wide`) or 8.
    pub fn hear(&mut self, pcm: &[u8], wide: bool) {
        if wide != self.wide {
            self.recent = [0; RECENT];
            self.wide = wide;
        }
        let count = pcm.len() / 2;
        let new = &pcm[2 * count.saturating_sub(RECENT)..2 * count];
        let new = new.chunks_exact(2);
        let kept = RECENT - new.len();
        self.recent.copy_within(RECENT - kept.., 0);
        for (sample, pair) in self.recent[kept..].iter_mut().zip(new) {
            *sample = i16::from_le_bytes([pair[0], pair[1]]);
        }
    }

    /// Append `count` samples that lead from the newest one to `next`.
    pub fn fill(&mut self, count: usize, next: i16, out: &mut Vec<u8>) {
        let (full, end) = (self.ms(10), self.ms(60));
        let period = self.period();
        let lead = self.ms(2).min(count);
        let sample = |at: usize| {
            if at >= end {
                return 0;
            }
            let sound = i32::from(self.recent[RECENT - period + at % period]);
            let left = integer(end - at.max(full));
            sound * left / integer(end - full)
        };
        let off = if count == 0 {
            0
        } else {
            i32::from(next) - sample(count - 1)
        };
        for at in 0..count {
            let way = (at + 1 + lead).saturating_sub(count);
            let value = sample(at) + off * integer(way) / integer(lead + 1);
            out.extend_from_slice(&saturated(value).to_le_bytes());
        }
    }

    /// The lag at which the newest 10 ms are most like what was before, 2.5 to 15 ms.
    fn period(&self) -> usize {
        let newest = &self.recent[RECENT - self.ms(10)..];
        let (shortest, longest) = (self.ms(5) / 2, self.ms(15));
        let mut best = (0.0, longest);
        for lag in shortest..=longest {
            let from = RECENT - lag - newest.len();
            let before = &self.recent[from..from + newest.len()];
            let (mut product, mut energy) = (0.0_f32, 1.0_f32);
            for (&a, &b) in newest.iter().zip(before) {
                product += f32::from(a) * f32::from(b);
                energy += f32::from(b) * f32::from(b);
            }
            let likeness = product * product.abs() / energy;
            if likeness > best.0 {
                best = (likeness, lag);
            }
        }
        best.1
    }

    const fn ms(&self, ms: usize) -> usize {
        if self.wide { 16 * ms } else { 8 * ms }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "60 ms at most")]
#[expect(clippy::cast_possible_wrap, reason = "60 ms at most")]
const fn integer(count: usize) -> i32 {
    count as i32
}

#[expect(clippy::cast_possible_truncation, reason = "clamped")]
fn saturated(value: i32) -> i16 {
    value.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// The longest lag and what is compared at it: 25 ms at 16 kHz.
const RECENT: usize = 400;
