//! The one place where Rust's errors become Python's.

use std::io;

use pyo3::exceptions::{
    PyBlockingIOError, PyLookupError, PyMemoryError, PyOSError, PyRuntimeError, PyValueError,
};
use pyo3::prelude::*;
use translink_engine::Error;

/// `EADDRINUSE` of Linux: to a caller that looks for a free place, a sender that is another leg's is a port that is.
const ADDRESS_IN_USE: i32 = 98;

/// By value, so that it fits `map_err`.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(crate) fn engine_error(error: Error) -> PyErr {
    let text = error.to_string();
    match &error {
        Error::Io(source) | Error::Address { source, .. } => os_error(source, text),
        Error::Memory(_) => PyMemoryError::new_err(text),
        Error::NoLeg(_) | Error::NoPort(_) | Error::Dead(_) => PyLookupError::new_err(text),
        Error::Unnamed | Error::NotShared => PyValueError::new_err(text),
        Error::Claimed(_) | Error::SameToken => PyOSError::new_err((ADDRESS_IN_USE, text)),
        Error::Busy => PyBlockingIOError::new_err(text),
        _ => PyRuntimeError::new_err(text),
    }
}

/// With a number, `OSError` makes itself the right subclass.
pub(crate) fn os_error(source: &io::Error, text: String) -> PyErr {
    match source.raw_os_error() {
        Some(number) => PyOSError::new_err((number, text)),
        None => PyOSError::new_err(text),
    }
}
