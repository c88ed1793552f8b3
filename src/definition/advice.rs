//! What is worth knowing about a source that is not wrong: when its offers are closed. `check` tells it, nothing else does.
use super::Definitions;
use super::source::{NotSeen, Source};
use crate::finding::{Finding, Level};
use crate::paginate::Pagination;

/// Notes on the sources that pipelines use.
pub fn notes(definitions: &Definitions) -> Vec<Finding> {
    let pipelines = &definitions.pipelines.pipelines;
    let used =
        |name: &str| pipelines.iter().any(|pipeline| pipeline.sources.iter().any(|used| used.source.as_str() == name));
    let sources = definitions.sources.iter().filter(|(name, _)| used(name));
    sources.filter_map(|(name, source)| closing(definitions, name, source)).collect()
}

fn closing(definitions: &Definitions, name: &str, source: &Source) -> Option<Finding> {
    let note = |trail: &[&str], message: &str, hint: &str| {
        let place = definitions.place(&Definitions::source_path(name), trail);
        Finding { level: Level::Note, ..Finding::warning("closing", place, message) }.hint(hint)
    };
    let Some(expire) = &source.expire else {
        let message = "without `expire` no offer of this source is closed when the site no longer shows it";
        return Some(note(
            &["source"],
            message,
            "for example `expire: {not_seen: 2 sweeps}`, or `30d` for a site that shows only its newest",
        ));
    };
    let paged = !matches!(source.pages, Pagination::Single(_));
    let once = paged && expire.not_seen == NotSeen::Sweeps(1) && source.pages.total().is_none();
    once.then(|| {
        let message =
            "one sweep of a list without `total` closes an offer that slips from one page to another while it is read";
        note(&["expire", "not_seen"], message, "write `2 sweeps`, or name the site's `total` under `pages`")
    })
}
