//! Decodes zstd frames (RFC 8878) into memory of the caller's, which is also the window: nothing is copied out of a buffer, and
//! nothing has to be cleared before.
//!
//! Design constraints:
//! * `no_std + alloc`, pure, no `unsafe`: the frame may be somebody else's.
//! * No input makes it panic, or take more memory than a block's literals; damage is an [`Error`].
//! * Tables are kept from one frame to the next: most frames of a short process are small.
//!
//! Not supported: dictionaries, and the checksum of the content, which is passed over: chunks have their own.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod backward_bits;
mod error;
mod frame;
mod fse;
mod huffman;
mod literals;
mod sequence_codes;
mod sequences;

pub use error::Error;
pub use frame::Decoder;
