//! Two owners of one source, each with a data directory of its own, and one server: the first is held in the middle of
//! writing, the second takes the source over and completes, the first wakes and writes late. After the second one's next
//! sweep the store equals what the site served.
use std::collections::HashMap;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::drive::{Disturb, drive, signal};
use crate::outside::{Outside, before};
use crate::project::Project;
use crate::proxy::{Fault, Proxy};
use crate::schedule::Schedule;
use crate::stored::stored;
use crate::tally::Tally;
use crate::verdict::{Verdict, Wrong};
use crate::workload;

/// A bulk request of the first owner takes so long, which is when it is held.
const HELD: u64 = 1_500;

/// Rounds of takeover.
pub async fn owners(seed: u64, outside: &mut Outside, tally: &mut Tally) -> Verdict {
    let node = outside.url.clone();
    let second = Schedule::new(seed, Some(outside), tally).await;
    second.takeovers(&node).await
}

impl Schedule<'_> {
    async fn takeovers(mut self, node: &str) -> Verdict {
        // The first owner has a way of its own to the server, so that it alone is slow.
        let proxy = before(node).await;
        let store = format!("{{elasticsearch: {{url: \"{}\", api_key: \"${{secret.ES_API_KEY}}\"}}}}", proxy.url);
        let first = Project::new(&self.sites, &store);
        let mut verdict = Verdict::default();
        for round in 0..3 {
            let source = ["francetravail", "arbeitnow"][round % 2];
            workload::change(&self.sites, &mut self.random);
            self.takeover(&first, &proxy, source, &mut verdict).await;
        }
        verdict.merge(self.close().await);
        verdict
    }

    async fn takeover(&mut self, first: &Project, proxy: &Proxy, source: &str, verdict: &mut Verdict) {
        let skip = self.random.usize(0..3);
        proxy.order(Fault::Slow(1), skip);
        proxy.order(Fault::Slow(HELD), 1);
        let before = slow(proxy);
        let mut child = first.command(&["sweep", source, "--log", "json"]);
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let pid = child.id().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = tokio::spawn(async move {
            let mut said = String::new();
            while let Ok(Some(line)) = lines.next_line().await {
                said += &line;
                said.push('\n');
            }
            said
        });
        // The proxy counts a request when it comes; its answer takes longer than it takes to stop the process.
        for _ in 0..1_000 {
            if slow(proxy) > before || child.try_wait().unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        signal(pid, "STOP").await;
        let held = child.try_wait().unwrap().is_none() && slow(proxy) > before;
        // Fences are of seconds: the second owner's is a later one.
        let second = chrono::Utc::now().timestamp();
        while chrono::Utc::now().timestamp() <= second {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.sites.world(|world| {
            for (_, site) in crate::project::SOURCES {
                world.change(site, 60);
            }
        });
        let taken = drive(&self.project, &["sweep", source, "--log", "json"], &Disturb::Nothing).await;
        self.tally.seen.meet("takeover", u64::from(held));
        self.overhear(taken.said);
        let before = stored(&self.project).await;
        signal(pid, "CONT").await;
        let ended = tokio::time::timeout(Duration::from_secs(120), child.wait()).await;
        let status = ended.expect("the first owner ends").unwrap();
        let said = said.await.unwrap();
        self.tally.seen.meet("late owner fenced", u64::from(held && !status.success()));
        self.overhear(said);
        proxy.clear();
        // Whatever the late owner wrote, nothing that the second one wrote went a step back.
        let after = stored(&self.project).await;
        let after: HashMap<_, _> = after.iter().map(|stored| ((&stored.source, &stored.key), stored)).collect();
        for old in before.iter().filter(|old| old.source == source) {
            let is = after.get(&(&old.source, &old.key)).and_then(|stored| stored.revision());
            if is < old.revision() {
                let key = &old.key;
                verdict.add(Wrong::Stale, format!("{source} {key} went back from {:?} to {is:?}", old.revision()));
            }
        }
    }
}

fn slow(proxy: &Proxy) -> u64 {
    proxy.seen().iter().filter(|(fault, _)| *fault == Fault::Slow(HELD)).map(|(_, seen)| *seen).sum()
}
