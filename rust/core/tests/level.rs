//! Peak and root mean square against plain arithmetic.

use crate::common::{bytes, tone};
use proptest::prelude::*;
use translink_core::frame::FRAME_BYTES;
use translink_core::level::Level;

fn level(samples: &[i16]) -> Level {
    let pcm: [u8; FRAME_BYTES] = bytes(samples).try_into().unwrap();
    Level::of(&pcm)
}

#[test]
fn known_sounds_have_known_levels() {
    let silence = level(&[0; 320]);
    assert_eq!(
        (silence.peak, silence.rms, silence.power, silence.hiss),
        (0, 0, 0.0, 0.0)
    );
    let lowest = level(&[i16::MIN; 320]);
    assert_eq!((lowest.peak, lowest.rms), (32_768, 32_768));
    assert_eq!(
        (lowest.power, lowest.hiss),
        (0.0, 0.0),
        "an offset is no sound"
    );
    let sine = level(&tone(1_000.0, 16_000.0, 10_000.0, 320));
    assert_eq!((sine.peak, sine.rms), (10_000, 7_071));
}

proptest! {
    #[test]
    fn it_agrees_with_plain_arithmetic(samples in prop::collection::vec(any::<i16>(), 320)) {
        let wide: Vec<f64> = samples.iter().map(|&x| f64::from(x)).collect();
        let mean = wide.iter().sum::<f64>() / 320.0;
        let square = wide.iter().map(|x| x * x).sum::<f64>() / 320.0;
        let steps = wide.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>() / 320.0;
        let heard = level(&samples);
        prop_assert_eq!(heard.peak, samples.iter().map(|x| x.unsigned_abs()).max().unwrap());
        prop_assert!((f64::from(heard.rms) - square.sqrt()).abs() < 0.6);
        prop_assert!((f64::from(heard.power) / (square - mean * mean) - 1.0).abs() < 1e-3);
        prop_assert!((f64::from(heard.hiss) / steps - 1.0).abs() < 1e-3);
    }
}
