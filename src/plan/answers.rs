//! What an answer means: the source's own words first, then what HTTP says.
use crate::convert::render::Program;
use crate::decode;
use crate::definition::responses::{Action, Code, Codes};
use crate::exchange::Page;
use crate::printable::excerpt;
use crate::tree::Tree;

use super::Call;

/// Most characters of a reason that is made of an answer.
const REASON: usize = 500;

/// What is to be done with an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// It holds records.
    Records,
    /// The slice ends, complete.
    Empty,
    /// It is asked again.
    Retry,
    /// The token is renewed once.
    Renew,
    /// The offers of the partition are gone.
    Gone,
    /// The window is halved.
    Split,
    /// The slice is left out; why.
    Skip(String),
    /// The slice ends; why.
    Fail(String),
}

impl Call {
    /// What a page means. Entries with a test come first, in file order; then exact codes; then classes.
    pub fn meaning(&self, page: &Page) -> Meaning {
        let entries = || self.responses.iter().filter(|(codes, _)| codes.covers(page.status));
        let tested = entries().filter(|(codes, _)| codes.test.is_some());
        if entries().any(|(codes, _)| codes.test.is_some()) {
            let text = decode::text(page);
            let body = text.as_ref().ok().and_then(|text| decode::whole(text, None).ok()).unwrap_or_default().body;
            for (codes, action) in tested {
                let holds =
                    codes.test.as_ref().is_some_and(|(wanted, reader)| reader.read(page, &body).is_true() == *wanted);
                if holds {
                    return self.told(self.act(action, &body), page);
                }
            }
        }
        let exact = |codes: &Codes| codes.codes.contains(&Code::Exact(page.status));
        let untested = || entries().filter(|(codes, _)| codes.test.is_none());
        match untested().find(|(codes, _)| exact(codes)).or_else(|| untested().next()) {
            Some((_, Action::Records)) if page.body.is_empty() => Meaning::Empty,
            Some((_, action)) => self.told(self.act_on(action, page), page),
            None => self.standard(page),
        }
    }

    /// What an action means of a page. Only a reason reads it.
    fn act_on(&self, action: &Action, page: &Page) -> Meaning {
        let text = match action {
            Action::Skip(_) | Action::Fail(_) => decode::text(page).ok(),
            _ => None,
        };
        let body = text.as_ref().and_then(|text| decode::json(text, None).ok()).unwrap_or_default().body;
        self.act(action, &body)
    }

    /// A failure that the source gives its own reason for, with what was asked and answered.
    fn told(&self, meaning: Meaning, page: &Page) -> Meaning {
        match meaning {
            Meaning::Fail(reason) => Meaning::Fail(format!("{reason} ({})", self.failure(page))),
            meaning => meaning,
        }
    }

    /// What HTTP says, RFC 9110 section 15.
    fn standard(&self, page: &Page) -> Meaning {
        match page.status {
            204 | 205 => Meaning::Empty,
            200..=299 if page.body.is_empty() => Meaning::Empty,
            200..=299 => Meaning::Records,
            401 => Meaning::Renew,
            408 | 429 | 500..=599 => Meaning::Retry,
            _ => Meaning::Fail(self.failure(page)),
        }
    }

    /// What it means that no answer came.
    pub fn silence(&self, code: Code) -> Meaning {
        let entry = self.responses.iter().find(|(codes, _)| codes.codes.contains(&code));
        entry.map_or(Meaning::Retry, |(_, action)| self.act(action, &Tree::Null))
    }

    fn act(&self, action: &Action, body: &Tree<'_>) -> Meaning {
        let reason = |template| {
            let scope = self.knobs.scope(chrono::DateTime::UNIX_EPOCH).tree("answer", body);
            let said = Program::compile(template).and_then(|program| program.text(&scope, &str::to_owned));
            let said = said.unwrap_or_else(|_| template.to_string());
            // An answer may hold megabytes, and what it was asked with.
            excerpt(&said, REASON)
        };
        match action {
            Action::Records => Meaning::Records,
            Action::Empty => Meaning::Empty,
            Action::Retry => Meaning::Retry,
            Action::Renew => Meaning::Renew,
            Action::Gone => Meaning::Gone,
            Action::Split => Meaning::Split,
            Action::Skip(skip) => Meaning::Skip(reason(&skip.reason)),
            Action::Fail(fail) => Meaning::Fail(reason(&fail.reason)),
        }
    }

    /// The largest share of slices that `skip` may leave out.
    pub fn skip_share(&self) -> Option<f64> {
        let shares = self.responses.iter().filter_map(|(_, action)| match action {
            Action::Skip(skip) => Some(skip.at_most.fraction()),
            _ => None,
        });
        shares.reduce(f64::min)
    }
}
