//! Files on disk: reading definitions, appending with group sync, writing whole files.
