//! Whose datagrams a leg hears, as Python says it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use translink_engine::{Listed, MAX_PEERS, Pass, Peer, Policy, TOKEN_LENGTH, Token};

use crate::engine::refused;

/// Whom to hear: `first`, `any`, `nobody` or an address; or several addresses.
#[derive(FromPyObject)]
pub(crate) enum Source {
    One(String),
    Several(Vec<String>),
}

pub(crate) fn policy(source: Source) -> PyResult<Policy> {
    let several = match source {
        Source::One(word) if word == "first" => return Ok(Policy::First),
        Source::One(word) if word == "any" => return Ok(Policy::Any),
        Source::One(word) if word == "nobody" => return Ok(Policy::Nobody),
        Source::One(address) => vec![address],
        Source::Several(addresses) => addresses,
    };
    let peer = |text: &String| {
        let rule = "source must be first, any, nobody, or IP addresses with or without :port";
        text.parse::<Peer>().map_err(|_| refused(rule, text))
    };
    let count = several.len();
    let peers: PyResult<Vec<Peer>> = several.iter().map(peer).collect();
    let listed = Listed::new(peers?);
    let rule = format!("source must name 1..={MAX_PEERS} addresses");
    listed
        .map(Policy::Listed)
        .ok_or_else(|| refused(&rule, count))
}

/// The first sender that says a token; nothing else may be said of the source then.
pub(crate) fn shown(token: &[u8], more: bool) -> PyResult<Policy> {
    if more {
        let rule = "token stands in place of source and pinned";
        return Err(PyValueError::new_err(rule));
    }
    let token = Token::new(token).map(|token| Policy::Shown(Pass::Token(token)));
    token.ok_or_else(|| PyValueError::new_err(format!("token must be {TOKEN_LENGTH} bytes")))
}

/// Of these senders, the first that comes.
pub(crate) fn pinned_if(pinned: bool, source: Policy) -> PyResult<Policy> {
    match source {
        Policy::Listed(listed) if pinned => Ok(Policy::Shown(Pass::Hosts(listed))),
        _ if pinned => Err(PyValueError::new_err(
            "pinned needs a source that lists hosts",
        )),
        source => Ok(source),
    }
}
