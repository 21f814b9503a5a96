//! What `Engine.drain` gives out: `Frame`, `Playout`, `SourceChange`, `StreamNews`.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use translink_core::output::PlayoutEvent;
use translink_engine::{Item, StreamEvent};

use crate::engine::{Address, told};

/// 20 ms of a leg's audio.
#[pyclass(frozen, get_all)]
pub(crate) struct Frame {
    leg: u32,
    life: u32,
    start: u64,
    captured: u64,
    ready: u64,
    peak: u16,
    rms: u16,
    speech: bool,
    echo: bool,
    filled: u16,
    /// Made once: every reader gets the same object.
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

/// A leg's connection told something.
#[pyclass(frozen, get_all)]
pub(crate) struct StreamNews {
    leg: u32,
    kind: &'static str,
    digit: String,
    at: u64,
}

#[pymethods]
impl StreamNews {
    fn __repr__(&self) -> String {
        format!(
            "<StreamNews leg={} kind={} digit={} at={}>",
            self.leg, self.kind, self.digit, self.at
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
            let pcm = PyBytes::new(py, &frame.pcm).unbind();
            let frame = Frame {
                leg,
                life,
                start: frame.start,
                captured: frame.captured,
                ready,
                peak: frame.peak,
                rms: frame.rms,
                speech: frame.speech,
                echo: frame.echo,
                filled: frame.filled,
                pcm,
            };
            return Ok(Bound::new(py, frame)?.into_any());
        }
        Item::Playout { leg, event, at } => {
            let (utterance, kind, unplayed) = match event {
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
                old: told(old),
                new: told(new),
                at,
            };
            return Ok(Bound::new(py, change)?.into_any());
        }
        Item::Stream { leg, event, at } => {
            let (kind, digit) = match event {
                StreamEvent::Digit(digit) => ("digit", char::from(digit).to_string()),
                StreamEvent::Ended => ("ended", String::new()),
            };
            let news = StreamNews {
                leg,
                kind,
                digit,
                at,
            };
            return Ok(Bound::new(py, news)?.into_any());
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
