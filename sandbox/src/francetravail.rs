//! France Travail "Offres d'emploi" v2: its token endpoint, its search with the cap, and its records.
use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::ledger::line;
use crate::serve::Asked;
use crate::wire::Answer;
use crate::words::{EMPLOYERS, PARTNER_SALARIES, SALARIES, SENTENCES, TOWNS, TRADES};
use crate::workload::{long, pages};
use crate::world::{Entry, Site, World, record as record_of};
use crate::{CLIENT_ID, CLIENT_SECRET};

/// Most offers of an answer.
const PAGE: usize = 150;
/// The last first index that is served.
const LAST: usize = 3_000;

/// Answers a request.
pub(crate) fn answer(asked: &Asked, world: &World, tokens: &mut HashMap<String, DateTime<Utc>>) -> Answer {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/connexion/oauth2/access_token") => token(asked, world, tokens),
        ("GET", "/partenaire/offresdemploi/v2/offres/search") => match authorised(asked, tokens) {
            true => search(asked, world),
            false => Answer::new(401).header("WWW-Authenticate", "Bearer"),
        },
        ("GET", path) => match path.strip_prefix("/partenaire/offresdemploi/v2/offres/") {
            Some(_) if !authorised(asked, tokens) => Answer::new(401).header("WWW-Authenticate", "Bearer"),
            Some(id) => match world.shown(Site::FranceTravail).find(|entry| entry.id == id) {
                Some(entry) => {
                    let record = record_of(Site::FranceTravail, entry);
                    Answer::json(200, &record).line(line(entry, entry.id.clone(), &record))
                }
                None => Answer::new(204),
            },
            None => Answer::new(404),
        },
        _ => Answer::new(404),
    }
}

fn token(asked: &Asked, world: &World, tokens: &mut HashMap<String, DateTime<Utc>>) -> Answer {
    let refuse = |error: &str, description: &str| {
        Answer::json(400, &json!({"error": error, "error_description": description}))
            .header("Cache-Control", "no-store")
    };
    let form = asked.form();
    let member = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if asked.query("realm") != Some("/partenaire") {
        return refuse("invalid_request", "Invalid realm");
    }
    if member("grant_type") != "client_credentials" {
        return refuse("unsupported_grant_type", &format!("Grant type is not supported: {}", member("grant_type")));
    }
    if (member("client_id"), member("client_secret")) != (CLIENT_ID, CLIENT_SECRET) {
        return refuse("invalid_client", "Client authentication failed");
    }
    if let Some(unknown) =
        member("scope").split(' ').find(|scope| !matches!(*scope, "api_offresdemploiv2" | "o2dsoffre"))
    {
        return refuse("invalid_scope", &format!("Unknown/invalid scope(s): [{unknown}]"));
    }
    let token = format!("token-{:016x}", fastrand::u64(..));
    tokens.insert(token.clone(), Utc::now() + TimeDelta::seconds(world.options.token_life));
    let body = json!({"scope": member("scope"), "expires_in": world.options.token_life, "token_type": "Bearer", "access_token": token});
    Answer::json(200, &body).header("Cache-Control", "no-store")
}

fn authorised(asked: &Asked, tokens: &HashMap<String, DateTime<Utc>>) -> bool {
    let token = asked.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    token.and_then(|token| tokens.get(token)).is_some_and(|expires| *expires > Utc::now())
}

fn search(asked: &Asked, world: &World) -> Answer {
    let refuse = |message: &str| Answer::json(400, &json!({"message": message}));
    let range = asked.query("range").unwrap_or("0-149");
    let bounds = range
        .split_once('-')
        .and_then(|(first, last)| Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?)));
    let Some((first, last)) = bounds else {
        return refuse("Format du paramètre « range » incorrect. <entier>-<entier> attendu.");
    };
    if last < first || last - first + 1 > PAGE {
        return refuse("La plage de résultats demandée est trop importante.");
    }
    if first > LAST {
        return refuse("La position de début doit être inférieure ou égale à 3000.");
    }
    let instant = |name: &str| asked.query(name).map(|text| text.parse::<DateTime<Utc>>());
    let window = match (instant("minCreationDate"), instant("maxCreationDate")) {
        (None, None) => None,
        (Some(Ok(from)), Some(Ok(to))) => Some((from, to)),
        (Some(_), Some(_)) => {
            return refuse("Format du paramètre « minCreationDate » incorrect. yyyy-MM-dd'T'hh:mm:ss'Z' attendu.");
        }
        _ => {
            return refuse(
                "Les paramètres minCreationDate et maxCreationDate sont dépendants: ils doivent être renseignés ensemble.",
            );
        }
    };
    let origin = asked.query("origineOffre").and_then(|origin| origin.parse::<u8>().ok());
    // The site compares whole seconds, both ends included.
    let within = |created: DateTime<Utc>| {
        window.is_none_or(|(from, to)| created.timestamp() >= from.timestamp() && created.timestamp() <= to.timestamp())
    };
    let words: Vec<String> = asked.query("motsCles").map(words_of).unwrap_or_default();
    let matches: Vec<&Entry> = world
        .listed(Site::FranceTravail)
        .filter(|entry| origin.is_none_or(|origin| entry.origin == origin) && within(entry.created))
        .filter(|entry| words.is_empty() || has_all(&record_of(Site::FranceTravail, entry), &words))
        .collect();
    let total = matches.len();
    if total == 0 {
        return Answer::new(204).header("Content-Range", "*/0");
    }
    if first >= total {
        return Answer::new(204).header("Content-Range", &format!("offres -1--1/{total}"));
    }
    let last = last.min(total - 1);
    let (records, lines) = pages(Site::FranceTravail, matches[first..=last].iter().copied());
    let status = if last + 1 < total { 206 } else { 200 };
    Answer::json(status, &json!({"resultats": records, "filtresPossibles": []}))
        .header("Content-Range", &format!("offres {first}-{last}/{total}"))
        .header("Accept-Range", "150")
        .lines(lines)
        .total()
}

