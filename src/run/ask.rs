//! One request of a call sent, and what is to be done about the answer judged.
use super::Shared;
use crate::auth::Credential;
use crate::decode;
use crate::definition::responses::Code;
use crate::event::EventKind;
use crate::exchange::{Page, Request};
use crate::fetch::{Ask, Fetch, FetchError, Heard, Note, Verdict};
use crate::plan::{Call, Meaning, Origins};

/// What requests of a plan need besides their call.
pub(super) struct Asker<'a> {
    /// The edge to the sites.
    pub fetch: &'a Fetch,
    /// Where requests go instead.
    pub origins: &'a Origins,
    /// Told of retries and waits.
    pub note: &'a (dyn Fn(Note) + Sync),
}

impl Asker<'_> {
    /// The answer to a request of a call. Where its credential may not be seen, nobody asks.
    pub(super) async fn ask(&self, call: &Call, request: &Request) -> Result<Page, FetchError> {
        let (judge, nobody) = (|heard: Heard<'_>| judge(call, heard), Credential::default());
        let ask = Ask {
            request,
            credential: if request.trusted { &call.credential } else { &nobody },
            origins: self.origins,
            limits: &call.limits,
            judge: &judge,
            note: self.note,
        };
        self.fetch.fetch(&ask).await
    }
}

fn judge(call: &Call, heard: Heard<'_>) -> Verdict {
    let meaning = match heard {
        Heard::Page(page) => call.meaning(page),
        Heard::Dns => call.silence(Code::Dns),
        Heard::Timeout => call.silence(Code::Timeout),
    };
    match (meaning, heard) {
        (Meaning::Retry, _) => Verdict::Retry,
        (Meaning::Renew, _) => Verdict::Renew,
        (Meaning::Records, Heard::Page(page)) => decode::ends_early(page).map_or(Verdict::Take, Verdict::Cut),
        _ => Verdict::Take,
    }
}

impl Shared {
    /// What a page of the list means. Cookies of answers are not kept: where one was set and the site refuses a later
    /// page, that is said.
    pub(super) fn meaning(&self, page: &Page) -> Meaning {
        let meaning = self.plan.call.meaning(page);
        if let (Meaning::Fail(why), 401 | 403, Some(name)) = (&meaning, page.status, self.cookie.get()) {
            return Meaning::Fail(format!(
                "{why}; an earlier answer set the cookie `{name}`, and cookies of answers are not kept: a site that \
                 needs a session cannot be read by this version"
            ));
        }
        if let Some((name, _)) = page.header("set-cookie").and_then(|cookie| cookie.split_once('=')) {
            self.cookie.get_or_init(|| name.trim().to_owned());
        }
        meaning
    }

    /// Tells what happened on the way to a page.
    pub(super) fn note(&self, note: Note) {
        self.emit(match note {
            Note::Retry { attempt, wait, why } => EventKind::Retried { attempt, wait: wait.as_secs_f64(), why },
            Note::Renewed => EventKind::TokenRenewed,
            Note::Wait { wait, why } => EventKind::Waiting { wait: wait.as_secs_f64(), why: why.to_owned() },
        });
    }
}
