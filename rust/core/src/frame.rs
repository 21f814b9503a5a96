//! The unit everything else is counted in: 20 ms of 16 kHz mono speech.

use crate::envelope::Extremes;

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
    /// Bytes at the end that are silence of ours (0 = all from the wire, 640 = a fed frame).
    pub filled: u16,
    /// The samples.
    pub pcm: [u8; FRAME_BYTES],
}
