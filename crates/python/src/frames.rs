//! Frames of zstd: what packs are made of.

use std::io;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Most bytes in a frame.
const MOST: usize = 64 << 20;

fn damaged(_: io::Error) -> PyErr {
    PyValueError::new_err("a frame is damaged")
}

/// Compress bytes into a frame of their own, with a checksum; without the GIL.
#[pyfunction]
pub fn compress_frame<'py>(
    py: Python<'py>,
    content: &[u8],
    level: i32,
) -> PyResult<Bound<'py, PyBytes>> {
    let frame = py.detach(|| {
        let mut compressor = zstd::bulk::Compressor::new(level)?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
        compressor.compress(content)
    });
    let frame = frame.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(PyBytes::new(py, &frame))
}

/// The content of a frame, which has just so many bytes; without the GIL.
///
/// Raises `ValueError` for any other frame, and for what is none.
#[pyfunction]
pub fn decompress_frame<'py>(
    py: Python<'py>,
    frame: &[u8],
    size: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    if size > MOST {
        return Err(PyValueError::new_err("a frame is too large"));
    }
    let content = py.detach(|| zstd::bulk::decompress(frame, size));
    let content = content.map_err(damaged)?;
    if content.len() != size {
        return Err(PyValueError::new_err("a frame is of another size"));
    }
    Ok(PyBytes::new(py, &content))
}
