//! Where offers go.
