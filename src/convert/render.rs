//! Templates rendered: one static environment in which every conversion is a filter.
