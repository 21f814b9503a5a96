//! Has half a sample got lost?
//!
//! Datagrams of odd lengths are one stream of bytes, so when one of them is lost, or a byte is doubled,
//! all that follows is read one byte off: noise, until somebody notices. Here somebody does, within
//! two frames of sound, by holding both readings of a frame against each other.
//!
//! Read one byte off, the noisy lower half of a sample is its upper half: rough from sample to sample,
//! and hundreds of times rougher than the same bytes read rightly. Sounds that are rough when they are
//! read rightly (hiss, noise at full scale) have lower halves that are as noisy, so that the other
//! reading is no smoother. What has quiet lower halves and is right all the same is known by what no
//! sound does when it is read rightly: samples of 8 bits times 256 never change their sign when they
//! are read one byte off, and clipped ones are nearly all at full scale.
//!
//! `tests/alignment.rs`: no false alarm in speech, noise, tones, silence, G.711 and 8 bits of any
//! loudness.

use crate::frame::FRAME_BYTES;
use crate::level::Level;

/// Watches one stream.
#[derive(Debug, Default)]
pub struct Alignment {
    /// Frames that seem to be read one byte off since the last that was read rightly for sure.
    off: u32,
}

impl Alignment {
    /// The next frame. True: the stream is read one byte off.
    pub fn hear(&mut self, level: &Level, pcm: &[u8; FRAME_BYTES]) -> bool {
        if level.power < QUIET_POWER {
            return false;
        }
        if level.hiss < level.power {
            // A smooth wave is read rightly.
            self.off = 0;
            return false;
        }
        if !is_off(pcm, level.hiss) {
            return false;
        }
        self.off = (self.off + 1) % CERTAIN_FRAMES;
        self.off == 0
    }

    /// The call ended.
    pub const fn reset(&mut self) {
        self.off = 0;
    }
}

/// Whether the frame makes a much smoother wave one byte later, and both waves are ones that occur.
fn is_off(pcm: &[u8; FRAME_BYTES], hiss: f32) -> bool {
    // Most noise shows in its first 4 ms.
    if roughness(&read_one_byte_later::<64>(pcm)) * SMOOTHER_BY >= hiss {
        return false;
    }
    let other = read_one_byte_later::<{ FRAME_BYTES / 2 - 1 }>(pcm);
    if roughness(&other) * SMOOTHER_BY >= hiss {
        return false;
    }
    let negative = other.iter().filter(|&&sample| sample < 0).count();
    let clipped = pcm
        .chunks_exact(2)
        .filter(|pair| CLIPPED.contains(&pair[1]));
    let both = negative.min(other.len() - negative) * RARE_ONE_IN >= other.len();
    both && clipped.count() * RARE_ONE_IN < other.len()
}

fn read_one_byte_later<const COUNT: usize>(pcm: &[u8; FRAME_BYTES]) -> [i16; COUNT] {
    let mut samples = [0; COUNT];
    for (sample, pair) in samples.iter_mut().zip(pcm[1..].chunks_exact(2)) {
        *sample = i16::from_le_bytes([pair[0], pair[1]]);
    }
    samples
}

/// Mean square of the differences of neighbours.
fn roughness(samples: &[i16]) -> f32 {
    let pairs = samples.iter().zip(&samples[1..]);
    let sum: f32 = pairs
        .map(|(&a, &b)| (f32::from(b) - f32::from(a)).powi(2))
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let count = (samples.len() - 1) as f32;
    sum / count
}

/// Below a root mean square of 1,000 nothing is looked at: read rightly, that is one of 4.
const QUIET_POWER: f32 = 1_000.0 * 1_000.0;

/// The right reading is at least so much smoother, in mean squares: 4 in amplitude.
const SMOOTHER_BY: f32 = 16.0;

/// Frames: 40 ms, or more where some of them tell nothing.
const CERTAIN_FRAMES: u32 = 2;

/// One in so many samples.
const RARE_ONE_IN: usize = 16;

/// Upper halves of samples at full scale, which is 32,256 in A-law.
const CLIPPED: std::ops::RangeInclusive<u8> = 0x7d..=0x82;
