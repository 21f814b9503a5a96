//! Beacon speech for the simulation and the offline beacon engine.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use translink_core::beacon::{Decoder, NUMBERS, Number, encode};

/// One beacon word and the gap after it.
#[pyfunction]
#[pyo3(signature = (number, *, rate = 16_000, amplitude = 8000, gap_ms = 80))]
pub(crate) fn beacon_encode(
    py: Python<'_>,
    number: u32,
    rate: u32,
    amplitude: i16,
    gap_ms: u32,
) -> PyResult<Bound<'_, PyBytes>> {
    let number = Number::new(number).ok_or_else(|| {
        PyValueError::new_err(format!("number must be below {NUMBERS}, not {number}"))
    })?;
    if !(8000..=192_000).contains(&rate) || amplitude <= 0 || gap_ms > 60_000 {
        return Err(PyValueError::new_err(
            "rate must be 8000..=192000, amplitude above 0, gap_ms 60000 at most",
        ));
    }
    let gap = rate as usize * gap_ms as usize / 1000 * 2;
    let mut pcm: Vec<u8> = encode(number, rate, amplitude)
        .iter()
        .flat_map(|s| s.to_le_bytes())
        .collect();
    pcm.resize(pcm.len() + gap, 0);
    Ok(PyBytes::new(py, &pcm))
}

/// Finds beacon words in a stream.
#[pyclass(frozen)]
pub(crate) struct BeaconDecoder(Mutex<State>);

#[derive(Default)]
struct State {
    decoder: Decoder,
    /// The first byte of a sample whose second byte has not come yet.
    odd: Option<u8>,
    samples: Vec<i16>,
}

type Heard = Vec<(u32, u64, u64)>;

#[pymethods]
impl BeaconDecoder {
    #[new]
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn push(&self, py: Python<'_>, pcm: &[u8]) -> Heard {
        if pcm.len() < DETACH_FROM {
            return self.lock().push(pcm);
        }
        py.detach(|| self.lock().push(pcm))
    }

    fn finish(&self) -> Heard {
        let mut heard = Vec::new();
        self.lock().decoder.finish(&mut heard);
        tuples(&heard)
    }
}

impl BeaconDecoder {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, mut pcm: &[u8]) -> Heard {
        self.samples.clear();
        if let (Some(low), Some((&high, rest))) = (self.odd, pcm.split_first()) {
            self.odd = None;
            self.samples.push(i16::from_le_bytes([low, high]));
            pcm = rest;
        }
        let mut pairs = pcm.chunks_exact(2);
        self.samples.extend(
            pairs
                .by_ref()
                .map(|pair| i16::from_le_bytes([pair[0], pair[1]])),
        );
        if let [low] = pairs.remainder() {
            self.odd = Some(*low);
        }
        let mut heard = Vec::new();
        self.decoder.push(&self.samples, &mut heard);
        tuples(&heard)
    }
}

fn tuples(heard: &[translink_core::beacon::Beacon]) -> Heard {
    heard
        .iter()
        .map(|beacon| (beacon.number.get(), beacon.start, beacon.end))
        .collect()
}

/// Bytes from which releasing the interpreter pays: 64 KiB (2 s) take about 0.4 ms to search.
const DETACH_FROM: usize = 65_536;
