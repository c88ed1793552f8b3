//! The network: requests out, pages in, with deadlines, retries, rates and tokens.
