//! The closed query type that every store compiles.
