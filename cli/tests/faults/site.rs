//! Faults of the sites, by the names that the sandbox counts them under.
use sandbox::{Announced, Fault, Sandbox, Site, Spoilt};

/// All faults that a schedule orders. What stays within a run's attempts comes once, what does not comes more often.
const FAULTS: [Fault; 36] = [
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
    Fault::Record(Spoilt::Null),
    Fault::Record(Spoilt::HalfSurrogate),
    Fault::Record(Spoilt::InvalidByte),
    Fault::Record(Spoilt::HugeNumber),
    Fault::Total(Announced::Zero),
    Fault::Total(Announced::Null),
    Fault::Total(Announced::Word),
    Fault::EmptyPage,
    Fault::ShortPage,
    Fault::Elsewhere,
    Fault::TokenError,
    Fault::TokenWall,
    Fault::CutUnsaid,
    Fault::WaitUntil,
    Fault::WaitUnclear,
    Fault::Windows1252,
];

/// Faults after which a run may say `complete` without everything: the site shows less, and nothing in its answers tells.
pub const UNSEEN: [&str; 2] = ["duplicated page", "lying total"];

/// Their names.
pub fn names() -> Vec<String> {
    FAULTS.iter().map(|fault| fault.name()).collect()
}

/// Whether a site can have a fault at all.
pub fn can(site: Site, name: &str) -> bool {
    match name {
        "lying total" | "revoked token" => site == Site::FranceTravail,
        name if is_of_token(name) => site == Site::FranceTravail,
        // Where each page names the next one, nothing tells what a short one left out, and there is no total. An empty body
        // is an empty page, as the language says.
        "empty 200" | "short page" | "total 0" | "total null" | "total in words" => site != Site::Arbeitnow,
        _ => true,
    }
}

/// Whether it can be met by the call for a token alone.
pub fn is_of_token(name: &str) -> bool {
    [Fault::TokenError, Fault::TokenWall].iter().any(|fault| fault.name() == name)
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
    let after = if is_of_token(name) { 0 } else { random.usize(0..4) };
    sites.fault_after(site, after, fault, times);
}
