//! Secrets leave by no door, and text of a stranger is shown, not obeyed: a site and a store that repeat our credential in
//! every way, and hostile strings in every output.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod echo;
mod literal;
mod play;
mod resume;
mod secrets;
mod signs;
mod spelt;
mod store;
