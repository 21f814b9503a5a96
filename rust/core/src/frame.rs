//! The unit everything else is counted in: 20 ms of 16 kHz mono speech.

/// Bytes of one frame: 20 ms × 16 samples/ms × 2 bytes.
pub const FRAME_BYTES: usize = 640;
/// Samples of one frame.
pub const FRAME_SAMPLES: u64 = 320;
/// Length of one frame in nanoseconds.
pub const FRAME_NANOS: u64 = 20_000_000;

/// Nanoseconds on `CLOCK_MONOTONIC` (what Python's `time.monotonic_ns()` reads).
pub type Nanos = u64;

/// 20 ms of signed 16-bit little-endian PCM, 16 kHz, mono, with its place in the leg's audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Absolute number of the first sample; never restarts while the leg lives, not even between
    /// calls.
    pub start: u64,
    /// When the sound of the last sample reached us: the kernel's receive time of the datagram that
    /// completed the frame, less the audio that follows the frame in the same datagram.
    pub captured: Nanos,
    /// Highest absolute sample value, 0..=32768.
    pub peak: u16,
    /// Root mean square of the samples.
    pub rms: u16,
    /// For drawing them.
    pub extremes: Extremes,
    /// The voice activity detector's verdict.
    pub speech: bool,
    /// The echo of what this leg's ear was sent, and nothing more: not for the recogniser. The samples
    /// are as they came; it is never `speech`.
    pub echo: bool,
    /// Bytes at the end that are silence of ours (0 = all from the wire, 640 = a filled frame).
    pub filled: u16,
    /// The samples.
    pub pcm: [u8; FRAME_BYTES],
}

/// The lowest and the highest sample of a stretch, their upper 8 bits; 0 is always between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extremes {
    /// −128..=0.
    pub low: i8,
    /// 0..=127.
    pub high: i8,
}

impl Extremes {
    /// Of one frame.
    #[must_use]
    pub fn of(pcm: &[u8; FRAME_BYTES]) -> Self {
        let mut samples = [0_i16; FRAME_BYTES / 2];
        for (sample, pair) in samples.iter_mut().zip(pcm.chunks_exact(2)) {
            *sample = i16::from_le_bytes([pair[0], pair[1]]);
        }
        let low = samples.iter().fold(0, |low, &sample| low.min(sample));
        let high = samples.iter().fold(0, |high, &sample| high.max(sample));
        Self::new(low, high)
    }

    /// From samples. An excursion of less than 256 below 0 is −1: silence differs from near-silence.
    #[must_use]
    pub fn new(low: i16, high: i16) -> Self {
        let [_, low] = low.min(0).to_le_bytes();
        let [_, high] = high.max(0).to_le_bytes();
        Self {
            low: i8::from_le_bytes([low]),
            high: i8::from_le_bytes([high]),
        }
    }

    /// Of this stretch and another one together.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }
}
