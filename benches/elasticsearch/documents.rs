//! The documents of the benchmark: offers as a run has them, and as ready-made bodies of bulk requests.
use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use jobmarket::offer::{Batch, Item, Lifecycle, OfferId, Version, content_hash};
use sandbox::words::{EMPLOYERS, SALARIES, SENTENCES, TOWNS, TRADES};

/// Offers as pages of text, and as ready-made bodies of the plain loader.
pub struct Work {
    pub pages: Vec<Page>,
}

/// The offers of one request.
pub struct Page {
    /// Contents, one after the other.
    pub text: Bytes,
    /// Keys, and where each content lies.
    pub offers: Vec<(String, Range<usize>)>,
    /// What the plain loader posts.
    pub body: &'static [u8],
}

impl Work {
    pub fn new(offers: usize, batch: usize) -> Self {
        let page = |page: usize| {
            let (mut text, mut ranges) = (Vec::new(), Vec::new());
            for number in page * batch..((page + 1) * batch).min(offers) {
                let start = text.len();
                text.extend_from_slice(offer(number).as_bytes());
                ranges.push((number.to_string(), start..text.len()));
            }
            let mut page = Page { text: text.into(), offers: ranges, body: &[] };
            page.body = page.loaded().leak();
            page
        };
        Work { pages: (0..offers.div_ceil(batch)).map(page).collect() }
    }

    pub fn bytes(&self) -> usize {
        self.pages.iter().map(|page| page.body.len()).sum()
    }
}

impl Page {
    /// What is written, under a version.
    pub fn batch(&self, version: Version, at: DateTime<Utc>) -> Batch {
        let items = self.offers.iter().map(|(key, range)| Item {
            row: 0,
            id: OfferId::new("bench", key),
            content: content_hash(&self.text[range.clone()]),
            lifecycle: Lifecycle {
                first_seen_at: at,
                changed_at: at,
                closed: None,
                page: version,
                mapping: "meaning".into(),
            },
            text: self.text.slice(range.clone()),
        });
        Batch { version, items: items.collect() }
    }

    /// A body as someone would prepare it who knows the documents: no versions.
    fn loaded(&self) -> Vec<u8> {
        let (mut body, batch) = (Vec::new(), self.batch(Version::new(1_700_000_000, 1), Utc::now()));
        for item in &batch.items {
            body.extend_from_slice(format!("{{\"index\":{{\"_id\":\"{}\"}}}}\n", item.id).as_bytes());
            item.document(&mut body);
            body.pop();
            body.extend_from_slice(format!(",\"content\":\"{:016x}\"}}\n", item.content).as_bytes());
        }
        body
    }
}

/// An offer as France Travail's are when they are mapped.
fn offer(number: usize) -> String {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let (town, trade) = (TOWNS[random.usize(0..TOWNS.len())], TRADES[random.usize(0..TRADES.len())]);
    let text: Vec<&str> = (0..random.usize(10..26)).map(|_| SENTENCES[random.usize(0..SENTENCES.len())]).collect();
    let published = DateTime::UNIX_EPOCH + TimeDelta::seconds(1_750_000_000 + random.i64(0..31_536_000));
    let published = published.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let pay = f64::from(random.u32(20_000..90_000));
    serde_json::json!({
        "id": OfferId::new("bench", &number.to_string()).to_string(), "source": "bench", "source_id": number.to_string(),
        "url": format!("https://bench.example/offers/{number}"), "title": trade.2, "description": text.join("\n"),
        "occupation": {"code": trade.0, "label": trade.1, "appellation": trade.2},
        "company": {"name": EMPLOYERS[random.usize(0..EMPLOYERS.len())], "naf": "62.01Z", "sector": "Programmation informatique"},
        "location": {"label": format!("{} - {}", &town.0[..2], town.2), "commune": town.0, "postcode": town.1,
            "department": &town.0[..2], "point": {"lat": town.3 + random.f64() / 10.0, "lon": town.4 + random.f64() / 10.0}},
        "contract": {"type": (["permanent", "fixed_term", "temporary"][random.usize(0..3)]), "nature": "Contrat travail",
            "schedule": "full_time", "weekly_hours": 35.0, "alternance": false},
        "salary": {"raw": SALARIES[random.usize(0..SALARIES.len())], "min": pay, "currency": "EUR", "period": "year", "yearly_min": pay},
        "skills": ["Analyser les besoins du client", "Travailler en équipe"],
        "skills_required": [{"code": "300425", "label": "Analyser les besoins du client"}],
        "experience": {"code": "D", "label": "Débutant accepté"}, "positions": 1, "accessible": random.bool(),
        "published_at": published, "updated_at": published
    })
    .to_string()
}
