//! G.711: the telephone's eight bits a sample, µ-law and A-law (ITU-T G.711, tables 1 and 2).
//!
//! Encoding keeps the 14 (µ-law) or 13 (A-law) most significant bits of a 16-bit sample and decodes
//! to the middle of each interval: bit for bit what Python's `audioop` did.

/// Append the µ-law bytes of s16le `pcm`; half a sample at the end is ignored.
pub fn ulaw_encode(pcm: &[u8], out: &mut Vec<u8>) {
    out.extend(samples(pcm).map(linear_to_ulaw));
}

/// Append the s16le samples of µ-law `bytes`.
pub fn ulaw_decode(bytes: &[u8], out: &mut Vec<u8>) {
    expand(&ULAW, bytes, out);
}

/// Append the A-law bytes of s16le `pcm`; half a sample at the end is ignored.
pub fn alaw_encode(pcm: &[u8], out: &mut Vec<u8>) {
    out.extend(samples(pcm).map(linear_to_alaw));
}

/// Append the s16le samples of A-law `bytes`.
pub fn alaw_decode(bytes: &[u8], out: &mut Vec<u8>) {
    expand(&ALAW, bytes, out);
}

/// One sample to µ-law.
#[must_use]
pub const fn linear_to_ulaw(sample: i16) -> u8 {
    // The bias of 33 makes every segment begin at a power of two; the last one ends at 8191.
    let value = (sample >> 2) as i32;
    let magnitude = value.unsigned_abs();
    let biased = (if magnitude > 8_158 { 8_158 } else { magnitude }) + 33;
    let segment = biased.ilog2() - 5;
    let code = (segment << 4) | ((biased >> (segment + 1)) & 0xF);
    let sign = if value < 0 { 0x80 } else { 0 };
    !(low_byte(code) | sign)
}

/// One sample to A-law.
#[must_use]
pub const fn linear_to_alaw(sample: i16) -> u8 {
    let value = (sample >> 3) as i32;
    // One's complement: A-law has no code for zero, so -1 mirrors 0.
    let magnitude = (if value < 0 { !value } else { value }).unsigned_abs();
    let segment = if magnitude < 32 {
        0
    } else {
        magnitude.ilog2() - 4
    };
    let shift = if segment < 2 { 1 } else { segment };
    let code = (segment << 4) | ((magnitude >> shift) & 0xF);
    let sign = if value < 0 { 0 } else { 0x80 };
    (low_byte(code) | sign) ^ 0x55
}

/// µ-law byte to sample.
pub const ULAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        let code = !byte;
        let magnitude = ((((code & 0xF) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
        table[byte] = signed(magnitude, code & 0x80 != 0);
        byte += 1;
    }
    table
};

/// A-law byte to sample.
pub const ALAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        let code = byte ^ 0x55;
        let segment = (code >> 4) & 7;
        let step = ((code & 0xF) << 4) + 8;
        let magnitude = if segment == 0 {
            step
        } else {
            (step + 0x100) << (segment - 1)
        };
        table[byte] = signed(magnitude, code & 0x80 == 0);
        byte += 1;
    }
    table
};

fn samples(pcm: &[u8]) -> impl Iterator<Item = i16> {
    pcm.chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
}

fn expand(table: &[i16; 256], bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(
        bytes
            .iter()
            .flat_map(|&byte| table[usize::from(byte)].to_le_bytes()),
    );
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits are used")]
const fn low_byte(code: u32) -> u8 {
    code as u8
}

#[expect(clippy::cast_possible_truncation, reason = "at most 32,256")]
#[expect(clippy::cast_possible_wrap, reason = "at most 32,256")]
const fn signed(magnitude: usize, negative: bool) -> i16 {
    if negative {
        -(magnitude as i16)
    } else {
        magnitude as i16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_the_standard_come_out() {
        assert_eq!(ULAW[0xFF], 0);
        assert_eq!(ULAW[0x00], -32_124);
        assert_eq!(ULAW[0x80], 32_124);
        assert_eq!(ALAW[0xD5], 8);
        assert_eq!(ALAW[0x2A], -32_256);
        assert_eq!(ALAW[0xAA], 32_256);
        assert_eq!(linear_to_ulaw(0), 0xFF);
        assert_eq!(linear_to_alaw(0), 0xD5);
    }

    #[test]
    fn a_decoded_byte_encodes_to_itself() {
        for byte in 0..=255_u8 {
            assert_eq!(linear_to_alaw(ALAW[usize::from(byte)]), byte);
            // µ-law has two zeros; the negative one decodes to 0, which encodes to the positive.
            let again = linear_to_ulaw(ULAW[usize::from(byte)]);
            assert_eq!(again, if byte == 0x7F { 0xFF } else { byte });
        }
    }

    #[test]
    fn the_error_of_any_sample_stays_within_half_its_interval() {
        for sample in i16::MIN..=i16::MAX {
            let wide = i32::from(sample);
            let bound = (wide.abs() / 32).max(16) + 16;
            for back in [
                ULAW[usize::from(linear_to_ulaw(sample))],
                ALAW[usize::from(linear_to_alaw(sample))],
            ] {
                let clipped = wide.clamp(-32_700, 32_700);
                assert!(
                    (i32::from(back) - clipped).abs() <= bound,
                    "{sample} {back}"
                );
            }
        }
    }

    /// Python before 3.13 carries the reference; where it does not, the other tests must do.
    #[test]
    fn every_sample_and_byte_agrees_with_audioop() {
        const SCRIPT: &str = "\
import sys, warnings
warnings.simplefilter('ignore')
import audioop, struct
pcm = struct.pack('<65536h', *range(-32768, 32768))
every = bytes(range(256))
sys.stdout.buffer.write(audioop.lin2ulaw(pcm, 2) + audioop.lin2alaw(pcm, 2)
                        + audioop.ulaw2lin(every, 2) + audioop.alaw2lin(every, 2))";
        let run = std::process::Command::new("python3")
            .args(["-c", SCRIPT])
            .output();
        let Some(theirs) = run.ok().filter(|run| run.status.success()) else {
            eprintln!("skipped: no python3 with audioop");
            return;
        };
        let pcm: Vec<u8> = (i16::MIN..=i16::MAX).flat_map(i16::to_le_bytes).collect();
        let every: Vec<u8> = (0..=255).collect();
        let mut ours = Vec::new();
        ulaw_encode(&pcm, &mut ours);
        alaw_encode(&pcm, &mut ours);
        ulaw_decode(&every, &mut ours);
        alaw_decode(&every, &mut ours);
        assert_eq!(ours, theirs.stdout);
    }

    #[test]
    fn half_a_sample_at_the_end_is_ignored() {
        let mut out = Vec::new();
        ulaw_encode(&[0, 0, 7], &mut out);
        assert_eq!(out, [0xFF]);
    }
}
