//! Sinks that can be searched.
