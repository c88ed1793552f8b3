//! The schema changes again and again, and the process ends in the middle of the copy and behind the swap: nothing is lost.
use jobmarket::crash::REBUILD;
use sandbox::{Options, Sandbox, Site};

use crate::drive::{Disturb, drive};
use crate::node::Node;
use crate::project::Project;
use crate::stored::{equals, stored};

/// Times that the process ends at each point.
const TIMES: u32 = 5;

/// Adds a field of another name to the schema.
fn change(project: &Project, number: u32) {
    let path = project.dir.path().join("mappings/offer.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("added_")).collect();
    std::fs::write(&path, format!("{}\nadded_{number}: {{keyword: {{doc: Added}}}}\n", kept.join("\n"))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_changes_under_kills_loses_and_doubles_nothing() {
    let node = Node::start();
    let sites = Sandbox::start(Options { boards: 2_300, offers: 0, ..Options::default() }).await.unwrap();
    let project = Project::new(&sites, &format!("{{elasticsearch: {{url: \"{}\"}}}}", node.url));
    let first = drive(&project, &["run", "remotive"], &Disturb::Nothing).await;
    assert_eq!(first.code, Some(0), "{}", first.said);
    let mut changes = 0;
    for point in REBUILD {
        for time in 0..TIMES {
            changes += 1;
            change(&project, changes);
            sites.world(|world| world.change(Site::Remotive, 40));
            // 2,300 documents are three reads: the process ends behind one of them.
            let nth = if point == "copied" { time % 3 + 1 } else { 1 };
            let ended = drive(&project, &["run", "remotive"], &Disturb::Crash(point, nth)).await;
            assert!(ended.met, "{point}: {}", ended.said);
            // Every second time the copy goes on, else yet another schema takes the place of one that is not whole.
            if time % 2 == 0 {
                let next = drive(&project, &["run", "remotive"], &Disturb::Nothing).await;
                assert_eq!(next.code, Some(0), "{point}: {}", next.said);
            }
        }
    }
    // What is gone is closed by sweeps that miss it, and what was written last is what the site says.
    for _ in 0..3 {
        let ended = drive(&project, &["sweep", "remotive"], &Disturb::Nothing).await;
        assert_eq!(ended.code, Some(0), "{}", ended.said);
    }
    let verified = drive(&project, &["verify"], &Disturb::Nothing).await;
    assert_eq!(verified.code, Some(0), "{}", verified.said);
    let truths = sites.world(|world| world.truth(Site::Remotive));
    let mut found = std::collections::HashMap::new();
    for offer in stored(&project).await {
        assert!(found.insert(offer.key.clone(), offer).is_none(), "an offer is stored twice");
    }
    for truth in truths {
        let offer = found.remove(&truth.id);
        let Some(offer) = offer else {
            assert!(!truth.present, "{} is lost", truth.id);
            continue;
        };
        assert_eq!(offer.is_closed(), !truth.present, "{}", truth.id);
        assert!(!truth.present || equals(Site::Remotive, &offer.document, &truth.record), "{} is stale", truth.id);
    }
    assert!(found.is_empty(), "{} offers were never shown", found.len());
}
