//! Speech for the echo guard: people and speech programs, a room, and a line's noise.

use std::process::Command;
use std::sync::OnceLock;

use translink_core::echo::EchoGuard;
use translink_core::resample::resample;

use super::Noise;

pub(crate) const FRAME: usize = 320;
pub(crate) const TICK: u64 = 20_000_000;
pub(crate) const START: u64 = 1_000_000_000_000;

/// Somebody, and sentences that they said, each as loud as −20 dBFS.
pub(crate) struct Voice {
    pub(crate) name: &'static str,
    pub(crate) said: Vec<Vec<f32>>,
}

/// What the callers of `translink demo` say, and some more. The programs say all of it.
pub(crate) const LINES: [&str; 16] = [
    "Hello, can you hear me?",
    "I would like to make an appointment.",
    "Tomorrow morning.",
    "How much does it cost?",
    "Thank you for your help.",
    "Good morning, everyone, and thank you for coming.",
    "Today we look at the old bridge, at what it costs us every year, and at what we could do instead.",
    "In the last ten years we have paid for four repairs, and each of them took longer than the one before.",
    "The second one closed the road for a month, because the steel that we had ordered was late.",
    "So people walked. Some of them were angry, and they were right.",
    "Now, what happens if we do nothing? The engineers say that the bridge will stand for another eight years.",
    "Lorries would have to go round by the mill, which is eleven kilometres more.",
    "It would take one summer, from May to September, and the trains below could go on running.",
    "That is what I would like best, but it costs almost three times as much.",
    "They want to see a plan by the end of March, with a price that we can promise.",
    "Are there any more questions? Then let us go on to the second point.",
];

/// All voices of this machine: flite, espeak-ng, and the people of Asterisk's prompts. Says what is missing.
pub(crate) fn voices() -> &'static [Voice] {
    static VOICES: OnceLock<Vec<Voice>> = OnceLock::new();
    VOICES.get_or_init(|| {
        let programs: [(&'static str, &[&str]); 6] = [
            ("flite kal16", &["flite", "-voice", "kal16", "-t"]),
            ("flite slt", &["flite", "-voice", "slt", "-t"]),
            ("flite rms", &["flite", "-voice", "rms", "-t"]),
            (
                "espeak-ng en-us",
                &["espeak-ng", "-v", "en-us", "-s", "155"],
            ),
            (
                "espeak-ng fr",
                &["espeak-ng", "-v", "fr+klatt", "-s", "155"],
            ),
            ("espeak-ng de", &["espeak-ng", "-v", "de", "-s", "150"]),
        ];
        let mut voices: Vec<Voice> = std::thread::scope(|scope| {
            let saying = programs.map(|(name, program)| (name, scope.spawn(|| lines(program))));
            let said = saying.into_iter();
            said.filter_map(|(name, said)| Some((name, said.join().unwrap()?)))
                .map(|(name, said)| Voice { name, said })
                .collect()
        });
        for (name, language) in [("people, en", "en"), ("people, fr", "fr")] {
            if let Some(said) = super::prompts(language, 9) {
                let said = said.iter().map(|pcm| normal(pcm));
                let said = said.filter(|pcm| pcm.len() > 16_000).collect();
                voices.push(Voice { name, said });
            }
        }
        assert!(
            !voices.is_empty(),
            "no voice here: apt-get install flite espeak-ng"
        );
        voices
    })
}

fn lines(program: &[&str]) -> Option<Vec<Vec<f32>>> {
    LINES.iter().map(|line| spoken(program, line)).collect()
}

fn spoken(program: &[&str], line: &str) -> Option<Vec<f32>> {
    let file = std::env::temp_dir().join(format!(
        "translink-{}-{:?}.wav",
        std::process::id(),
        std::thread::current().id()
    ));
    let mut command = Command::new(program[0]);
    command.args(&program[1..]);
    if program[0] == "flite" {
        command.arg(line).arg("-o").arg(&file);
    } else {
        command.arg("-w").arg(&file).arg(line);
    }
    let ran = command.output().is_ok_and(|output| output.status.success());
    let wav = std::fs::read(&file).unwrap_or_default();
    let _ = std::fs::remove_file(&file);
    let Some(data) = wav
        .windows(4)
        .position(|four| four == b"data")
        .filter(|_| ran)
    else {
        eprintln!(
            "skipped: no {} (apt-get install flite espeak-ng)",
            program[0]
        );
        return None;
    };
    let rate = u32::from_le_bytes(wav[24..28].try_into().unwrap());
    let pcm = resample(&wav[data + 8..], rate, 16_000).unwrap();
    let pairs = pcm.chunks_exact(2);
    let samples: Vec<i16> = pairs
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    Some(normal(&samples))
}

