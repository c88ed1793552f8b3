//! Where offers go beside the store.
pub mod batch;
pub mod files;
