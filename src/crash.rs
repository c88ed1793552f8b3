//! Named points between the steps of a page's life where a test may end the process: the fault harness's only hook.
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// `JOBMARKET_CRASH=POINT:N`: the process ends at once when it comes to POINT for the N-th time. Unset: nothing happens.
static ORDERED: LazyLock<Option<(String, AtomicU32)>> = LazyLock::new(|| {
    let text = std::env::var("JOBMARKET_CRASH").ok()?;
    let (point, times) = text.split_once(':').unwrap_or((&text, "1"));
    Some((point.to_owned(), AtomicU32::new(times.parse().ok()?)))
});

/// All points, in the order in which a page comes to them.
pub const POINTS: [&str; 9] =
    ["fetched", "archived", "mapped", "admitted", "logged", "in_transaction", "committed", "slice_ended", "indexed"];

/// Between the steps of writing to a store outside.
pub const OUTSIDE: [&str; 3] = ["claimed", "intended", "written"];

/// While the documents of another schema's index are copied.
pub const REBUILD: [&str; 2] = ["copied", "swapped"];

/// Between the steps of rewriting the archive.
pub const RETENTION: [&str; 2] = ["rewritten", "forgotten"];

/// Comes to a point. No destructor runs when the process ends here, as with `SIGKILL`.
pub fn point(name: &str) {
    debug_assert!([&POINTS[..], &OUTSIDE, &REBUILD, &RETENTION].concat().contains(&name), "{name}");
    if let Some((point, left)) = &*ORDERED
        && point == name
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        std::process::abort();
    }
}
