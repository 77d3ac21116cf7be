//! Which state components signal frames of the program have.

use reenact_interpose::extended_state::{self, Components};

use crate::cpuid;

/// The state components of this process.
pub fn components() -> Components {
    extended_state::components(cpuid::ask)
}