/// Keywords, separated by commas: all of them must be there.
fn words_of(text: &str) -> Vec<String> {
    text.split(',').map(|word| word.trim().to_lowercase()).filter(|word| !word.is_empty()).collect()
}

fn has_all(record: &Value, words: &[String]) -> bool {
    let text = |name: &str| record[name].as_str().unwrap_or_default().to_lowercase();
    let text = text("intitule") + " " + &text("description");
    words.iter().all(|word| text.contains(word))
}

/// The record of an offer, in the shape of the site: what is missing is absent, never null.
pub(crate) fn record(entry: &Entry) -> Value {
    let mut random = fastrand::Rng::with_seed(entry.index);
    let town = TOWNS[random.usize(0..TOWNS.len())];
    let trade = TRADES[random.usize(0..TRADES.len())];
    let native = entry.origin == 1;
    let created = entry.created.to_rfc3339_opts(SecondsFormat::Millis, true);
    let changed =
        (entry.created + TimeDelta::hours(i64::from(entry.revision))).to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut text: Vec<&str> = (0..random.usize(8..22)).map(|_| SENTENCES[random.usize(0..SENTENCES.len())]).collect();
    if !native && random.u32(0..4) == 0 {
        text.push("R&amp;D &gt; production &apos;et&apos; qualité\u{a0}😀");
    }
    text.extend(long(entry));
    let department = if town.0.starts_with("97") { &town.0[..3] } else { &town.0[..2] };
    let mut record = json!({
        "id": entry.id,
        "intitule": trade.2,
        "description": format!("{}\nRévision {}.", text.join("\n"), entry.revision),
        "dateCreation": created,
        "lieuTravail": {"libelle": format!("{department} - {}", town.2)},
        "romeCode": trade.0,
        "romeLibelle": trade.1,
        "appellationlibelle": trade.2.trim_end_matches(" (H/F)"),
        "entreprise": {"entrepriseAdaptee": false},
        "typeContrat": "CDI",
        "typeContratLibelle": if native { "CDI" } else { "Contrat à durée indéterminée" },
        "natureContrat": "Contrat travail",
        "experienceExige": "D",
        "salaire": {},
        "contexteTravail": {},
        "alternance": random.u32(0..20) == 0,
        "nombrePostes": random.u32(1..4),
        "origineOffre": {"origine": entry.origin.to_string(), "urlOrigine": format!("https://candidat.francetravail.fr/offres/recherche/detail/{}", entry.id)},
    });
    if random.u32(0..100) < 97 {
        record["lieuTravail"] = json!({"libelle": format!("{department} - {}", town.2), "latitude": town.3, "longitude": town.4, "codePostal": town.1, "commune": town.0});
    }
    if native || random.u32(0..100) < 45 {
        record["entreprise"]["nom"] = json!(EMPLOYERS[random.usize(0..EMPLOYERS.len())]);
    }
    if random.u32(0..3) == 0 {
        let months = random.u32(1..18);
        record["typeContrat"] = json!((["CDD", "MIS", "SAI"][random.usize(0..3)]));
        record["typeContratLibelle"] = json!(format!("CDD - {months} Mois"));
    }
    let pay = if native { &SALARIES[..] } else { &PARTNER_SALARIES[..] };
    if random.u32(0..100) < if native { 79 } else { 46 } {
        record["salaire"] = json!({"libelle": pay[(random.usize(0..pay.len()) + entry.revision as usize) % pay.len()]});
    } else if random.u32(0..3) == 0 {
        record["salaire"] = json!({"commentaire": "Selon profil"});
    }
    // About 2.5 % of partners' offers are sparse.
    if native || random.u32(0..40) != 0 {
        record["dateActualisation"] = json!(changed);
        record["accessibleTH"] = json!(random.u32(0..5) == 0);
        record["experienceLibelle"] = json!((["Débutant accepté", "2 An(s)", "6 Mois"][random.usize(0..3)]));
    }
    if native {
        record["dureeTravailLibelle"] = json!("35H/semaine\nTravail en journée");
        record["dureeTravailLibelleConverti"] = json!("Temps plein");
        record["secteurActiviteLibelle"] = json!("Programmation informatique");
        record["codeNAF"] = json!("62.01Z");
        if random.u32(0..10) < 6 {
            record["competences"] = json!([
                {"code": "300425", "libelle": "Analyser les besoins du client", "exigence": "E"},
                {"libelle": "Travailler en équipe", "exigence": "S"}]);
        }
        if random.u32(0..10) < 4 {
            record["qualitesProfessionnelles"] = json!([{"libelle": "Faire preuve d'autonomie", "description": "…"}]);
        }
        if random.u32(0..4) == 0 {
            record["formations"] =
                json!([{"niveauLibelle": "Bac+2 ou équivalents", "domaineLibelle": "informatique", "exigence": "S"}]);
            record["permis"] = json!([{"libelle": "B - Véhicule léger", "exigence": "S"}]);
            record["langues"] = json!([{"libelle": "Anglais", "exigence": "E"}]);
        }
    }
    record
}
