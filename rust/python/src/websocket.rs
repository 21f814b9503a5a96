//! `websocket_message`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use translink_core::websocket::message;

/// Made in one piece, where Python's library needs a dozen calls: a message is sent for each frame of each leg.
#[pyfunction]
pub(crate) fn websocket_message<'py>(
    py: Python<'py>,
    payload: &[u8],
    mask: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let mask = mask
        .try_into()
        .map_err(|_| PyValueError::new_err("a mask has 4 bytes"))?;
    PyBytes::new_with(py, message::size(payload.len()), |out| {
        message::write(payload, mask, out);
        Ok(())
    })
}
