//! `translink._core`: how the engine is handed to Python. No logic here.

mod audio;
mod beacon;
mod engine;
mod errors;
mod items;
mod source;
mod websocket;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::audio::{Resampler, alaw_decode, alaw_encode, resample, ulaw_decode, ulaw_encode};
    #[pymodule_export]
    use crate::beacon::{BeaconDecoder, beacon_encode};
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::items::{Digit, Frame, Hangup, Message, Playout, RtpFound, SourceChange};
    #[pymodule_export]
    use crate::websocket::websocket_message;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
