//! Memory that is asked for before it is taken: a leg too many is refused, and ends no other call.

use std::collections::TryReserveError;
use std::hint::black_box;

use translink_core::ledger::Ledger;
use translink_core::leg::Leg;

use crate::newcomer::Newcomer;
use crate::ports::LegPorts;

/// What of a leg is large: its logic and its ledger. A leg is refused when little else would be left:
/// what is small is allocated without asking, here and in the rest of the process, and where that
/// fails, the process ends with all its calls.
pub(crate) fn make(ports: &LegPorts) -> Result<(Leg, Ledger, Newcomer), TryReserveError> {
    leave_room()?;
    let leg = Leg::new(ports.config.clone())?;
    let ledger = Ledger::new(ports.ledger_samples)?;
    let newcomer = Newcomer::new()?;
    leave_room()?;
    Ok((leg, ledger, newcomer))
}

/// Whether enough is left. Asked for before anything is made, too: a leg has small parts that do not ask.
fn leave_room() -> Result<(), TryReserveError> {
    let mut room = Vec::<u8>::new();
    room.try_reserve_exact(HEADROOM)?;
    // Else the compiler leaves out what nobody uses, and the question with it.
    black_box(room);
    Ok(())
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
