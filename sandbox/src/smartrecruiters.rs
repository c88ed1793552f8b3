//! SmartRecruiters: postings of a company page by page, without their text, which a second call brings.
use serde_json::{Value, json};

use crate::ledger::line;
use crate::serve::Asked;
use crate::wire::Answer;
use crate::words::{EMPLOYERS, SENTENCES, TOWNS, TRADES};
use crate::workload::{long, pages};
use crate::world::{Entry, Site, World, record as record_of};

/// The companies that have postings, as their addresses name them.
pub const COMPANIES: [&str; 2] = ["Ubisoft2", "Accor2"];
/// Most postings of a page.
const PAGE: usize = 100;

/// Answers `/v1/companies`, a list of companies that stands for any parent call, a company's postings, and one posting.
pub(crate) fn answer(asked: &Asked, world: &World) -> Answer {
    let parts: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
    match parts[..] {
        ["v1", "companies"] => {
            let list: Vec<Value> = COMPANIES.iter().map(|name| json!({"identifier": name})).collect();
            Answer::json(200, &json!({"content": list}))
        }
        ["v1", "companies", company, "postings"] => postings(asked, world, company),
        ["v1", "companies", company, "postings", id] => {
            match of(world, company).find(|entry| entry.id == id && !entry.buried) {
                Some(entry) => {
                    let whole = detail(entry);
                    Answer::json(200, &whole).line(line(entry, entry.id.clone(), &whole))
                }
                None => Answer::json(404, &json!({"message": "No such posting"})),
            }
        }
        _ => Answer::new(404),
    }
}

fn of<'w>(world: &'w World, company: &str) -> impl Iterator<Item = &'w Entry> {
    let number = COMPANIES.iter().position(|name| *name == company);
    world.shown(Site::SmartRecruiters).filter(move |entry| Some(entry.index as usize % COMPANIES.len()) == number)
}

fn postings(asked: &Asked, world: &World, company: &str) -> Answer {
    let number = |name: &str, default: usize| asked.query(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (limit, offset) = (number("limit", 10).min(PAGE), number("offset", 0));
    let all: Vec<&Entry> = of(world, company).collect();
    let (content, lines) = pages(Site::SmartRecruiters, all.iter().skip(offset).take(limit).copied());
    Answer::json(200, &json!({"offset": offset, "limit": limit, "totalFound": all.len(), "content": content}))
        .lines(lines)
}

/// A posting as the list shows it.
pub(crate) fn record(entry: &Entry) -> Value {
    let mut random = fastrand::Rng::with_seed(entry.index);
    let town = TOWNS[random.usize(0..TOWNS.len())];
    let name = format!("{} v{}", TRADES[random.usize(0..TRADES.len())].2, entry.revision);
    json!({
        "id": entry.id, "name": name, "releasedDate": entry.created.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "company": {"identifier": COMPANIES[entry.index as usize % COMPANIES.len()], "name": EMPLOYERS[random.usize(0..EMPLOYERS.len())]},
        "location": {"city": town.2, "country": "fr", "postalCode": town.1, "remote": random.bool(), "fullLocation": format!("{}, France", town.2)},
        "typeOfEmployment": {"id": "permanent", "label": "Full-time"}, "language": {"code": "fr", "label": "French"}
    })
}

/// A posting as its own page shows it.
pub(crate) fn detail(entry: &Entry) -> Value {
    let mut random = fastrand::Rng::with_seed(entry.index);
    let text: Vec<&str> = (0..6).map(|_| SENTENCES[random.usize(0..SENTENCES.len())]).collect();
    let mut whole = record_of(Site::SmartRecruiters, entry);
    whole["applyUrl"] = json!(format!("https://jobs.smartrecruiters.com/{}", entry.id));
    let long = long(entry).unwrap_or_default();
    let description = format!("<p>{}</p><p>{long}</p><p>Révision {}</p>", text.join(" "), entry.revision);
    whole["jobAd"] = json!({"sections": {"jobDescription": {"title": "Poste", "text": description}}});
    whole
}
