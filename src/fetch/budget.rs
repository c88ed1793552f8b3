//! Rates and quotas: one budget per origin and credential, shared by all requests that use it.
use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::moment::left;
use super::{FetchError, LONGEST_WAIT, Note};
use crate::scalar::{Period, Rate};

/// Whose budget: an origin and the identity of a credential.
pub(super) type Key = (String, u64);

/// No answer of a site stops us for longer: quotas by the month are whole again by then.
const LONGEST_PAUSE: TimeDelta = TimeDelta::days(31);
/// Stands for the period of a quota where a site asked for a pause.
const PAUSE: &str = "pause";

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
    /// The period, such as `Day`; `pause` where the site asked to be left alone until `reset`.
    pub period: String,
    /// Requests; of a pause its whole length in seconds.
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
    /// The time for which the site wants to be left alone.
    paused: Option<Pause>,
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
            let earlier = self.earlier.lock().await;
            let budget = budgets.entry(key.clone()).or_insert_with(|| Budget::new(key, &earlier));
            budget.interval = budget.interval.max(rate.interval());
            let asked = budget.pause()?;
            let before = |quota: &Rate| {
                let period = quota.period.column();
                earlier.iter().find(|spend| spend.is_of(key, &period)).map(|spend| (spend.spent, spend.reset))
            };
            let pause = budget.spend(quotas, &before)?;
            let now = Instant::now();
            let at = (budget.next.max(now) + pause).max(now + asked);
            budget.next = at + budget.interval;
            let why = match (asked > Duration::ZERO, pause > Duration::ZERO) {
                (true, _) => "pause",
                (_, true) => "quota",
                _ => "rate",
            };
            (at, why)
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
                period: quota.period.column(),
                spent: *spent,
                reset: *reset,
            };
            let pause = budget.paused.filter(|pause| pause.until > Utc::now()).map(|pause| Spend {
                origin: origin.clone(),
                credential: (credential & 0xffff) as u16,
                period: PAUSE.to_owned(),
                spent: pause.seconds,
                reset: pause.until,
            });
            budget.spent.iter().map(of).chain(pause)
        });
        all.collect()
    }

    /// Takes over what an earlier start spent.
    pub(super) async fn restore(&self, earlier: Vec<Spend>) {
        *self.earlier.lock().await = earlier;
    }

    /// Nobody asks before this time: the site said so.
    pub(super) async fn pause(&self, key: &Key, until: DateTime<Utc>) {
        let mut budgets = self.budgets.lock().await;
        let earlier = self.earlier.lock().await;
        let budget = budgets.entry(key.clone()).or_insert_with(|| Budget::new(key, &earlier));
        let asked = Pause::until(until, Utc::now());
        if budget.paused.is_none_or(|pause| pause.until < asked.until) {
            budget.paused = Some(asked);
        }
    }

    /// Right before a request leaves: a pause that the site asked for meanwhile holds for it too.
    pub(super) async fn over(&self, key: &Key) -> Result<(), FetchError> {
        loop {
            let wait = {
                let mut budgets = self.budgets.lock().await;
                let earlier = self.earlier.lock().await;
                budgets.entry(key.clone()).or_insert_with(|| Budget::new(key, &earlier)).pause()?
            };
            if wait.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(wait).await;
        }
    }
}

/// A time for which a site wants to be left alone.
#[derive(Clone, Copy, Debug)]
struct Pause {
    until: DateTime<Utc>,
    /// Its whole length when it was asked for.
    seconds: u32,
}

impl Pause {
    /// One that is asked for now.
    fn until(until: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let until = now.checked_add_signed(LONGEST_PAUSE).map_or(until, |latest| until.min(latest));
        Pause { until, seconds: (until - now).num_seconds().saturating_add(1).clamp(0, u32::MAX.into()) as u32 }
    }

    /// One that an earlier start was asked for. Its end was reckoned by the clock of then, which may have been ahead: no more
    /// than its whole length is left of it.
    fn kept(until: DateTime<Utc>, seconds: u32, now: DateTime<Utc>) -> Self {
        let most = now.checked_add_signed(TimeDelta::seconds(seconds.into()));
        Pause { until: most.map_or(until, |most| until.min(most)), seconds }
    }
}

/// Requests spent of a quota, and when it is whole again.
type Left = (u32, DateTime<Utc>);

impl Spend {
    fn is_of(&self, key: &Key, period: &str) -> bool {
        self.origin == key.0 && self.credential == (key.1 & 0xffff) as u16 && self.period == period
    }
}

impl Budget {
    /// One of which nothing is used, with the pause that an earlier start was asked for.
    fn new(key: &Key, earlier: &[Spend]) -> Self {
        let kept = earlier.iter().find(|spend| spend.is_of(key, PAUSE));
        let paused = kept.map(|spend| Pause::kept(spend.reset, spend.spent, Utc::now()));
        Budget { interval: Duration::ZERO, next: Instant::now(), paused, spent: Vec::new() }
    }

    /// What is left of the pause that the site asked for; an error where that is longer than anybody waits.
    fn pause(&self) -> Result<Duration, FetchError> {
        let Some(Pause { until, .. }) = self.paused else { return Ok(Duration::ZERO) };
        let wait = left(until, Utc::now());
        if wait > LONGEST_WAIT {
            return Err(FetchError::Quota { why: "the site asked for a pause".into(), until });
        }
        Ok(wait)
    }

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
        budgets.pause(&key, Utc::now() + TimeDelta::milliseconds(200)).await;
        budgets.over(&key).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
        budgets.pause(&key, Utc::now() + TimeDelta::hours(1)).await;
        assert!(matches!(budgets.over(&key).await, Err(FetchError::Quota { .. })));
    }

    #[tokio::test]
    async fn a_pause_is_kept_for_the_next_start() {
        let (key, rate) = (("https://a.example".to_owned(), 1), "1000/s".parse().unwrap());
        let first = Budgets::default();
        first.pause(&key, Utc::now() + TimeDelta::hours(1)).await;
        let next = Budgets::default();
        next.restore(first.spent().await).await;
        let until = |answer| match answer {
            Err(FetchError::Quota { until, .. }) => until - Utc::now(),
            _ => TimeDelta::zero(),
        };
        assert!(until(next.turn(&key, rate, &[], &|_| {}).await) > TimeDelta::minutes(59));
        let other = ("https://b.example".to_owned(), 1);
        assert_eq!(until(next.turn(&other, rate, &[], &|_| {}).await), TimeDelta::zero());
        // The clock of the earlier start was an hour ahead.
        let ahead = Budgets::default();
        let asked = first.spent().await.into_iter().map(|spend| Spend { spent: 2, ..spend });
        ahead.restore(asked.collect()).await;
        assert_eq!(until(ahead.over(&key).await), TimeDelta::zero(), "two seconds were waited for");
        // Of a pause that is over nothing is kept, and no site stops us for ever.
        first.pause(&other, Utc::now() - TimeDelta::hours(1)).await;
        assert_eq!(first.spent().await.len(), 1);
        first.pause(&other, Utc::now() + TimeDelta::days(4_000)).await;
        assert!(first.spent().await.iter().all(|spend| spend.reset - Utc::now() <= LONGEST_PAUSE));
    }
}
