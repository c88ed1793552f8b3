//! JobMarket: a declarative dataflow engine for job sites. A site is a YAML file; this library reads it, runs it and
//! keeps what it brings.
//!
//! The modules in reading order. A module imports its own folder, lower layers, and modules above it in its own layer;
//! `tests/house.rs` holds that.

// Words: data that parses and prints itself.
pub mod tree;
pub mod bounds;
pub mod printable;
pub mod redact;
pub mod scalar;
pub mod schema;
pub mod offer;
pub mod document;
pub mod search;
pub mod exchange;
pub mod position;
pub mod event;
pub mod finding;

// Rules: pure, synchronous, one file per member, no state between calls.
pub mod convert;
pub mod auth;
pub mod paginate;
pub mod decode;
pub mod step;

// Core: text and values in, values and findings out.
pub mod definition;
pub mod plan;
pub mod extract;
pub mod board;

// Edges: each wraps one thing of the outside world, so clock, files and threads are allowed from here on.
#[allow(clippy::disallowed_methods)]
pub mod crash;
#[allow(clippy::disallowed_methods)]
pub mod files;
#[allow(clippy::disallowed_methods)]
pub mod fetch;
#[allow(clippy::disallowed_methods)]
pub mod archive;
#[allow(clippy::disallowed_methods)]
pub mod state;
#[allow(clippy::disallowed_methods)]
pub mod sink;
#[allow(clippy::disallowed_methods)]
pub mod store;

// Engine.
#[allow(clippy::disallowed_methods)]
pub mod run;

// Upkeep: what keeps a data directory small, safe and true, beside runs.
#[allow(clippy::disallowed_methods)]
pub mod retention;
#[allow(clippy::disallowed_methods)]
pub mod backup;
#[allow(clippy::disallowed_methods)]
pub mod verify;

// Shell: what people see.
pub mod report;
