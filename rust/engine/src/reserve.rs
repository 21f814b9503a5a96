//! Memory that is asked for before it is taken: a leg too many is refused, and ends no other call.

use std::collections::TryReserveError;

use translink_core::ledger::Ledger;
use translink_core::leg::Leg;

use crate::newcomer::Newcomer;
use crate::ports::LegPorts;

/// What of a leg is large: its logic and its ledger. A leg is refused when little else would be left:
/// what is small is allocated without asking, here and in the rest of the process, and where that
/// fails, the process ends with all its calls.
pub(crate) fn make(ports: &LegPorts) -> Result<(Leg, Ledger, Newcomer), TryReserveError> {
    let leg = Leg::new(ports.config.clone())?;
    let ledger = Ledger::new(ports.ledger_samples)?;
    let newcomer = Newcomer::new()?;
    Vec::<u8>::new().try_reserve_exact(HEADROOM)?;
    Ok((leg, ledger, newcomer))
}

/// Memory that must be left after a leg was made, in bytes.
const HEADROOM: usize = 8 << 20;

/// A copy of its own for the media thread.
pub(crate) fn boxed(pcm: &[u8]) -> Result<Box<[u8]>, TryReserveError> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(pcm.len())?;
    copy.extend_from_slice(pcm);
    Ok(copy.into_boxed_slice())
}
