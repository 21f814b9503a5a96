//! What several tests need: real speech, noise, tones.

pub(crate) mod line;
pub(crate) mod phone;
pub(crate) mod stretching;
pub(crate) mod voices;

use std::path::Path;
use std::process::Command;

/// Prompts of the Debian package `asterisk-core-sounds-<language>-g722`: real people, true 16 kHz.
/// None, with the reason on stderr, where the package or ffmpeg is missing.
pub(crate) fn prompts(language: &str, every: usize) -> Option<Vec<Vec<i16>>> {
    let folder = format!("/usr/share/asterisk/sounds/{language}");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "g722"))
        .collect();
    files.sort();
    if files.is_empty() {
        eprintln!(
            "skipped: no {folder}/*.g722 (apt-get install asterisk-core-sounds-{language}-g722)"
        );
        return None;
    }
    let files: Vec<_> = files.into_iter().step_by(every).collect();
    let encoded: Vec<Vec<u8>> = files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect();
    let decoded = decode(&encoded.concat())?;
    // G.722 at 64 kbit/s: one byte is two samples.
    let mut rest = &decoded[..];
    let mut split = Vec::new();
    for bytes in encoded {
        let (one, others) = rest.split_at((2 * bytes.len()).min(rest.len()));
        split.push(one.to_vec());
        rest = others;
    }
    Some(split)
}

/// One decoder process for all prompts: its state settles within some samples at each join.
fn decode(g722: &[u8]) -> Option<Vec<i16>> {
    let folder = std::env::temp_dir().join(format!(
        "translink-core-{}-{}",
        std::process::id(),
        g722.len()
    ));
    std::fs::create_dir_all(&folder).unwrap();
    let (from, to) = (folder.join("in.g722"), folder.join("out.raw"));
    std::fs::write(&from, g722).unwrap();
    let run = ffmpeg(&from, &to);
    let pcm = std::fs::read(&to).unwrap_or_default();
    std::fs::remove_dir_all(&folder).unwrap();
    if !run {
        eprintln!("skipped: no ffmpeg that decodes G.722");
        return None;
    }
    Some(
        pcm.chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect(),
    )
}

fn ffmpeg(from: &Path, to: &Path) -> bool {
    Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y", "-f", "g722", "-i"])
        .arg(from)
        .args(["-f", "s16le", "-ar", "16000", "-ac", "1"])
        .arg(to)
        .status()
        .is_ok_and(|status| status.success())
}

/// Seeded noise (xorshift64*).
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Uniform in -1..1.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// About normal, variance 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() / 2.0
    }
}

pub(crate) fn tone(hertz: f64, rate: f64, amplitude: f64, samples: usize) -> Vec<i16> {
    (0..samples)
        .map(|n| {
            ((std::f64::consts::TAU * hertz * n as f64 / rate).sin() * amplitude).round() as i16
        })
        .collect()
}

pub(crate) fn bytes(samples: &[i16]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect()
}
