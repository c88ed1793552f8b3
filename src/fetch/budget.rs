//! Rates and quotas: one budget per origin and credential, shared by all requests that use it.
use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{FetchError, LONGEST_WAIT, Note};
use crate::scalar::{Period, Rate};

/// Whose budget: an origin and the identity of a credential.
pub(super) type Key = (String, u64);

/// No answer of a site stops us for longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// All budgets.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    budgets: Mutex<HashMap<Key, Budget>>,
    /// What earlier starts spent.
    earlier: Mutex<Vec<Spend>>,
}

/// What is spent of a quota.
#[derive(Clone, Debug, PartialEq)]
pub struct Spend {
    /// The site's origin.
    pub origin: String,
    /// 16 bits of the credential's identity: they tell budgets apart and nothing about it.
    pub credential: u16,
    /// The period, such as `Day`.
    pub period: String,
    /// Requests.
    pub spent: u32,
    /// When it is whole again.
    pub reset: DateTime<Utc>,
}

#[derive(Debug)]
struct Budget {
    /// Time between two requests: the longest of those that its users ask for.
    interval: Duration,
    /// When the next one may go.
    next: Instant,
    /// Until when the site wants to be left alone.
    paused: Instant,
    /// Spent of each quota, and when that is whole again.
    spent: Vec<(Rate, u32, DateTime<Utc>)>,
}

impl Budgets {
    /// Waits for a turn. A wait above a quarter of an hour is an error instead.
    pub(super) async fn turn(
        &self,
        key: &Key,
        rate: Rate,
        quotas: &[Rate],
        note: &(dyn Fn(Note) + Sync),
    ) -> Result<(), FetchError> {
        let (at, why) = {
            let mut budgets = self.budgets.lock().await;
            let now = Instant::now();
            let budget = budgets.entry(key.clone()).or_insert_with(|| Budget {
                interval: Duration::ZERO,
                next: now,
                paused: now,
                spent: Vec::new(),
            });
            budget.interval = budget.interval.max(rate.interval());
            let earlier = self.earlier.lock().await;
            let before = |quota: &Rate| {
                let same = |spend: &&Spend| {
                    (spend.origin.as_str(), spend.credential) == (&key.0, (key.1 & 0xffff) as u16)
                        && spend.period == format!("{:?}", quota.period)
                };
                earlier.iter().find(same).map(|spend| (spend.spent, spend.reset))
            };
            let pause = budget.spend(quotas, &before)?;
            let at = budget.next.max(now) + pause;
            let wait = at.saturating_duration_since(now);
            if wait > LONGEST_WAIT {
                let until = Utc::now() + chrono::TimeDelta::from_std(wait).unwrap_or_default();
                return Err(FetchError::Quota { why: "the site asked for a pause".into(), until });
            }
            budget.next = at + budget.interval;
            (at, if pause > Duration::ZERO { "quota" } else { "rate" })
        };
        let wait = at.saturating_duration_since(Instant::now());
        if wait > Duration::from_secs(1) {
            note(Note::Wait { wait, why });
        }
        // The timer counts in milliseconds: a shorter wait would be rounded up to one.
        if wait >= Duration::from_millis(1) {
            tokio::time::sleep_until(at).await;
        }
        Ok(())
    }

    /// A request that never reached the site costs nothing of its quotas.
    pub(super) async fn give_back(&self, key: &Key) {
        if let Some(budget) = self.budgets.lock().await.get_mut(key) {
            budget.spent.iter_mut().for_each(|(_, spent, _)| *spent = spent.saturating_sub(1));
        }
    }

    /// What is spent of quotas that are not whole again yet: origin, credential, period, requests, reset.
    pub(super) async fn spent(&self) -> Vec<Spend> {
        let budgets = self.budgets.lock().await;
        let all = budgets.iter().flat_map(|((origin, credential), budget)| {
            let of = move |(quota, spent, reset): &(Rate, u32, DateTime<Utc>)| Spend {
                origin: origin.clone(),
                credential: (credential & 0xffff) as u16,
                period: format!("{:?}", quota.period),
                spent: *spent,
                reset: *reset,
            };
            budget.spent.iter().map(of)
        });
        all.collect()
    }

    /// Takes over what an earlier start spent.
    pub(super) async fn restore(&self, earlier: Vec<Spend>) {
        *self.earlier.lock().await = earlier;
    }

    /// Nobody asks before this time is over: the site said so.
    pub(super) async fn pause(&self, key: &Key, pause: Duration) {
        if let Some(budget) = self.budgets.lock().await.get_mut(key) {
            budget.paused = budget.paused.max(Instant::now() + pause.min(LONGEST_PAUSE));
            budget.next = budget.next.max(budget.paused);
        }
    }

    /// Right before a request leaves: a pause that the site asked for meanwhile holds for it too.
    pub(super) async fn over(&self, key: &Key) -> Result<(), FetchError> {
        loop {
            let paused = self.budgets.lock().await.get(key).map(|budget| budget.paused);
            let Some(paused) = paused.filter(|paused| *paused > Instant::now()) else { return Ok(()) };
            let wait = paused.saturating_duration_since(Instant::now());
            if wait > LONGEST_WAIT {
                let until = Utc::now() + chrono::TimeDelta::from_std(wait).unwrap_or_default();
                return Err(FetchError::Quota { why: "the site asked for a pause".into(), until });
            }
            tokio::time::sleep_until(paused).await;
        }
    }
}

/// Requests spent of a quota, and when it is whole again.
type Left = (u32, DateTime<Utc>);

impl Budget {
    /// Takes one request out of each quota; how long to wait where one is spent.
    fn spend(&mut self, quotas: &[Rate], before: &dyn Fn(&Rate) -> Option<Left>) -> Result<Duration, FetchError> {
        let now = Utc::now();
        let mut pause = Duration::ZERO;
        for quota in quotas {
            let index = self.spent.iter().position(|(known, ..)| known.period == quota.period).unwrap_or_else(|| {
                let (spent, reset) = before(quota).unwrap_or((0, quota.period.reset(now)));
                self.spent.push((*quota, spent, reset));
                self.spent.len() - 1
            });
            let (_, spent, reset) = &mut self.spent[index];
            if *reset <= now {
                (*spent, *reset) = (0, quota.period.reset(now));
            }
            if *spent >= quota.count {
                let wait = (*reset - now).to_std().unwrap_or_default();
                if wait > LONGEST_WAIT {
                    let why = format!("the quota of {} requests {} is spent", quota.count, of(quota.period));
                    return Err(FetchError::Quota { why, until: *reset });
                }
                pause = pause.max(wait);
            }
            *spent += 1;
        }
        Ok(pause)
    }
}

fn of(period: Period) -> String {
    match period {
        Period::Seconds(seconds) => format!("in {seconds} seconds"),
        Period::Hour => "an hour".into(),
        Period::Day => "a day".into(),
        Period::Week => "a week".into(),
        Period::Month => "a month".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pause_holds_for_requests_that_had_their_turn_already() {
        let (budgets, key) = (Budgets::default(), ("https://a.example".to_owned(), 1));
        let (start, rate) = (Instant::now(), "1000/s".parse().unwrap());
        budgets.turn(&key, rate, &[], &|_| {}).await.unwrap();
        // While it waits for its token another request is told to wait.
        budgets.pause(&key, Duration::from_millis(200)).await;
        budgets.over(&key).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
        budgets.pause(&key, Duration::from_secs(3_600)).await;
        assert!(matches!(budgets.over(&key).await, Err(FetchError::Quota { .. })));
    }
}
