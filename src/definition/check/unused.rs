//! What is declared and used by no request: the same request would be made again and again.
use super::Report;
use super::requests::with;
use super::sources::NAMES;
use crate::definition::partition::{Partition, PartitionChoice};
use crate::definition::request::Request;
use crate::definition::source::Source;
use crate::paginate::Pagination;
use crate::scalar::Template;

/// Checks that what a source varies is asked for.
pub(super) fn unused(source: &Source, path: &str, report: &mut Report<'_, '_>) {
    pages(&source.pages, &source.request, path, &["pages"], report);
    // Too many are told as one, and are not looked at one by one.
    let names = source.partitions.iter().take(NAMES);
    for (name, partition) in names {
        if let Some(call) = parent(partition) {
            pages(&call.pages, &call.request, path, &["for", name, "call", "pages"], report);
        }
        if !is_asked(source, name) {
            let message = format!("`for.{name}` is used by no request: the same one is made for each of its values");
            let hint = format!("put `${{for.{name}}}` into `request`, or remove it");
            report.key(path, &["for", name], "needs", message, &hint);
        }
    }
    if source.windows.is_some() && !reads(&source.request, "window", None) {
        let message = "`windows` are used by no request: each window asks for the same";
        let hint = "put `${window.start}` and `${window.end}` into `request`, or remove `windows`";
        report.key(path, &["windows"], "needs", message, hint);
    }
}

/// Without the variable that moves on, every page is the first one.
fn pages(pages: &Pagination, request: &Request, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
    let (way, names): (&str, &[&str]) = match pages {
        Pagination::Number(_) => ("number", &["number"]),
        Pagination::Offset(_) => ("offset", &["offset"]),
        Pagination::Range(_) => ("range", &["first", "last"]),
        Pagination::Cursor(_) => ("cursor", &["cursor"]),
        // Their next address comes out of the answer.
        Pagination::Single(_) | Pagination::NextUrl(_) | Pagination::LinkHeader(_) => return,
    };
    // A name that is not there is told by itself: it was probably meant to be this one.
    if names.iter().any(|name| reads(request, "page", Some(name)))
        || !strangers(request, "page", pages.names()).is_empty()
    {
        return;
    }
    let name = names[0];
    let message = format!("`page.{name}` is used by no part of `request`: every page would be the first one");
    let hint = format!("put `${{page.{name}}}` into the query, the body or the address, or write `pages: single`");
    report.key(path, &with(trail, &[way]), "needs", message, &hint);
}

fn parent(partition: &Partition) -> Option<&crate::definition::partition::Call> {
    match partition {
        Partition::Choice(choice) => match &**choice {
            PartitionChoice::Call(call) => Some(call),
            PartitionChoice::File(_) | PartitionChoice::Range(_) => None,
        },
        Partition::List(_) | Partition::Template(_) => None,
    }
}

/// Whether the list, or what brings the values of another name, reads a name of `for`.
fn is_asked(source: &Source, name: &str) -> bool {
    let others = source.partitions.iter().any(|(_, other)| match other {
        Partition::Template(template) => mentions(template, "for", Some(name)),
        other => parent(other).is_some_and(|call| reads(&call.request, "for", Some(name))),
    });
    let declared: Vec<&str> = source.partitions.names().collect();
    others || reads(&source.request, "for", Some(name)) || !strangers(&source.request, "for", &declared).is_empty()
}

/// Names of a root that are not declared.
fn strangers(request: &Request, root: &str, declared: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    request.templates(&mut |template| {
        let names =
            template.names().filter(|mention| mention.parts[0] == root).filter_map(|mention| mention.parts.get(1));
        found.extend(names.filter(|name| !declared.contains(&name.as_str())).cloned());
    });
    found
}

fn reads(request: &Request, root: &str, name: Option<&str>) -> bool {
    let mut found = false;
    request.templates(&mut |template| found |= mentions(template, root, name));
    found
}

/// Whether a template reads a name of a root, or the root as a whole.
fn mentions(template: &Template, root: &str, name: Option<&str>) -> bool {
    template.names().any(|mention| {
        let below = mention.parts.get(1).map(String::as_str);
        mention.parts[0] == root && (name.is_none() || below.is_none() || below == name)
    })
}
