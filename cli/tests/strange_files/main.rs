//! Files, folders and arguments as nobody should give them: each is refused with words, soon, and with little memory.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod arguments;
mod definitions;
mod data;
mod giants;
mod play;
mod reading;
mod site;
