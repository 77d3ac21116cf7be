//! From a row, the arguments and the result to the bytes the kernel wrote.

mod before;
mod commands;
mod extent;
mod rules;
mod saved;
mod vectors;

pub use before::Before;
pub use extent::{extents, Extent, MOST_EXTENTS};
