//! Rates and codecs: `resample`, `Resampler`, G.711.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use translink_core::g711;
use translink_core::resample::{self as core, ResampleError};

/// Work on fewer bytes than this is shorter than a hand-over of the interpreter.
const DETACH_FROM: usize = 4096;

#[pyfunction]
pub(crate) fn resample<'py>(
    py: Python<'py>,
    pcm: &[u8],
    source_rate: u32,
    target_rate: u32,
) -> PyResult<Bound<'py, PyBytes>> {
    let out = py.detach(|| core::resample(pcm, source_rate, target_rate));
    Ok(PyBytes::new(py, &out.map_err(value_error)?))
}

/// Streaming conversion of rates.
#[pyclass(frozen)]
pub(crate) struct Resampler(Mutex<core::Resampler>);

#[pymethods]
impl Resampler {
    #[new]
    fn new(source_rate: u32, target_rate: u32) -> PyResult<Self> {
        let resampler = core::Resampler::new(source_rate, target_rate).map_err(value_error)?;
        Ok(Self(Mutex::new(resampler)))
    }

    fn push<'py>(&self, py: Python<'py>, pcm: &[u8]) -> Bound<'py, PyBytes> {
        let mut out = Vec::new();
        let mut work = || self.lock().push(pcm, &mut out);
        if pcm.len() < DETACH_FROM {
            work();
        } else {
            py.detach(work);
        }
        PyBytes::new(py, &out)
    }

    fn finish<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut out = Vec::new();
        self.lock().finish(&mut out);
        PyBytes::new(py, &out)
    }
}

impl Resampler {
    fn lock(&self) -> MutexGuard<'_, core::Resampler> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pyfunction]
pub(crate) fn ulaw_encode<'py>(py: Python<'py>, pcm: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    whole_samples(pcm)?;
    Ok(converted(py, pcm, g711::ulaw_encode))
}

#[pyfunction]
pub(crate) fn ulaw_decode<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    converted(py, data, g711::ulaw_decode)
}

#[pyfunction]
pub(crate) fn alaw_encode<'py>(py: Python<'py>, pcm: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    whole_samples(pcm)?;
    Ok(converted(py, pcm, g711::alaw_encode))
}

#[pyfunction]
pub(crate) fn alaw_decode<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    converted(py, data, g711::alaw_decode)
}

fn converted<'py>(
    py: Python<'py>,
    from: &[u8],
    convert: fn(&[u8], &mut Vec<u8>),
) -> Bound<'py, PyBytes> {
    let mut out = Vec::with_capacity(from.len() * 2);
    convert(from, &mut out);
    PyBytes::new(py, &out)
}

fn whole_samples(pcm: &[u8]) -> PyResult<()> {
    if pcm.len() % 2 == 0 {
        Ok(())
    } else {
        Err(value_error(ResampleError::OddLength(pcm.len())))
    }
}

fn value_error(error: ResampleError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
