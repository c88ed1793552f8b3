//! Conversions: one value in, one value out, used as `$.x | date` in a mapping and `${record.x | date}` in a template.
