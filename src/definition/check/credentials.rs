//! Credentials go to the origin of `request` and to those that the files list: what an answer decides gets none.
use super::Report;
use super::requests::with;
use crate::definition::address::{decided_by, written_origin};
use crate::definition::auth::Auth;
use crate::definition::partition::{Partition, PartitionChoice};
use crate::definition::request::Request;
use crate::definition::source::{AuthChoice, Source};
use crate::finding::Finding;
use crate::scalar::Origin;

/// Checks where the credentials of a source, its shared part included, would go.
pub(super) fn credentials(source: &Source, path: &str, report: &mut Report<'_, '_>) {
    let list = Asked { request: &source.request, auth: source.auth(), trail: &["request"] };
    list.decided(source, path, report);
    for (name, partition) in source.partitions.iter() {
        let Partition::Choice(choice) = partition else { continue };
        let PartitionChoice::Call(call) = &**choice else { continue };
        let trail = ["for", name, "call", "request"];
        second(&call.request, call.auth.as_ref(), &trail, (source, path), report);
    }
    if let Some(detail) = &source.detail {
        second(&detail.request, detail.auth.as_ref(), &["detail", "request"], (source, path), report);
    }
}

/// A call besides the list: one with an `auth` of its own stands for itself.
fn second(
    request: &Request,
    own: Option<&AuthChoice>,
    trail: &[&str],
    (source, path): (&Source, &str),
    report: &mut Report<'_, '_>,
) {
    match own {
        Some(auth) => Asked { request, auth, trail }.decided(source, path, report),
        None => Asked { request, auth: source.auth(), trail }.elsewhere(source, path, report),
    }
}

/// A request and who makes it.
struct Asked<'a> {
    request: &'a Request,
    auth: &'a AuthChoice,
    trail: &'a [&'a str],
}

impl Asked<'_> {
    /// An origin that an answer decides gets no credential unless it is listed.
    fn decided(&self, source: &Source, path: &str, report: &mut Report<'_, '_>) {
        let listed = !source.trust.is_empty() || to(self.auth).next().is_some();
        let Some(name) = decided_by(&self.request.url, source).filter(|_| !listed) else { return };
        if is_somebody(self.auth) || places(self.request) {
            let method = self.request.method.to_lowercase();
            let message = format!("`{}` comes out of an answer, and decides where the credentials go", name.dotted());
            let hint = "list the origins that may get them, as in `trust: [\"https://*.example.com\"]`, or write the \
                        origin out";
            report.inside(path, &with(self.trail, &[&method]), &name.at, "refused", message, hint);
        }
    }

    /// A call that inherits credentials and goes to another origin is asked without them.
    fn elsewhere(&self, source: &Source, path: &str, report: &mut Report<'_, '_>) {
        let home = written_origin(&source.request.url);
        let (Some(there), Some(home)) = (written_origin(&self.request.url), home) else { return };
        let listed = source.trust.iter().chain(to(self.auth)).any(|origin| origin.admits(&there));
        if listed || there.origin() == home.origin() || !is_somebody(self.auth) {
            return;
        }
        let origin = there.origin().ascii_serialization();
        let method = self.request.method.to_lowercase();
        let place = report.definitions.place(path, &with(self.trail, &[&method]));
        let message = format!("{origin} is asked without the credentials of `auth`: it is not the origin of `request`");
        let hint = format!("`trust: [\"{origin}\"]` sends them there; `auth: none` beside this request needs none");
        report.add(Finding::note("needs", place, message).hint(hint));
    }
}

fn ways(choice: &AuthChoice) -> Vec<Auth> {
    match choice {
        AuthChoice::One(auth) => vec![auth.clone()],
        AuthChoice::Several(branches) => branches.iter().flat_map(|branch| branch.ways()).collect(),
    }
}

fn is_somebody(choice: &AuthChoice) -> bool {
    ways(choice).iter().any(|way| !matches!(way, Auth::None))
}

/// Origins of `auth.key.to`.
fn to(choice: &AuthChoice) -> impl Iterator<Item = &Origin> {
    let keys = match choice {
        AuthChoice::One(Auth::Key(key)) => vec![key],
        AuthChoice::One(_) => Vec::new(),
        AuthChoice::Several(branches) => branches.iter().filter_map(|branch| branch.key.as_ref()).collect(),
    };
    keys.into_iter().flat_map(|key| &key.to)
}

/// Whether a request places a secret by hand.
fn places(request: &Request) -> bool {
    let mut found = false;
    request.templates(&mut |template| found |= template.names().any(|name| name.parts[0] == "secret"));
    found
}
