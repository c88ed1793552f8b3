//! The small types that parse themselves out of a text of a file: paths, templates, expressions, durations.
pub mod fault;

pub use fault::Fault;
