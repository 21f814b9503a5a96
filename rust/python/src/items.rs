//! What `Engine.drain` gives out: `Frame`, `Playout`, `SourceChange`, `Digit`, `RtpFound`, `Hangup`,
//! `Message`.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt};
use translink_core::output::PlayoutEvent;
use translink_core::rtp::format::Format;
use translink_engine::Item;

use crate::engine::{Address, plain};

/// 20 ms of a leg's audio.
///
/// What each frame's way asks for, most of it several times, is kept as Python objects: an attribute is then a member of the
/// object, which Python reads by itself. What is seldom asked for is made when it is.
#[pyclass(frozen, get_all)]
pub(crate) struct Frame {
    leg: Py<PyInt>,
    life: Py<PyInt>,
    start: Py<PyInt>,
    captured: Py<PyInt>,
    ready: Py<PyInt>,
    peak: u16,
    rms: Py<PyInt>,
    speech: Py<PyBool>,
    echo: Py<PyBool>,
    filled: u16,
    pcm: Py<PyBytes>,
}

#[pymethods]
impl Frame {
    fn __repr__(&self) -> String {
        format!(
            "<Frame leg={} life={} start={} rms={} speech={} echo={} filled={}>",
            self.leg, self.life, self.start, self.rms, self.speech, self.echo, self.filled
        )
    }
}

/// Another sender has taken over in a call.
#[pyclass(frozen, get_all)]
pub(crate) struct SourceChange {
    leg: u32,
    life: u32,
    old: Address,
    new: Address,
    at: u64,
}

#[pymethods]
impl SourceChange {
    fn __repr__(&self) -> String {
        format!(
            "<SourceChange leg={} life={} old={:?} new={:?} at={}>",
            self.leg, self.life, self.old, self.new, self.at
        )
    }
}

/// The talker pressed a key.
#[pyclass(frozen, get_all)]
pub(crate) struct Digit {
    leg: u32,
    life: u32,
    key: char,
    duration: u64,
    at: u64,
}

#[pymethods]
impl Digit {
    fn __repr__(&self) -> String {
        // Not which: digits may be a card's.
        format!(
            "<Digit leg={} life={} duration={} at={}>",
            self.leg, self.life, self.duration, self.at
        )
    }
}

/// RTP comes into a leg that was not set to it.
#[pyclass(frozen, get_all)]
pub(crate) struct RtpFound {
    leg: u32,
    life: u32,
    payload_type: u8,
    format: Option<&'static str>,
    taken: bool,
    at: u64,
}

#[pymethods]
impl RtpFound {
    fn __repr__(&self) -> String {
        format!(
            "<RtpFound leg={} life={} payload_type={} format={:?} taken={} at={}>",
            self.leg, self.life, self.payload_type, self.format, self.taken, self.at
        )
    }
}

/// A leg's connection ended.
#[pyclass(frozen, get_all)]
pub(crate) struct Hangup {
    leg: u32,
    connection: u32,
    at: u64,
}

#[pymethods]
impl Hangup {
    fn __repr__(&self) -> String {
        format!(
            "<Hangup leg={} connection={} at={}>",
            self.leg, self.connection, self.at
        )
    }
}

/// What the other end of a leg's connection says beside audio.
#[pyclass(frozen, get_all)]
pub(crate) struct Message {
    leg: u32,
    connection: u32,
    text: String,
    at: u64,
}

#[pymethods]
impl Message {
    fn __repr__(&self) -> String {
        // Not what: it may be what somebody said.
        format!(
            "<Message leg={} connection={} length={} at={}>",
            self.leg,
            self.connection,
            self.text.len(),
            self.at
        )
    }
}

/// A step in the life of an utterance.
#[pyclass(frozen, get_all)]
pub(crate) struct Playout {
    leg: u32,
    utterance: u64,
    kind: &'static str,
    at: u64,
    unplayed: u64,
}

#[pymethods]
impl Playout {
    fn __repr__(&self) -> String {
        format!(
            "<Playout leg={} utterance={} kind={} at={} unplayed={}>",
            self.leg, self.utterance, self.kind, self.at, self.unplayed
        )
    }
}

/// The Python object for an item of the mailbox.
pub(crate) fn object(py: Python<'_>, item: Item) -> PyResult<Bound<'_, PyAny>> {
    let playout = match item {
        Item::Frame {
            leg,
            life,
            ready,
            frame,
        } => {
            let frame = of_core(py, (leg, life), ready, &frame)?;
            return Ok(Bound::new(py, frame)?.into_any());
        }
        Item::Playout { leg, event, at } => step(leg, &event, at),
        Item::Moved {
            leg,
            life,
            old,
            new,
            at,
        } => {
            let change = SourceChange {
                leg,
                life,
                old: plain(old),
                new: plain(new),
                at,
            };
            return Ok(Bound::new(py, change)?.into_any());
        }
        Item::Digit {
            leg,
            life,
            digit,
            at,
        } => {
            let digit = Digit {
                leg,
                life,
                key: digit.key,
                duration: digit.duration,
                at,
            };
            return Ok(Bound::new(py, digit)?.into_any());
        }
        Item::Rtp {
            leg,
            life,
            found,
            taken,
            at,
        } => {
            let found = RtpFound {
                leg,
                life,
                payload_type: found.payload_type,
                format: found.format.map(Format::name),
                taken,
                at,
            };
            return Ok(Bound::new(py, found)?.into_any());
        }
        Item::Hangup {
            leg,
            connection,
            at,
        } => {
            let hangup = Hangup {
                leg,
                connection,
                at,
            };
            return Ok(Bound::new(py, hangup)?.into_any());
        }
        Item::Text {
            leg,
            connection,
            text,
            at,
        } => {
            let message = Message {
                leg,
                connection,
                text: text.into_string(),
                at,
            };
            return Ok(Bound::new(py, message)?.into_any());
        }
        Item::Dead { leg, at } => Playout {
            leg,
            utterance: 0,
            kind: "dead",
            at,
            unplayed: 0,
        },
    };
    Ok(Bound::new(py, playout)?.into_any())
}

fn of_core(
    py: Python<'_>,
    (leg, life): (u32, u32),
    ready: u64,
    frame: &translink_core::frame::Frame,
) -> PyResult<Frame> {
    Ok(Frame {
        leg: leg.into_pyobject(py)?.unbind(),
        life: life.into_pyobject(py)?.unbind(),
        start: frame.start.into_pyobject(py)?.unbind(),
        captured: frame.captured.into_pyobject(py)?.unbind(),
        ready: ready.into_pyobject(py)?.unbind(),
        peak: frame.peak,
        rms: frame.rms.into_pyobject(py)?.unbind(),
        speech: PyBool::new(py, frame.speech).to_owned().unbind(),
        echo: PyBool::new(py, frame.echo).to_owned().unbind(),
        filled: frame.filled,
        pcm: PyBytes::new(py, &frame.pcm).unbind(),
    })
}

fn step(leg: u32, event: &PlayoutEvent, at: u64) -> Playout {
    let (utterance, kind, unplayed) = match *event {
        PlayoutEvent::Started { utterance, .. } => (utterance, "started", 0),
        PlayoutEvent::Finished { utterance, .. } => (utterance, "finished", 0),
        PlayoutEvent::Flushed {
            utterance,
            unplayed,
        } => (utterance, "flushed", unplayed),
    };
    Playout {
        leg,
        utterance,
        kind,
        at,
        unplayed,
    }
}
