//! What people see of the events: log lines and summaries.
use crate::board::Row;
use crate::event::{Counts, Event, EventKind, Outcome, SliceEnd};
use crate::offer::instant;
use crate::printable::printable;

/// One fact as a log line; `None` for what is too frequent to be read.
pub fn line(event: &Event) -> Option<String> {
    let said = match &event.kind {
        EventKind::RunStarted { kind, now, resumed } => {
            let verb = if *resumed { "goes on" } else { "begins" };
            format!("run {} {verb}: {} as of {}", event.run, word(kind), instant(*now))
        }
        EventKind::SliceStarted { .. } | EventKind::PageCommitted { .. } => return None,
        EventKind::TotalAnnounced { slice, total } => format!("slice {slice}: {total} records announced"),
        EventKind::NoTotal { slice, found } => format!("slice {slice}: no total: {found}"),
        EventKind::Retried { attempt, wait, why } => format!("{why}: attempt {attempt} in {wait:.1} s"),
        EventKind::TokenRenewed => "token renewed".to_owned(),
        EventKind::Waiting { wait, why } => format!("waits {wait:.0} s for its {why}"),
        EventKind::SliceEnded { slice, end, total, keys } => {
            let of = total.map_or(String::new(), |total| format!(" of {total} announced"));
            match end {
                SliceEnd::Complete(rule) => format!("slice {slice}: complete, {keys} records{of} ({rule})"),
                SliceEnd::Split => format!("slice {slice}: {} records announced, halved", total.unwrap_or(0)),
                SliceEnd::Partial(why) => format!("slice {slice}: partial, {keys} records{of}: {why}"),
                SliceEnd::Failed(why) => format!("slice {slice}: failed: {why}"),
                SliceEnd::Skipped(why) => format!("slice {slice}: skipped: {why}"),
            }
        }
        EventKind::OffersClosed { count, reason } => format!("{count} offers closed: {}", reason.word()),
        EventKind::ClosingsHeld(held) => format!("warning: held: {}", held.text(&event.source)),
        EventKind::Alerted(alert) => format!("warning: {}; {}", alert.text(), alert.advice(&event.source)),
        EventKind::StoreAway { why, .. } if event.run == 0 => {
            format!("warning: {why}; the run begins when it is there")
        }
        EventKind::StoreAway { why, offers: 0 } => format!("warning: {why}; the run waits, nothing is lost"),
        EventKind::StoreAway { why, offers } => format!("warning: {why}; {offers} offers wait, nothing is lost"),
        EventKind::StoreBack { seconds } => format!("the store is back after {seconds:.1} s, the run goes on"),
        EventKind::StoreCopied { offers, of } => {
            format!("another schema: {offers} of {of} stored offers are in the new index")
        }
        EventKind::Warned { message } => format!("warning: {message}"),
        EventKind::RunEnded { outcome, cause, counts, seconds } => {
            let cause = cause.as_ref().map_or(String::new(), |cause| format!(" ({cause})"));
            format!("run {} {}{cause}: {} in {seconds:.1} s", event.run, word(outcome), numbers(counts))
        }
    };
    Some(format!("{} {:<14} {}", instant(event.at), event.source, printable(&said)))
}

fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default().trim_matches('"').to_owned()
}

/// The six outcomes, as an equation.
pub fn numbers(counts: &Counts) -> String {
    format!(
        "{} fetched = {} indexed ({} new) + {} unchanged + {} superseded + {} rejected + {} filtered + {} duplicate",
        counts.fetched,
        counts.indexed,
        counts.new,
        counts.unchanged,
        counts.superseded,
        counts.rejected,
        counts.filtered,
        counts.duplicate
    )
}

/// The summary of a run, for a person.
pub fn summary(source: &str, row: &Row) -> String {
    let outcome = row.outcome.as_ref().map_or("unfinished".to_owned(), word::<Outcome>);
    let cause = row.cause.as_ref().map_or(String::new(), |cause| format!(": {}", printable(cause)));
    let mut out = format!("{source}: run {} {outcome}{cause}\n  {}\n", row.run, numbers(&row.counts));
    let (megabytes, rate) = (row.bytes as f64 / 1e6, row.records as f64 / row.seconds.max(0.001));
    // The line above counts the whole run, this one what came since it went on.
    let since = if row.resumed { "resumed; since then " } else { "" };
    out += &format!(
        "  {since}{} pages, {megabytes:.1} MB, {:.1} s, {rate:.0} records/s; {} slices complete, {} halved, {} others; {} retries, {} token renewals\n",
        row.pages,
        row.seconds,
        row.complete,
        row.split,
        row.others.len(),
        row.retries,
        row.renewals
    );
    if !row.closed.is_empty() {
        let closed: Vec<String> = row.closed.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        out += &format!("  closed: {}\n", closed.join(", "));
    }
    if let Some(held) = &row.held {
        out += &format!("  held: {}\n", printable(&held.text(source)));
    }
    if row.waited > 0.0 {
        out += &format!("  waited {:.1} s for the store\n", row.waited);
    }
    if let Some((offers, of)) = row.copied {
        out += &format!("  another schema: {offers} of {of} stored offers are in the new index\n");
    }
    for (reject, count) in &row.rejects {
        out += &format!("  rejected {count}: {}\n", printable(reject));
    }
    let mut flaws: Vec<(&String, &u64)> = row.flaws.iter().collect();
    flaws.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (flaw, count) in flaws.iter().take(8) {
        out += &format!("  flaw {count}×: {}\n", printable(flaw));
    }
    if flaws.len() > 8 {
        out += &format!("  and {} more kinds of flaw\n", flaws.len() - 8);
    }
    for alert in &row.alerts {
        out += &format!("  warning: {}; {}\n", printable(&alert.text()), alert.advice(source));
    }
    for warning in &row.warnings {
        out += &format!("  warning: {}\n", printable(warning));
    }
    out
}
