//! The network: requests out, pages in, with deadlines, retries, rates and tokens.
mod body;
mod budget;
mod clients;
mod moment;
mod network;
mod resolve;
mod send;
pub(crate) mod prepare;
mod token;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::sync::Mutex;
use url::Url;

use crate::auth::Credential;
use crate::definition::source::Learn;
use crate::exchange::{Page, Request};
use crate::offer::instant;
use crate::plan::{Limits, Origins, asked, failure};
use crate::redact::redact;
use crate::scalar::Reader;
use crate::tree::Tree;
pub(crate) use body::{Unread, whole};
use budget::Budgets;
pub use budget::Spend;
use clients::Clients;
pub(crate) use clients::provider;
use moment::{Wish, left, length};
pub use network::Network;
pub use resolve::{Found, Lookup};

/// The edge to the sites. One for the whole program: budgets and tokens are shared by all sources.
pub struct Fetch {
    clients: Clients,
    budgets: Budgets,
    tokens: Mutex<HashMap<u64, Arc<Mutex<token::Token>>>>,
    /// Folder of large bodies.
    spool: PathBuf,
}

/// One page to be fetched.
pub struct Ask<'a> {
    /// What is asked.
    pub request: &'a Request,
    /// Who asks.
    pub credential: &'a Credential,
    /// Where requests go instead.
    pub origins: &'a Origins,
    /// How fast, how long, how often.
    pub limits: &'a Limits,
    /// What an answer means.
    pub judge: &'a (dyn Fn(Heard<'_>) -> Verdict + Sync),
    /// Told of retries and waits.
    pub note: &'a (dyn Fn(Note) + Sync),
}

/// What was heard of a site.
#[derive(Clone, Copy)]
pub enum Heard<'a> {
    /// An answer, whole.
    Page(&'a Page),
    /// Its name could not be resolved.
    Dns,
    /// No answer in time.
    Timeout,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The page is taken.
    Take,
    /// It is asked again.
    Retry,
    /// It ends too early, as this says: it is asked again, and taken as it is after all attempts.
    Cut(String),
    /// The token is renewed once, and it is asked again.
    Renew,
}

/// Something that happened on the way to a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// It is asked again.
    Retry {
        /// Which attempt comes next.
        attempt: u32,
        /// After this time.
        wait: Duration,
        /// Why.
        why: String,
    },
    /// A token was renewed.
    Renewed,
    /// A wait of more than a second for a rate or a quota.
    Wait {
        /// How long.
        wait: Duration,
        /// For what.
        why: &'static str,
    },
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The site could not be asked, or did not answer properly, after all attempts.
    #[error("{why} (after {})", times(*attempts))]
    Gone {
        /// What went wrong last.
        why: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The credential was refused. It is not tried again.
    #[error("the credential was refused: {0}; check it, and that the site's licence is accepted for it")]
    Credentials(String),
    /// The token call gave no token, and another attempt would not either.
    #[error("no token was given: {0}")]
    NoToken(String),
    /// A quota is spent, or the site asks for a long pause.
    #[error("{why}; it can go on at {} (in {})", instant(until.trunc_subsecs(0)), length(left(*until, Utc::now())))]
    Quota {
        /// Which.
        why: String,
        /// When it can go on.
        until: DateTime<Utc>,
    },
    /// Its host is in a network that the source may not enter.
    #[error("{0}")]
    Closed(String),
    /// The address cannot be used.
    #[error("`{0}` is not an address that can be asked: {1}")]
    Address(String, String),
    /// The client could not be made.
    #[error("no HTTP client: {0}; are the certificates of the system installed (ca-certificates)?")]
    Client(String),
}

fn times(attempts: u32) -> String {
    if attempts == 1 { "one attempt".to_owned() } else { format!("{attempts} attempts") }
}

/// A wait longer than this ends the slice; its position is kept.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

impl Fetch {
    /// Where what is large lies while it is needed: in files without a name.
    pub fn folder(&self) -> &Path {
        &self.spool
    }

    /// A client. Redirects are followed within the origin only, by hand; nothing is decompressed.
    /// Large bodies are kept in files without a name in `data`, else in the system's folder for temporary files.
    pub fn new(data: Option<&Path>) -> Result<Self, FetchError> {
        Self::resolving(data, &resolve::system())
    }

    /// The same with names that somebody else resolves.
    pub fn resolving(data: Option<&Path>, lookup: &Lookup) -> Result<Self, FetchError> {
        let clients = Clients::new(lookup).map_err(|error| FetchError::Client(error.to_string()))?;
        Ok(Fetch { clients, budgets: Budgets::default(), tokens: Mutex::default(), spool: prepare::folder(data) })
    }

    /// What is spent of quotas, to be written down.
    pub async fn spent(&self) -> Vec<Spend> {
        self.budgets.spent().await
    }

    /// Takes over what an earlier start spent.
    pub async fn restore(&self, spent: Vec<Spend>) {
        self.budgets.restore(spent).await;
    }

