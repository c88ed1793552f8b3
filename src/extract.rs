//! From a decoded page to records, and from a record to an offer, a reject or nothing.
