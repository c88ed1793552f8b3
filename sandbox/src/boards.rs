//! Arbeitnow and Remotive: two small boards without authentication.
use serde_json::{Value, json};

use crate::serve::Asked;
use crate::wire::Answer;
use crate::words::{EMPLOYERS, SENTENCES};
use crate::workload::{long, pages};
use crate::world::{Entry, Site, World};

/// Offers on a page of Arbeitnow.
const PAGE: usize = 100;

/// Answers a request to Arbeitnow: pages, each with the address of the next on the site's own origin.
pub(crate) fn answer_arbeitnow(asked: &Asked, world: &World) -> Answer {
    if asked.path != "/api/job-board-api" {
        return Answer::new(404);
    }
    let number = asked.query("page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1).max(1);
    let shown: Vec<&Entry> = world.listed(Site::Arbeitnow).collect();
    let (data, lines) = pages(Site::Arbeitnow, shown.iter().skip((number - 1) * PAGE).take(PAGE).copied());
    let address = |number: usize| format!("https://www.arbeitnow.com/api/job-board-api?page={number}");
    let next = (number * PAGE < shown.len()).then(|| address(number + 1));
    Answer::json(
        200,
        &json!({"data": data, "links": {"first": address(1), "next": next}, "meta": {"current_page": number, "per_page": PAGE}}),
    )
    .lines(lines)
}

/// Answers a request to Remotive: one page with everything.
pub(crate) fn answer_remotive(asked: &Asked, world: &World) -> Answer {
    if asked.path != "/api/remote-jobs" {
        return Answer::new(404);
    }
    let (jobs, lines) = pages(Site::Remotive, world.listed(Site::Remotive));
    Answer::json(
        200,
        &json!({"0-legal-notice": "simulated", "job-count": jobs.len(), "total-job-count": jobs.len(), "jobs": jobs}),
    )
    .lines(lines)
    .total()
}

const TITLES: [&str; 6] = [
    "Data Engineer",
    "Senior Software Engineer",
    "Product Designer",
    "Backend Developer (Rust)",
    "Data Analyst",
    "Customer Success Manager",
];

fn html(random: &mut fastrand::Rng, entry: &Entry) -> String {
    let (revision, long) = (entry.revision, long(entry).unwrap_or_default());
    let items: Vec<String> =
        (0..random.usize(4..9)).map(|_| format!("<li>{}</li>", SENTENCES[random.usize(0..SENTENCES.len())])).collect();
    format!(
        "<p>We build &amp; run <b>data products</b>.</p><ul>{}</ul><p>{long}</p><p>Revision&nbsp;{revision}</p>",
        items.join("")
    )
}

/// The key of an offer at Arbeitnow.
pub(crate) fn slug(entry: &Entry) -> String {
    format!("offer-{}", entry.id)
}

pub(crate) fn arbeitnow(entry: &Entry) -> Value {
    let mut random = fastrand::Rng::with_seed(entry.index);
    let slug = slug(entry);
    json!({
        "slug": slug, "company_name": EMPLOYERS[random.usize(0..EMPLOYERS.len())], "title": TITLES[random.usize(0..TITLES.len())],
        "description": html(&mut random, entry), "remote": random.bool(), "url": format!("https://www.arbeitnow.com/jobs/{slug}"),
        "tags": ["IT", "Data"], "job_types": (["berufseinstieg", "permanent", "Full Time"][random.usize(0..3)..]).to_vec(),
        "location": "Berlin", "created_at": entry.created.timestamp()
    })
}

pub(crate) fn remotive(entry: &Entry) -> Value {
    let mut random = fastrand::Rng::with_seed(entry.index);
    let id: u64 = entry.id.parse().unwrap_or(0);
    json!({
        "id": id, "url": format!("https://remotive.com/remote-jobs/{id}"), "title": TITLES[random.usize(0..TITLES.len())],
        "company_name": EMPLOYERS[random.usize(0..EMPLOYERS.len())], "company_logo": format!("https://remotive.com/job/{id}/logo"),
        "category": "Software Development", "tags": ["rust", "python"], "job_type": (["full_time", "contract", ""][random.usize(0..3)]),
        "publication_date": entry.created.format("%Y-%m-%dT%H:%M:%S").to_string(), "candidate_required_location": "Europe",
        "salary": (["$80k - $100k", "", "Competitive"][random.usize(0..3)]), "description": html(&mut random, entry)
    })
}
