//! `Engine`: arguments in, detach, call, error out.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::BorrowedFd;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use translink_core::audiosocket;
use translink_core::curve::Curve;
use translink_core::leg::LegConfig;
use translink_core::line::Transport;
use translink_core::mix::Original;
use translink_core::rtp::format::{Format, Formats};
use translink_core::volume::Gain;
use translink_core::websocket::Dialect;
use translink_engine::{Engine as Media, Lane, LegPorts, Policy, Protocol};

use crate::errors::{engine_error, os_error};
use crate::items::object;
use crate::source::{Source, pinned_if, policy, shown};

pub(crate) type Address = (String, u16);

/// The media thread.
#[pyclass(frozen)]
pub(crate) struct Engine(Media);

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, mailbox = 8192, threads = 1))]
    fn new(mailbox: usize, threads: usize) -> PyResult<Self> {
        if !(16..=1 << 20).contains(&mailbox) {
            return Err(refused("mailbox must be 16..=1048576", mailbox));
        }
        if !(1..=MAX_THREADS).contains(&threads) {
            return Err(refused(
                &format!("threads must be 1..={MAX_THREADS}"),
                threads,
            ));
        }
        let started = Media::with_threads(mailbox, threads);
        started.map(Self).map_err(engine_error)
    }

    #[expect(
        clippy::too_many_arguments,
        clippy::needless_pass_by_value,
        reason = "keywords in Python, extracted for us alone"
    )]
    #[pyo3(signature = (
        *, listen = None, shared = None, play_to = None, send_from_listen = false, source = None, ledger_seconds = 60.0,
        prebuffer_ms = None, tail_ms = None, receive_buffer = 4_194_304, playout_seconds = 60.0,
        continuous = None, tempo = None, echo_guard = false, transport = "raw", format = "slin16",
        reply = None, rate = 16_000, token = None, pinned = false,
    ))]
    fn add_leg(
        &self,
        py: Python<'_>,
        listen: Option<Address>,
        shared: Option<u32>,
        play_to: Option<Address>,
        send_from_listen: bool,
        source: Option<Source>,
        ledger_seconds: f64,
        prebuffer_ms: Option<u64>,
        tail_ms: Option<u64>,
        receive_buffer: usize,
        playout_seconds: f64,
        continuous: Option<bool>,
        tempo: Option<Vec<(f64, f64)>>,
        echo_guard: bool,
        transport: &str,
        format: &str,
        reply: Option<&str>,
        rate: u32,
        token: Option<&[u8]>,
        pinned: bool,
    ) -> PyResult<u32> {
        check_buffer(receive_buffer)?;
        if prebuffer_ms > Some(10_000) || tail_ms > Some(60_000) {
            return Err(PyValueError::new_err(
                "prebuffer_ms must be 10000 at most, tail_ms 60000 at most",
            ));
        }
        if listen.is_some() == shared.is_some() {
            return Err(PyValueError::new_err(
                "a leg needs listen, or shared, and not both",
            ));
        }
        let transport = wire(transport, format, reply, rate)?;
        let is_rtp = matches!(transport, Transport::Rtp(_));
        let one_socket = !matches!(transport, Transport::Raw { .. });
        let usual = LegConfig::default();
        let config = LegConfig {
            transport,
            seed: RandomState::new().build_hasher().finish(),
            prebuffer: prebuffer_ms.map_or(usual.prebuffer, |ms| ms * 1_000_000),
            tail: tail_ms.map_or(usual.tail, |ms| ms * 1_000_000),
            playout_capacity: samples("playout_seconds", playout_seconds)? * 2,
            continuous: continuous.unwrap_or(is_rtp),
            tempo: curve(&tempo.unwrap_or_default())?,
            echo_guard,
        };
        let ledger_samples = samples("ledger_seconds", ledger_seconds)?;
        let source = match token {
            Some(token) => shown(token, source.is_some() || pinned)?,
            None => pinned_if(pinned, source.map_or(Ok(Policy::First), policy)?)?,
        };
        py.detach(|| {
            let ports = LegPorts {
                listen: listen.as_ref().map_or(Ok(NOWHERE), resolve)?,
                shared,
                play_to: play_to.as_ref().map(resolve).transpose()?,
                send_from_listen: send_from_listen || one_socket,
                receive_buffer,
                source,
                ledger_samples,
                config,
            };
            self.0.add_leg(&ports).map_err(engine_error)
        })
    }

    #[pyo3(signature = (*, listen, receive_buffer = 4_194_304))]
    #[expect(clippy::needless_pass_by_value, reason = "extracted for us alone")]
    fn share(&self, py: Python<'_>, listen: Address, receive_buffer: usize) -> PyResult<u32> {
        check_buffer(receive_buffer)?;
        py.detach(|| {
            let listen = resolve(&listen)?;
            self.0.share(listen, receive_buffer).map_err(engine_error)
        })
    }

    fn port_address(&self, port: u32) -> PyResult<Address> {
        self.0.port_address(port).map(plain).map_err(engine_error)
    }

    fn port_counters<'py>(&self, py: Python<'py>, port: u32) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.0.port_counters(port).map_err(engine_error)?.fields() {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }

    fn port_stranger(&self, port: u32) -> PyResult<Option<Address>> {
        let stranger = self.0.port_stranger(port).map_err(engine_error)?;
        Ok(stranger.map(plain))
    }

    fn local_address(&self, leg: u32) -> PyResult<Address> {
        let address = self.0.local_address(leg).map_err(engine_error)?;
        Ok(plain(address))
    }

    fn remove_leg(&self, py: Python<'_>, leg: u32) -> PyResult<()> {
        py.detach(|| self.0.remove_leg(leg)).map_err(engine_error)
    }

    fn reset_leg(&self, leg: u32) -> PyResult<u32> {
        self.0.reset_leg(leg).map_err(engine_error)
    }

    fn detach_leg(&self, leg: u32) -> PyResult<u32> {
        self.0.detach_leg(leg).map_err(engine_error)
    }

    fn forget(&self, leg: u32, before: u64) -> PyResult<()> {
        self.0.forget(leg, before).map_err(engine_error)
    }

    #[expect(unsafe_code, reason = "Python's descriptors are numbers")]
    #[pyo3(signature = (leg, descriptor, rate = 8_000, dialect = None))]
    fn attach(&self, leg: u32, descriptor: i32, rate: u32, dialect: Option<&str>) -> PyResult<u32> {
        let protocol = match dialect {
            Some(name) => Protocol::WebSocket(
                Dialect::named(name)
                    .ok_or_else(|| refused("dialect must be asterisk, twilio or browser", name))?,
            ),
            None if audiosocket::has_rate(rate) => Protocol::AudioSocket { rate },
            None => return Err(refused("rate must be one of AudioSocket's", rate)),
        };
        if descriptor < 0 {
            return Err(refused("descriptor must not be negative", descriptor));
        }
        // SAFETY: borrowed for this call alone, in which the caller keeps it open; a number that is no
        // descriptor makes the copying fail.
        let connection = unsafe { BorrowedFd::borrow_raw(descriptor) };
        self.0
            .attach(leg, connection, protocol)
            .map_err(engine_error)
    }

    fn say(&self, leg: u32, text: &str) -> PyResult<()> {
        self.0.say(leg, text).map_err(engine_error)
    }

    fn hang_up(&self, leg: u32) -> PyResult<()> {
        self.0.hang_up(leg).map_err(engine_error)
    }

    #[pyo3(signature = (leg, utterance, pcm, last = false))]
    fn play(&self, leg: u32, utterance: u64, pcm: &[u8], last: bool) -> PyResult<usize> {
        self.0.play(leg, utterance, pcm, last).map_err(engine_error)
    }

    fn flush(&self, leg: u32) -> PyResult<()> {
        self.0.flush(leg).map_err(engine_error)
    }

    #[pyo3(signature = (leg, start, end, *, without_echo = false))]
    fn history<'py>(
        &self,
        py: Python<'py>,
        leg: u32,
        start: u64,
        end: u64,
        without_echo: bool,
    ) -> PyResult<(u64, Bound<'py, PyBytes>)> {
        let read = py.detach(|| {
            if without_echo {
                self.0.history_without_echo(leg, start, end)
            } else {
                self.0.history(leg, start, end)
            }
        });
        audio(py, read.map_err(engine_error)?)
    }

    fn set_source(&self, leg: u32, source: Source) -> PyResult<()> {
        self.0
            .set_source(leg, policy(source)?)
            .map_err(engine_error)
    }

    fn source(&self, leg: u32) -> PyResult<Option<Address>> {
        Ok(self.0.source(leg).map_err(engine_error)?.map(plain))
    }

    fn stranger(&self, leg: u32) -> PyResult<Option<Address>> {
        Ok(self.0.stranger(leg).map_err(engine_error)?.map(plain))
    }

    fn set_volume(&self, leg: u32, factor: f64) -> PyResult<()> {
        let gain = Gain::new(factor).ok_or_else(|| refused("volume must be 0..=2", factor))?;
        self.0.set_volume(leg, gain).map_err(engine_error)
    }

    #[expect(clippy::needless_pass_by_value, reason = "extracted for us alone")]
    fn set_tempo(&self, leg: u32, tempo: Vec<(f64, f64)>) -> PyResult<()> {
        self.0.set_tempo(leg, curve(&tempo)?).map_err(engine_error)
    }

    fn hear(&self, leg: u32, other: Option<u32>) -> PyResult<()> {
        self.0.hear(leg, other).map_err(engine_error)
    }

    fn set_original(&self, leg: u32, original: &str) -> PyResult<()> {
        let original = match original {
            "replace" => Original::Replace,
            "duck" => Original::Duck,
            "consecutive" => Original::Consecutive,
            "captions" => Original::Captions,
            "through" => Original::Through,
            other => {
                let rule = "original must be replace, duck, consecutive, captions or through";
                return Err(refused(rule, other));
            }
        };
        self.0.set_original(leg, original).map_err(engine_error)
    }

    fn set_echo_guard(&self, leg: u32, on: bool) -> PyResult<()> {
        self.0.set_echo_guard(leg, on).map_err(engine_error)
    }

    #[expect(clippy::needless_pass_by_value, reason = "extracted for us alone")]
    fn set_play_to(&self, py: Python<'_>, leg: u32, play_to: Option<Address>) -> PyResult<()> {
        py.detach(|| {
            let ear = play_to.as_ref().map(resolve).transpose()?;
            self.0.set_play_to(leg, ear).map_err(engine_error)
        })
    }

    fn set_muted(&self, leg: u32, muted: bool) -> PyResult<()> {
        self.0.set_muted(leg, muted).map_err(engine_error)
    }

    #[pyo3(signature = (leg, lane, from_index = 0))]
    fn envelope<'py>(
        &self,
        py: Python<'py>,
        leg: u32,
        lane: &str,
        from_index: u64,
    ) -> PyResult<(u64, Bound<'py, PyBytes>)> {
        let lane = match lane {
            "said" => Lane::Said,
            "heard" => Lane::Heard,
            other => return Err(refused("lane must be said or heard", other)),
        };
        let read = self.0.envelope(leg, lane, from_index);
        let (first, pairs) = read.map_err(engine_error)?;
        Ok((first, PyBytes::new(py, &pairs)))
    }

    fn tap(&self, leg: u32, on: bool) -> PyResult<()> {
        self.0.tap(leg, on).map_err(engine_error)
    }

    fn heard<'py>(
        &self,
        py: Python<'py>,
        leg: u32,
        start: u64,
        end: u64,
    ) -> PyResult<(u64, Bound<'py, PyBytes>)> {
        let read = py.detach(|| self.0.heard(leg, start, end));
        audio(py, read.map_err(engine_error)?)
    }

    const fn fileno(&self) -> i32 {
        self.0.descriptor()
    }

    #[pyo3(signature = (limit = 256))]
    fn drain<'py>(&self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let mut failure = None;
        let take = |item| {
            if let Err(error) = object(py, item).and_then(|object| list.append(object)) {
                failure = Some(error);
            }
        };
        self.0.drain(limit, take).map_err(engine_error)?;
        failure.map_or(Ok(list), Err)
    }

    fn counters<'py>(&self, py: Python<'py>, leg: u32) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.0.counters(leg).map_err(engine_error)?.fields() {
            dict.set_item(name, value)?;
        }
        Ok(dict)
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }
}

