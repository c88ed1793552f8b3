//! What the store holds, as `export` says it, and whether a document equals a record of the site.
use sandbox::Site;
use serde_json::Value;

use crate::drive::{Disturb, drive};
use crate::project::Project;

/// A stored offer.
#[derive(Debug)]
pub struct Stored {
    pub source: String,
    pub key: String,
    pub document: Value,
}

impl Stored {
    pub fn of(document: Value) -> Self {
        let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        Stored { source: text("source"), key: text("source_id"), document }
    }

    pub fn is_closed(&self) -> bool {
        !self.document["closed_at"].is_null()
    }

    /// The revision that it names: a posting with a second call in its title, as its text may be of a later one.
    pub fn revision(&self) -> Option<u32> {
        if self.source == "smartrecruiters" {
            return self.document["title"].as_str()?.rsplit_once(" v")?.1.parse().ok();
        }
        let text = plain(self.document["description"].as_str()?);
        let (_, rest) = text.rsplit_once("Révision").or_else(|| text.rsplit_once("Revision"))?;
        rest.trim_end_matches('.').parse().ok()
    }
}

/// All stored offers, closed ones too.
pub async fn stored(project: &Project) -> Vec<Stored> {
    let ended = drive(project, &["export", "--closed"], &Disturb::Nothing).await;
    assert_eq!(ended.code, Some(0), "export: {}", ended.said);
    ended.events.into_iter().map(Stored::of).collect()
}

/// Whether a document says what the site's record says: title, address, and every word of the text.
pub fn equals(site: Site, document: &Value, record: &Value) -> bool {
    let (title, text) = match site {
        Site::FranceTravail => (&record["intitule"], record["description"].as_str()),
        Site::Arbeitnow | Site::Remotive => (&record["title"], record["description"].as_str()),
        Site::SmartRecruiters => (&record["name"], record["jobAd"]["sections"]["jobDescription"]["text"].as_str()),
    };
    let address = match site {
        Site::FranceTravail => &record["origineOffre"]["urlOrigine"],
        _ => &record["url"],
    };
    let same_address = address.is_null() || *address == document["url"];
    let described = document["description"].as_str().map(plain);
    *title == document["title"] && same_address && described == text.map(plain)
}

/// The signs of a text, without marks of HTML, of lists and of layout.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_tag = false;
    for sign in text.chars() {
        match sign {
            '<' => is_tag = true,
            '>' if is_tag => is_tag = false,
            _ if is_tag => {}
            sign => out.push(sign),
        }
    }
    let out = out.replace("&nbsp;", " ").replace("&gt;", ">").replace("&apos;", "'").replace("&amp;", "&");
    out.chars().filter(|sign| !sign.is_whitespace() && *sign != '*').collect()
}
