//! Runs guest code natively and through the translator, in this process.
#![allow(dead_code, clippy::undocumented_unsafe_blocks)]

pub mod check;
pub mod fuzz;
pub mod generate;
pub mod machine;
pub mod native;
pub mod random;
pub mod watched;
