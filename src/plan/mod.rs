//! Plans: definitions compiled into something that cannot be wrong any more.