/// More than any machine has a use for; each has 2 MiB of its own.
const MAX_THREADS: usize = 64;

/// The address of a leg that has none of its own.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

fn check_buffer(bytes: usize) -> PyResult<()> {
    if (1 << 12..=1 << 30).contains(&bytes) {
        return Ok(());
    }
    let rule = "receive_buffer must be 4096..=1073741824";
    Err(refused(rule, bytes))
}

/// Audio is large: where it does not fit the memory, `MemoryError`.
fn audio(py: Python<'_>, (first, audio): (u64, Vec<u8>)) -> PyResult<(u64, Bound<'_, PyBytes>)> {
    let copy = |bytes: &mut [u8]| {
        bytes.copy_from_slice(&audio);
        Ok(())
    };
    Ok((first, PyBytes::new_with(py, audio.len(), copy)?))
}

pub(crate) fn plain(address: SocketAddr) -> Address {
    (address.ip().to_canonical().to_string(), address.port())
}

fn wire(transport: &str, format: &str, reply: Option<&str>, rate: u32) -> PyResult<Transport> {
    let known = |name: &str| {
        let rule = "format and reply must be slin16, slin, alaw, ulaw or g722";
        Format::named(name).ok_or_else(|| refused(rule, name))
    };
    let says = reply.map(known).transpose()?;
    if says.is_some_and(|says| says.answer() != says) {
        let rule = "reply must have a static payload type";
        return Err(refused(rule, reply.unwrap_or_default()));
    }
    let hears = known(format)?;
    let narrow = match rate {
        16_000 => false,
        8_000 => true,
        other => return Err(refused("rate must be 8000 or 16000", other)),
    };
    let formats = Formats { hears, says };
    match transport {
        "raw" => Ok(Transport::Raw { narrow }),
        "rtp" | "auto" if narrow => Err(refused("RTP says its own rate: rate must be 16000", rate)),
        "rtp" => Ok(Transport::Rtp(formats)),
        "auto" => Ok(Transport::Auto(formats)),
        other => Err(refused("transport must be raw, rtp or auto", other)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
fn curve(points: &[(f64, f64)]) -> PyResult<Curve> {
    let rule =
        "tempo must be up to 4 pairs (seconds behind, factor), both rising, factors from 1 to 2";
    let known = |&(behind, factor): &(f64, f64)| {
        ((0.0..=3600.0).contains(&behind) && (1.0..=2.0).contains(&factor))
            .then(|| ((behind * 1e9) as u64, (factor * 1e3).round() as u32))
    };
    let whole: Option<Vec<_>> = points.iter().map(known).collect();
    whole
        .and_then(|whole| Curve::new(&whole))
        .ok_or_else(|| refused(rule, format!("{points:?}")))
}

fn resolve(address: &Address) -> PyResult<SocketAddr> {
    let (host, port) = address;
    let found = (host.as_str(), *port).to_socket_addrs();
    let mut found = found.map_err(|error| os_error(&error, format!("{host}:{port}: {error}")))?;
    let none = || PyValueError::new_err(format!("{host}:{port} has no address"));
    found.next().ok_or_else(none)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
fn samples(name: &str, seconds: f64) -> PyResult<usize> {
    if !(0.0..=3600.0).contains(&seconds) {
        return Err(refused(&format!("{name} must be 0..=3600"), seconds));
    }
    Ok((seconds * 16_000.0) as usize)
}

pub(crate) fn refused(rule: &str, value: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(format!("{rule}, not {value}"))
}
