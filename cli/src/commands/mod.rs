//! The commands, one file each.
pub mod backup;
pub mod check;
pub mod demo;
pub mod export;
pub mod explain;
pub mod look;
pub mod one;
pub mod plans;
pub mod quarantine;
pub mod retention;
pub mod run;
pub mod search;
pub mod status;
pub mod why;
pub mod verify;
