//! Pagination: how a slice advances from page to page, and when it ends.
