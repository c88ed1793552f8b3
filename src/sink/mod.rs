//! Where offers go beside the store.
pub mod files;
