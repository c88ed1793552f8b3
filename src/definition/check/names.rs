//! Names and conversions of templates and expressions: each must be valid where it stands.
use super::Report;
use crate::convert::Conversion;
use crate::definition::auth::Auth;
use crate::definition::source::{AuthChoice, Source};
use crate::scalar::template::FILTERS;
use crate::scalar::{Call, Expression, Template, nearest};

/// What templates of a source may read, by root.
pub(super) struct Names<'s> {
    /// The source.
    pub source: &'s Source,
    /// Roots that are valid here.
    pub roots: &'static [&'static str],
    /// Names under `for` that are valid here: those before a parent call's own.
    pub partitions: Vec<&'s str>,
    /// Names under `page`.
    pub page: &'static [&'static str],
    /// Who asks, where that is somebody else than for the list.
    pub auth: Option<&'s AuthChoice>,
}

/// Roots of a request.
pub(super) const REQUEST: &[&str] = &["param", "secret", "env", "for", "page", "window", "auth"];
/// Roots of a parent call, which is made before there are windows.
pub(super) const CALL: &[&str] = &["param", "secret", "env", "for", "page", "auth"];
/// Roots of a detail call.
pub(super) const DETAIL: &[&str] = &["param", "secret", "env", "for", "page", "window", "auth", "record"];
/// Roots of what a shared part adds to every request.
pub(super) const SHARED: &[&str] = &["param", "secret", "env", "auth"];
/// Roots of a mapping, of `key` and `only`.
pub(super) const MAPPING: &[&str] = &["record", "for", "window", "param", "answer", "env"];
/// Roots of what is known when the plan is built.
pub(super) const PLAN: &[&str] = &["param", "env"];
/// Roots of credentials.
pub(super) const AUTH: &[&str] = &["param", "secret", "env"];
/// Roots of a reason.
pub(super) const ANSWER: &[&str] = &["answer", "param", "env"];

impl<'s> Names<'s> {
    /// All names of a source, with these roots.
    pub(super) fn new(source: &'s Source, roots: &'static [&'static str]) -> Self {
        let (partitions, page) = (source.partitions.names().collect(), source.pages.names());
        Names { source, roots, partitions, page, auth: None }
    }

    /// Checks a template.
    pub(super) fn template(&self, template: &Template, path: &str, trail: &[&str], report: &mut Report<'_, '_>) {
        for mention in template.names() {
            let (root, name) = (mention.parts[0].as_str(), mention.parts.get(1).map(String::as_str));
            if let Some((message, hint)) = self.wrong(root, name) {
                report.inside(path, trail, &mention.at, "unknown-name", message, &hint);
            }
        }
        for call in template.codes().flat_map(|code| &code.calls) {
            conversion(call, path, trail, report);
        }
    }

    fn wrong(&self, root: &str, name: Option<&str>) -> Option<(String, String)> {
        if !self.roots.contains(&root) {
            let known = ["param", "secret", "env", "for", "page", "window", "auth", "record", "answer", "offer"];
            let message = if known.contains(&root) {
                format!("`{root}` is not known here")
            } else {
                format!("there is no name `{root}`")
            };
            let near = nearest(root, self.roots.iter().copied()).map(|near| format!("did you mean `{near}`? "));
            return Some((message, format!("{}known here: {}", near.unwrap_or_default(), self.roots.join(", "))));
        }
        let Some(name) = name else {
            let whole = matches!(root, "record" | "answer" | "for" | "param");
            return (!whole).then(|| (format!("`{root}` alone is no value"), format!("write `{root}.NAME`")));
        };
        let (valid, what): (Vec<&str>, String) = match root {
            "param" => (self.source.params.names().collect(), "declared under `params`".into()),
            "for" => (self.partitions.clone(), "declared under `for`".into()),
            "page" => (self.page.to_vec(), "given by this source's `pages`".into()),
            "window" if self.source.windows.is_none() => {
                return Some(("`window` is used without `windows`".into(), "add `windows:`, or leave it out".into()));
            }
            "window" => (vec!["start", "end", "last"], "a part of a window".into()),
            "auth" => (self.credentials(), "declared under `auth.key.path`".into()),
            _ => return None,
        };
        if valid.contains(&name) {
            return None;
        }
        let hint = match (nearest(name, valid.iter().copied()), valid.is_empty()) {
            (Some(near), _) => format!("did you mean `{root}.{near}`?"),
            (None, true) => format!("nothing is {what}"),
            (None, false) => format!("{what}: {}", valid.join(", ")),
        };
        Some((format!("`{root}.{name}` is not {what}"), hint))
    }

    fn credentials(&self) -> Vec<&'s str> {
        match self.auth.unwrap_or(self.source.auth()) {
            AuthChoice::One(Auth::Key(key)) => key.path.names().collect(),
            AuthChoice::One(_) => Vec::new(),
            AuthChoice::Several(branches) => {
                branches.iter().filter_map(|branch| branch.key.as_ref()).flat_map(|key| key.path.names()).collect()
            }
        }
    }
}

/// Checks a conversion, and that its table is there.
pub(super) fn conversion(call: &Call, path: &str, trail: &[&str], report: &mut Report<'_, '_>) -> Option<Conversion> {
    let known = crate::convert::NAMES.contains(&call.name.as_str());
    if call.template && !known && FILTERS.contains(&call.name.as_str()) {
        return None;
    }
    match Conversion::parse(call) {
        Err(fault) => {
            report.fault(path, trail, &fault);
            None
        }
        Ok(conversion) => {
            if let Some(table) = conversion.table()
                && report.definitions.lookups.table(table).is_none()
            {
                let hint = match nearest(table, report.definitions.lookups.names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "FILE.TABLE of a file in `mappings/lookups`".to_owned(),
                };
                let at = call.args.first().map_or(call.at.clone(), |given| given.at.clone());
                report.inside(path, trail, &at, "unknown-table", format!("there is no lookup table `{table}`"), &hint);
            }
            Some(conversion)
        }
    }
}

/// Checks the conversions of an expression; whether it may give several values.
pub(super) fn expression(expression: &Expression, path: &str, trail: &[&str], report: &mut Report<'_, '_>) -> bool {
    let mut plural = expression.is_plural();
    for operand in &expression.operands {
        if let crate::scalar::Operand::Call(call) = operand {
            conversion(call, path, trail, report);
            if call.name == "geo" && call.args.len() != 2 {
                report.inside(
                    path,
                    trail,
                    &call.at,
                    "bad-argument",
                    "`geo` needs two paths".into(),
                    "`geo($.lat, $.lon)`",
                );
            }
        }
    }
    for call in &expression.calls {
        if let Some(conversion) = conversion(call, path, trail, report) {
            plural = (plural && !conversion.makes_one()) || conversion.makes_list();
        }
    }
    plural
}
