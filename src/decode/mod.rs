//! Decoding: from the bytes of a page to values.
