//! What an ear hears beside the speech that is queued for it, how fast, and what comes back.

use translink_core::curve::Curve;
use translink_core::mix::Original;

use crate::command::Command;
use crate::engine::Engine;
use crate::error::Error;

impl Engine {
    /// How fast the ear is spoken to when it is behind; stays when a call ends.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn set_tempo(&self, leg: u32, curve: Curve) -> Result<(), Error> {
        self.tell(&self.living(leg)?, Command::Tempo { leg, curve })
    }

    /// Whose own voice the ear may hear, as [`Engine::set_original`] says; None: nobody's. A talker
    /// is heard by one ear at most, the newest that was asked to. Stays until one of them is removed.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn hear(&self, leg: u32, other: Option<u32>) -> Result<(), Error> {
        let shared = self.living(leg)?;
        if let Some(other) = other {
            self.bring_together(&shared, &self.living(other)?)?;
        }
        self.tell(&shared, Command::Hear { leg, other })
    }

    /// What the ear hears of the talker named by [`Engine::hear`]; stays when a call ends.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn set_original(&self, leg: u32, original: Original) -> Result<(), Error> {
        self.tell(&self.living(leg)?, Command::Original { leg, original })
    }

    /// Whether frames that are the echo of what the ear is sent are marked; stays when a call ends.
    ///
    /// # Errors
    /// [`Error::NoLeg`], [`Error::Dead`], [`Error::Busy`].
    pub fn set_echo_guard(&self, leg: u32, on: bool) -> Result<(), Error> {
        self.tell(&self.living(leg)?, Command::EchoGuard { leg, on })
    }
}
