//! What the events add up to: the state of everything, at a glance.