/// Without the silence around it, and as loud as the others: −20 dBFS where it is loud.
fn normal(pcm: &[i16]) -> Vec<f32> {
    let pcm: Vec<f32> = pcm.iter().map(|&sample| f32::from(sample)).collect();
    let powers: Vec<f32> = pcm.chunks_exact(FRAME).map(power).collect();
    let top = powers.iter().copied().fold(1.0, f32::max);
    let loud: Vec<usize> = (0..powers.len())
        .filter(|&n| powers[n] > top / 1e3)
        .collect();
    let (Some(first), Some(last)) = (loud.first(), loud.last()) else {
        return Vec::new();
    };
    let mean = loud.iter().map(|&n| powers[n]).sum::<f32>() / loud.len() as f32;
    let scale = 3_276.8 / mean.sqrt();
    let kept = &pcm[first * FRAME..(last + 1) * FRAME];
    kept.iter().map(|sample| sample * scale).collect()
}

/// Sentences of one voice, from the `first` on, with pauses of about so many seconds.
pub(crate) fn talk(voice: &Voice, first: usize, pause: f64, seconds: f64, seed: u64) -> Vec<f32> {
    let mut random = Noise(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (mut pcm, length) = (Vec::new(), (seconds * 16e3) as usize);
    for said in voice.said.iter().cycle().skip(first) {
        pcm.extend_from_slice(said);
        let pause = pause * (1.0 + 0.7 * random.uniform());
        pcm.resize(pcm.len() + (pause * 16e3) as usize, 0.0);
        if pcm.len() >= length {
            break;
        }
    }
    pcm.truncate(length);
    pcm
}

/// What a microphone hears of a loudspeaker: `delay` ms later, `decibels` softer, with the reflections
/// of a room of `reverberation` ms.
pub(crate) fn room(
    sent: &[f32],
    delay: f64,
    decibels: f64,
    reverberation: f64,
    seed: u64,
) -> Vec<f32> {
    let mut noise = Noise(seed);
    let taps = (reverberation * 16.0) as usize;
    // 60 dB over the reverberation; sparse, as early reflections are.
    let mut response: Vec<(usize, f64)> = vec![(0, 1.0)];
    for tap in (40..taps).step_by(71) {
        let fall = 10_f64.powf(-3.0 * tap as f64 / taps as f64);
        response.push((tap, noise.normal() * 0.35 * fall));
    }
    let energy: f64 = response.iter().map(|(_, gain)| gain * gain).sum();
    let scale = 10_f64.powf(decibels / 20.0) / energy.sqrt();
    let shift = (delay * 16.0) as usize;
    let mut heard = vec![0.0; sent.len()];
    for (tap, gain) in response {
        let (from, gain) = (shift + tap, (gain * scale) as f32);
        let Some(late) = heard.get_mut(from..) else {
            continue;
        };
        for (out, sample) in late.iter_mut().zip(sent) {
            *out += sample * gain;
        }
    }
    heard
}

/// A line is never quite silent.
pub(crate) fn hum(pcm: &mut [f32], dbfs: f64, seed: u64) {
    let (mut noise, rms) = (Noise(seed), 32_768.0 * 10_f64.powf(dbfs / 20.0));
    for sample in pcm {
        *sample += (noise.normal() * rms) as f32;
    }
}

pub(crate) fn power(frame: &[f32]) -> f32 {
    frame.iter().map(|sample| sample * sample).sum::<f32>() / FRAME as f32
}

/// What a guard said, by frame: marked, and whether an echo is known by then. The last that was learned.
#[derive(Default)]
pub(crate) struct Judged {
    pub(crate) marked: Vec<bool>,
    pub(crate) known: Vec<bool>,
    pub(crate) lag: f64,
    pub(crate) gain: f64,
}

impl Judged {
    /// Frames in which the ear had been sent sound until an echo was known.
    pub(crate) fn after(&self, sent: &[f32]) -> Option<f64> {
        let known = self.known.iter().position(|&known| known)?;
        let sounds = sent
            .chunks_exact(FRAME)
            .take(known)
            .filter(|frame| power(frame) > 2_700.0);
        Some(sounds.count() as f64 * 0.02)
    }

    /// How often it began to believe in one.
    pub(crate) fn alarms(&self) -> usize {
        self.known
            .windows(2)
            .filter(|two| !two[0] && two[1])
            .count()
    }
}

pub(crate) fn listen(guard: &mut EchoGuard, sent: &[f32], heard: &[f32]) -> Judged {
    let mut judged = Judged::default();
    let frames = sent.chunks_exact(FRAME).zip(heard.chunks_exact(FRAME));
    for (n, (out, back)) in frames.enumerate() {
        let now = START + n as u64 * TICK;
        guard.sent(now, &bytes(out), power(out));
        judged.marked.push(guard.heard(now + TICK, &bytes(back)));
        judged.known.push(guard.learned().is_some());
        if let Some(echo) = guard.learned() {
            (judged.lag, judged.gain) = (echo.lag as f64 / 1e6, f64::from(echo.gain) / 4.0);
        }
    }
    judged
}

pub(crate) fn bytes(frame: &[f32]) -> [u8; 2 * FRAME] {
    let mut bytes = [0; 2 * FRAME];
    for (pair, &sample) in bytes.chunks_exact_mut(2).zip(frame) {
        pair.copy_from_slice(&(sample.round().clamp(-32_768.0, 32_767.0) as i16).to_le_bytes());
    }
    bytes
}
