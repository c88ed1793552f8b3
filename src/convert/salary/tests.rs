//! A table of texts and what they say.
use super::*;

/// `text => min max period currency months`, or the flaw, or nothing.
const FRENCH: &str = "
Mensuel de 2000.0 Euros à 2500.0 Euros sur 12.0 mois => 2000 2500 month EUR -
Mensuel de 2000.0 Euros sur 13.0 mois => 2000 2000 month EUR 13
Horaire de 11.65 Euros => 11.65 11.65 hour EUR -
Horaire de 11.7 Euros sur 0.0 mois => 11.7 11.7 hour EUR -
Annuel de 42000 Euros à 45000 Euros sur 12 mois => 42000 45000 year EUR -
Mensuel de 1980.00 Euros à 2500.00 Euros sur 12.0 mois => 1980 2500 month EUR -
Horaire de 12,13 Euros à 12,13 Euros => 12.13 12.13 hour EUR -
Mensuel de 2060,00 Euros => 2060 2060 month EUR -
Annuel de 26000,00 Euros => 26000 26000 year EUR -
Autre de 2300,00 Euros à 2300,00 Euros => flaw
Annuel de => nothing
Annuel de 12,00 Euros à 28,00 Euros => flaw
Annuel de 45000,00 Euros à 35000,00 Euros => flaw
Selon profil => nothing
SMIC => nothing
SMIC + primes => nothing
De 300 à 1000 euros => flaw
1800 Net => flaw
de 16,61 € à 25,01 € brut/h => 16.61 25.01 hour EUR -
A partir de 28 k€ brut annuel => 28000 - year EUR -
10,75 net de l'he => 10.75 10.75 hour EUR -
35-40k€ => 35000 40000 year EUR -
35/40 K€ selon expérience => 35000 40000 year EUR -
entre 2 000 € et 2 500 € brut par mois => 2000 2500 month EUR -
2.500 € mensuel => 2500 2500 month EUR -
jusqu'à 3000 € par mois => - 3000 month EUR -
2000 euros brut mensuel pour 35h => 2000 2000 month EUR -
2000 € mensuel sur 35h/semaine => 2000 2000 month EUR -
1900 euros par mois ou 12 euros de l'heure => flaw
30 000 € annuel + 13ème mois => 30000 30000 year EUR -
1,234 euros par mois => flaw
50 € par mois => flaw
";

const ENGLISH: &str = "
$80,000 - $100,000 per year => 80000 100000 year USD -
$80k-$100k => 80000 100000 year USD -
£45,000 a year => 45000 45000 year GBP -
$25 - $30 per hour => 25 30 hour USD -
up to $120k => - 120000 year USD -
Competitive => nothing
";

fn check(table: &str, lang: Lang) {
    let shown = |value: Option<f64>| value.map_or("-".into(), |value| value.to_string());
    for line in table.trim().lines() {
        let (text, expect) = line.split_once(" => ").unwrap();
        let found = match read(text, lang) {
            Err(_) => "flaw".to_owned(),
            Ok(None) => "nothing".to_owned(),
            Ok(Some(pay)) => format!(
                "{} {} {} {} {}",
                shown(pay.min),
                shown(pay.max),
                pay.period.map_or("-", Period::word),
                pay.currency.unwrap_or("-"),
                shown(pay.months)
            ),
        };
        assert_eq!(found, expect, "{text}");
    }
}

#[test]
fn french() {
    check(FRENCH, Lang::French);
}

#[test]
fn english() {
    check(ENGLISH, Lang::English);
}

#[test]
fn a_year_of_full_time_work() {
    assert_eq!(yearly(12.5, Period::Hour, None), 22_750.0);
    assert_eq!(yearly(2_000.0, Period::Month, Some(13.0)), 26_000.0);
    assert_eq!(yearly(42_000.0, Period::Year, None), 42_000.0);
}

/// Every distinct text of the real samples, where they lie beside the project: the committed table holds a hash of
/// the text and what it says, each line checked by eye. `JOBMARKET_BLESS=1` writes it anew.
#[test]
fn the_real_texts() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let samples = root.join("../shared/samples/france-travail");
    let Ok(page) = std::fs::read_to_string(samples.join("search-150-nofilter-2024-10-23.json")) else {
        eprintln!("the real samples are not here: only the tables above were tested");
        return;
    };
    let lines = std::fs::read_to_string(samples.join("offres-dept01-455-2025-08-21.ndjson")).unwrap();
    let page: Tree<'_> = serde_json::from_str(&page).unwrap();
    let page = page.get("resultats").and_then(Tree::as_list).unwrap().to_vec();
    let offers = page.into_iter().chain(lines.lines().map(|line| serde_json::from_str(line).unwrap()));
    let mut found = std::collections::BTreeSet::new();
    for offer in offers {
        let pay = offer.get("salaire").cloned().unwrap_or_default();
        for text in ["libelle", "commentaire"].into_iter().filter_map(|name| pay.get(name).and_then(Tree::as_str)) {
            found.insert(format!("{:016x} {}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()), said(text)));
        }
    }
    let found = found.into_iter().collect::<Vec<_>>().join("\n") + "\n";
    let table = root.join("tests/fixtures/salary-samples.txt");
    if std::env::var_os("JOBMARKET_BLESS").is_some() {
        std::fs::write(&table, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(table).unwrap());
}

fn said(text: &str) -> String {
    let shown = |value: Option<f64>| value.map_or("-".into(), |value| value.to_string());
    match read(text.trim(), Lang::French) {
        Err(_) => "flaw".to_owned(),
        Ok(None) => "nothing".to_owned(),
        Ok(Some(pay)) => {
            let year =
                |value: Option<f64>| value.zip(pay.period).map(|(value, period)| yearly(value, period, pay.months));
            let (period, currency) = (pay.period.map_or("-", Period::word), pay.currency.unwrap_or("-"));
            let numbers = [pay.min, pay.max, pay.months, year(pay.min), year(pay.max)].map(shown);
            format!(
                "{} {} {period} {currency} {} yearly {} {}",
                numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
            )
        }
    }
}
