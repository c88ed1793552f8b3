//! Contents that go and come back: a start ends between writing a change and committing it, then the site takes the change
//! back. What is known must not pass for what is stored. Judged without a sweep, which would compare both anyway.
use sandbox::Site;

use crate::drive::{Disturb, drive};
use crate::project::SOURCES;
use crate::schedule::Schedule;
use crate::verdict::Verdict;

/// Offers that change and change back in a round.
const CHANGED: usize = 60;

impl Schedule<'_> {
    /// Rounds of a change that is cut off and taken back.
    pub async fn returns(mut self) -> Verdict {
        for (source, _) in SOURCES {
            self.quiet(&["sweep", source, "--log", "json"]).await;
        }
        let point = if self.outside.is_some() { "written" } else { "logged" };
        let run = ["run", "francetravail", "--log", "json"];
        for times in 1..4 {
            let changed = self.sites.world(|world| world.update(Site::FranceTravail, CHANGED));
            let ended = drive(&self.project, &run, &Disturb::Crash(point, times)).await;
            assert!(ended.met, "seed {}: {}", self.seed, ended.said);
            self.sites.world(|world| world.revert(Site::FranceTravail, &changed));
            // The first one goes on with what was cut off, the second one reads everything again.
            for _ in 0..2 {
                let kind = self.quiet(&run).await;
                assert_eq!(kind, "ordinary", "seed {}: a sweep compares by itself", self.seed);
            }
        }
        self.tally.seen.meet("change taken back", 3);
        self.compare(Verdict::default()).await
    }

    /// A start that nothing disturbs; the kind of its run.
    async fn quiet(&mut self, args: &[&str]) -> serde_json::Value {
        let ended = drive(&self.project, args, &Disturb::Nothing).await;
        assert_eq!(ended.code, Some(0), "seed {}: {args:?}: {}", self.seed, ended.said);
        let kind = ended.last("run_started").unwrap()["kind"].clone();
        self.hear(ended.said);
        kind
    }
}
