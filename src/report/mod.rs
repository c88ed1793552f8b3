//! What people see of the events: log lines, progress bars, summaries.
