//! Definitions: what the user wrote, read with places; every fault a finding.
