//! How the sites change before and during a start, and what is wrong with their records.
use sandbox::{Flaw, Sandbox, Site};

use crate::project::SOURCES;

/// Flaws without a key end every sweep as incomplete: they are mended before offers that are gone can be closed.
pub const KEYLESS: [Flaw; 2] = [Flaw::NoKey, Flaw::WrongKey];
/// All flaws.
const FLAWS: [Flaw; 4] = [Flaw::NoKey, Flaw::WrongKey, Flaw::NoTitle, Flaw::WrongTitle];

/// One cycle's changes of all sites: some offers are updated, new, removed, back again, spoilt, mended, there twice, or
/// at another place of the list.
pub fn change(sites: &Sandbox, random: &mut fastrand::Rng) {
    sites.world(|world| {
        for (_, site) in SOURCES {
            // Of ten changes six are updates, two hide an offer or show it again, two are new offers.
            world.change(site, random.usize(8..20));
            if random.u32(0..3) == 0 {
                world.shift(site, random.usize(1..4));
            }
            if site == Site::SmartRecruiters {
                continue;
            }
            match random.u32(0..4) {
                0 => world.spoil(site, random.usize(1..3), FLAWS[random.usize(..FLAWS.len())]),
                1 => world.mend(site, &FLAWS[random.usize(..FLAWS.len())..]),
                2 => world.repeat(site, 1),
                _ => world.once(site),
            }
            if site == Site::FranceTravail && random.u32(0..3) == 0 {
                world.spoil(site, 1, Flaw::Refused);
            }
        }
    });
}

/// A change while a run reads: every list moves by some places.
pub fn shake(sites: &Sandbox, random: &mut fastrand::Rng) {
    sites.world(|world| {
        for (_, site) in SOURCES {
            world.change(site, random.usize(1..6));
            world.shift(site, 1);
        }
    });
}

/// Makes the sites such that sweeps can be complete. Records without a title, and dates that a store refuses, stay.
pub fn settle(sites: &Sandbox) {
    sites.calm();
    sites.world(|world| {
        for (_, site) in SOURCES {
            world.mend(site, &KEYLESS);
            world.once(site);
        }
    });
}
