//! The raw pages as received, kept in WARC segments.
