//! One run of one plan: slices, pages, commits.
