//! Steps: offer in, offer out, or kept aside.