    /// The page of a request: waits its turn, tries again where that helps, and never gives a short page.
    pub async fn fetch(&self, ask: &Ask<'_>) -> Result<Page, FetchError> {
        let url = Url::parse(&ask.request.url)
            .map_err(|error| FetchError::Address(redact(&ask.request.url).into_owned(), error.to_string()))?;
        let (mut attempt, mut renewed) = (1, false);
        loop {
            let (target, rate) = ask.origins.target(&url);
            let key = (target.origin().ascii_serialization(), ask.credential.identity());
            self.budgets.turn(&key, rate.unwrap_or(ask.limits.rate), &ask.limits.quota, ask.note).await?;
            let (token, generation) = self.token(ask).await?;
            self.budgets.over(&key).await?;
            let heard = self.send(ask, &url, token.as_ref()).await;
            let (why, pause) = match heard {
                Ok(mut page) => {
                    page.attempts = attempt;
                    let wish = moment::retry_after(&page, Utc::now());
                    self.heed(ask, &key, &page, &wish).await;
                    match (ask.judge)(Heard::Page(&page)) {
                        Verdict::Take => return Ok(page),
                        Verdict::Renew if !renewed && ask.credential.token.is_some() => {
                            renewed = true;
                            self.renew(ask, generation).await?;
                            continue;
                        }
                        // A token that was renewed and is refused again is a credential that is refused.
                        Verdict::Renew => return Ok(page),
                        Verdict::Retry if attempt >= ask.limits.attempts => return Ok(page),
                        Verdict::Retry => told(failure(&page), wish),
                        Verdict::Cut(_) if attempt >= ask.limits.attempts => return Ok(page),
                        Verdict::Cut(why) => (format!("{}: {why}", asked(&ask.request.method, url.as_str())), None),
                    }
                }
                Err(fault) => {
                    if !fault.reached() {
                        self.budgets.give_back(&key).await;
                    }
                    let asked = asked(&ask.request.method, url.as_str());
                    let why = format!("{asked}: {}", redact(&fault.to_string()));
                    if fault.is_closed() {
                        return Err(FetchError::Closed(why));
                    }
                    let last = fault.is_final() || attempt >= ask.limits.attempts;
                    if last || (ask.judge)(fault.heard()) == Verdict::Take {
                        return Err(FetchError::Gone { why, attempts: attempt });
                    }
                    (why, None)
                }
            };
            attempt += 1;
            wait(ask, attempt, why, pause).await?;
        }
    }

    /// Takes a pause down that an answer asks for: everybody who asks this site as the same one keeps it, and so does
    /// the next run.
    async fn heed(&self, ask: &Ask<'_>, key: &budget::Key, page: &Page, wish: &Wish) {
        let learned = ask.limits.learn.as_ref().and_then(|learn| learned(learn, page));
        let refused = || matches!(page.status, 403 | 429 | 503) || (ask.judge)(Heard::Page(page)) == Verdict::Retry;
        let asked = match wish {
            Wish::Until(until) if refused() => Some(*until),
            _ => None,
        };
        if let Some(until) = learned.max(asked) {
            self.budgets.pause(key, until).await;
        }
    }
}

/// Why a request is sent again, and until when the site wants to be left alone before.
fn told(why: String, wish: Wish) -> (String, Option<DateTime<Utc>>) {
    match wish {
        Wish::None => (why, None),
        Wish::Until(until) => (why, Some(until)),
        Wish::Unclear(value) => (format!("{why}; {value}"), None),
    }
}

/// Waits before another attempt, as long as the site asks for or as is usual. A wait that is too long is an error, whoever
/// asks for it.
async fn wait(ask: &Ask<'_>, attempt: u32, why: String, asked: Option<DateTime<Utc>>) -> Result<(), FetchError> {
    let now = Utc::now();
    let usual =
        || TimeDelta::from_std(backoff(ask.limits, attempt)).ok().and_then(|pause| now.checked_add_signed(pause));
    let until = asked.or_else(usual).unwrap_or(now);
    let wait = left(until, now);
    if wait > LONGEST_WAIT {
        let who = if asked.is_some() { "the site asks" } else { "`limits.retry` asks" };
        return Err(FetchError::Quota { why: format!("{why}; {who} for a pause"), until });
    }
    (ask.note)(Note::Retry { attempt, wait, why });
    tokio::time::sleep(wait).await;
    Ok(())
}

/// Until when the site wants to be left alone, when it says that nothing is left.
fn learned(learn: &Learn, page: &Page) -> Option<DateTime<Utc>> {
    let said = |reader: &Reader| reader.read(page, &Tree::Null).scalar_text().map(std::borrow::Cow::into_owned);
    let remaining: f64 = said(&learn.remaining)?.trim().parse().ok()?;
    let reset = moment::instant(&said(&learn.reset)?, learn.unit, page.fetched)?;
    if remaining <= 0.0 { Some(reset) } else { None }
}

/// Twice as long each time, up to a limit, and a random part of that: the attempts of many do not meet again.
fn backoff(limits: &Limits, attempt: u32) -> Duration {
    let longest = limits.wait.saturating_mul(1 << attempt.saturating_sub(2).min(16)).min(limits.at_most);
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}
