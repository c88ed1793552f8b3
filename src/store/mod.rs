//! Sinks that can be searched.
pub mod local;
