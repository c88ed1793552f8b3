//! A page of which a part is committed comes out of the archive after a crash, and is never asked again.
use jobmarket::state::Reader;
use sandbox::{Options, Sandbox, Site};

use crate::drive::{Disturb, drive};
use crate::project::Project;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_which_a_part_is_committed_is_never_asked_again() {
    let sites = Sandbox::start(Options { boards: 1_700, offers: 0, ..Options::default() }).await.unwrap();
    let project = Project::new(&sites, "local");
    let requests = || sites.world(|world| world.requests.get(&Site::Remotive).copied().unwrap_or_default());
    let ended = drive(&project, &["run", "remotive"], &Disturb::Crash("committed", 1)).await;
    assert!(ended.met, "{}", ended.said);
    let (_, stored) = Reader::open(&project.data).unwrap().unwrap().store().unwrap();
    assert!(stored >= 500, "{stored} offers are stored");
    // The site is another one now: what was received before counts.
    sites.world(|world| world.revise(Site::Remotive, 1_700));
    let ended = drive(&project, &["run", "remotive"], &Disturb::Nothing).await;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let runs = Reader::open(&project.data).unwrap().unwrap().runs(None, 10).unwrap();
    assert_eq!((runs.len(), runs[0].counts.new, requests()), (1, 1_700, 1), "{runs:?}");
}
