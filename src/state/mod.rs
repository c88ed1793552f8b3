//! The state of a data directory: one SQLite file, one writing thread, one transaction a page.
pub mod words;
