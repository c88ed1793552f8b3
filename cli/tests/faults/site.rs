//! Faults of the sites, by the names that the sandbox counts them under.
use sandbox::{Fault, Sandbox, Site};

/// All faults that a schedule orders. What stays within a run's attempts comes once, what does not comes more often.
const FAULTS: [Fault; 20] = [
    Fault::Status(429),
    Fault::Wait(429, 1),
    Fault::Wait(503, 1),
    Fault::Status(500),
    Fault::Status(502),
    Fault::Status(503),
    Fault::Reset,
    Fault::ResetInHead,
    Fault::ResetAfterHead,
    Fault::Truncated,
    Fault::WrongLength,
    Fault::TruncatedGzip,
    Fault::BrokenJson,
    Fault::Empty,
    Fault::Bom,
    Fault::Duplicated,
    Fault::LyingTotal(7),
    Fault::RevokeTokens,
    Fault::HtmlWall,
    Fault::Slow(150),
];

/// Their names.
pub fn names() -> Vec<String> {
    FAULTS.iter().map(|fault| fault.name()).collect()
}

/// Whether a site can have a fault at all.
pub fn can(site: Site, name: &str) -> bool {
    match name {
        "lying total" | "revoked token" => site == Site::FranceTravail,
        _ => true,
    }
}

/// Orders a fault by its name, early in the run or a little later.
pub fn order(sites: &Sandbox, site: Site, name: &str, random: &mut fastrand::Rng) {
    let Some(fault) = FAULTS.into_iter().find(|fault| fault.name() == name) else { return };
    // The site's token endpoint meets them too; more than five in a row are more than a request is tried.
    let times = if random.u32(0..6) == 0 { 7 } else { random.usize(1..4) };
    let fault = match fault {
        Fault::LyingTotal(by) => Fault::LyingTotal(if random.bool() { by } else { -by }),
        fault => fault,
    };
    sites.fault_after(site, random.usize(0..4), fault, times);
}
