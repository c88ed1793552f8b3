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
45k annuel (payé en $) => 45000 45000 year - - doubt
3 000 CHF par mois => 3000 3000 month CHF -
50 € par mois => flaw
2 000 € à 2 500 € brut / mois x 13 => 2000 2500 month EUR 13
ab € 2.345,00 brutto pro Monat (14x) => 2345 - month EUR 14
";

const ENGLISH: &str = "
$80,000 - $100,000 per year => 80000 100000 year USD -
$80k-$100k => 80000 100000 year USD -
£45,000 a year => 45000 45000 year GBP -
$25 - $30 per hour => 25 30 hour USD -
up to $120k => - 120000 year USD -
Competitive => nothing
£45,000 401k => flaw
$3,000 twice a month => flaw
$2,000/week x 13 weeks => 2000 2000 week USD -
from 2025 $90,000 => 90000 90000 year USD -
Step 3 $52,000 - $60,000 per year => 52000 60000 year USD -
2025 EUR90,000 per year => 90000 90000 year EUR -
2024 CHF 90'000 per year => flaw
2000 € 2500 per month => flaw
€3000 per 4 weeks => flaw
€2.400 bruto per 4 weken => flaw
1200€/4 semaines => flaw
$2,000 biweekly => flaw
$1,500 every two weeks => flaw
£250 per half day => flaw
$500/day for 6 months => 500 500 day USD -
€12/hour, 20 hours per week => 12 12 hour EUR -
";

/// The currency: by the sign, the letters beside it, the code on either side, or a code elsewhere in the text.
const CURRENCIES: &str = "
$101,200—$154,800 USD => 101200 154800 year USD -
$101,200 - $154,800 USD per year => 101200 154800 year USD -
$110,000-$140,000 AUD per year => 110000 140000 year AUD -
$95K - $135K CAD a year => 95000 135000 year CAD -
A$110k per year => 110000 110000 year AUD -
A$ 90k => 90000 90000 year AUD -
AU$ 55 per hour => 55 55 hour AUD -
R$ 48.000 por ano => 48000 48000 year BRL -
R$ 4.500,00 por mês => 4500 4500 month BRL -
NZ$82,000 per annum => 82000 82000 year NZD -
HK$41,000 per month => 41000 41000 month HKD -
S$6,000 - S$8,000 monthly => 6000 8000 month SGD -
$110K AUD => 110000 110000 year AUD -
CA$ 81,000 /yr => 81000 81000 year CAD -
C$80,000 per year => 80000 80000 year CAD -
CAD $95,000 per year => 95000 95000 year CAD -
CAD$ 95,000 per year => 95000 95000 year CAD -
MX$ 40,000 per month => 40000 40000 month MXN -
US$ 120,000 a year => 120000 120000 year USD -
US $120,000 a year => 120000 120000 year USD -
80 000 $ CA par an => 80000 80000 year CAD -
$85K CAN => 85000 85000 year CAD -
80 000 $CAN par an => 80000 80000 year CAD -
25 $/h (CAD) => 25 25 hour CAD -
Pay in Canadian dollars: $30 per hour => 30 30 hour CAD -
$80,000 - $90,000 per year, all figures in AUD => 80000 90000 year AUD -
USD 100000 - 150000 a year => 100000 150000 year USD -
100000 USD per year => 100000 100000 year USD -
EUR 45000 per year => 45000 45000 year EUR -
EUR45000 per year => 45000 45000 year EUR -
45000-55000 EUR => 45000 55000 year EUR -
50-60K EUR annually => 50000 60000 year EUR -
55-65 KEUR => 55000 65000 year EUR -
CHF 95'000 - 110'000 per year => 95000 110000 year CHF -
CHF 95’000.- bis 110’000.- pro Jahr => 95000 110000 year CHF -
95 000 CHF/an => 95000 95000 year CHF -
Fr. 7'500 pro Monat => 7500 7500 month CHF -
PLN 15000-20000 / month => 15000 20000 month PLN -
15 000 zł miesięcznie => 15000 15000 month PLN -
120 - 150 zł/h => 120 150 hour PLN -
60 000 Kč měsíčně => 60000 60000 month CZK -
900 000 Ft / hó => 900000 900000 month HUF -
8 000 lei pe lună => 8000 8000 month RON -
450 000 SEK per year => 450000 450000 year SEK -
SEK 45 000 per month => 45000 45000 month SEK -
₹ 5,00,000 - 8,00,000 PA => 500000 800000 year INR -
₽ 150 000 per month => 150000 150000 month RUB -
INR 12,00,000 per annum => 1200000 1200000 year INR -
JPY 5,000,000 per year => 5000000 5000000 year JPY -
R 25 000 per month => 25000 25000 month ZAR -
AED 15,000 per month => 15000 15000 month AED -
ILS 20,000 per month => 20000 20000 month ILS -
KZT 600 000 per month => 600000 600000 month KZT -
45 000 kr per month => 45000 45000 month - - doubt
kr 550.000 per year => 550000 550000 year - - doubt
45 000 kr per month (SEK) => 45000 45000 month SEK -
¥5,000,000 per year => 5000000 5000000 year - - doubt
Rs. 50,000 per month => 50000 50000 month - - doubt
$AUD 90k a year => 90000 90000 year AUD -
$US 90k a year => 90000 90000 year USD -
90 000 $US par an => 90000 90000 year USD -
5 000 reais por mês => 5000 5000 month BRL -
150k FCFA par mois => 150000 150000 month - - doubt
XY$ 500 per day => 500 500 day - - doubt
₡ 900 000 per month => 900000 900000 month - - doubt
$100,000 (or €90,000) per year => flaw
€50,000 USD per year => flaw
$100,000 - £120,000 per year => flaw
20k PLN => flaw
1 200 000 JPY => flaw
";

/// Forms that job sites write, the unit on one or both ends.
const FORMS: &str = "
12,50 €/h => 12.5 12.5 hour EUR -
12,50€/heure => 12.5 12.5 hour EUR -
15 € / h => 15 15 hour EUR -
15 €/heure => 15 15 hour EUR -
11,88 € brut/h => 11.88 11.88 hour EUR -
11.88€ de l'heure => 11.88 11.88 hour EUR -
$21/hr - $25/hr => 21 25 hour USD -
$21 - $25 / hour => 21 25 hour USD -
$21/hr to $25/hr => 21 25 hour USD -
$120,000.00/yr - $150,000.00/yr => 120000 150000 year USD -
$50 per hour to $60 per hour => 50 60 hour USD -
£500 per day => 500 500 day GBP -
£15.50 an hour => 15.5 15.5 hour GBP -
£2,000 pm => 2000 2000 month GBP -
£30k p.a. => 30000 30000 year GBP -
45k€ brut/an => 45000 45000 year EUR -
30k€ - 35k€ => 30000 35000 year EUR -
de 30 à 35 K€/an => 30000 35000 year EUR -
TJM 450 € => 450 450 day EUR -
TJM : 400-500 € => 400 500 day EUR -
450 €/j => 450 450 day EUR -
3 000 € par mois sur 13 mois => 3000 3000 month EUR 13
2 000 € à 2 500 € par mois => 2000 2500 month EUR -
1 801,80 € / mois => 1801.8 1801.8 month EUR -
25 000 € - 27 000 €/an => 25000 27000 year EUR -
€ 60.000 p.a. => 60000 60000 year EUR -
€60.000 - €70.000 per year => 60000 70000 year EUR -
60.000 € pro Jahr => 60000 60000 year EUR -
zwischen 50.000 und 60.000 € => 50000 60000 year EUR -
50.000 bis 60.000 Euro brutto jährlich => 50000 60000 year EUR -
2.500 - 3.000 € brutto/Monat => 2500 3000 month EUR -
15,50 € pro Stunde => 15.5 15.5 hour EUR -
15 € / Std. bei 40 Stunden/Woche => 15 15 hour EUR -
ab 3.200 € monatlich => 3200 - month EUR -
60 T€ => 60000 60000 year EUR -
3.500 € brutto, 14 Monatsgehälter monatlich => 3500 3500 month EUR 14
30.000 € - 36.000 € brutos al año => 30000 36000 year EUR -
entre 24.000 y 28.000 € anuales => 24000 28000 year EUR -
1.500 € al mes en 14 pagas => 1500 1500 month EUR 14
12 € por hora => 12 12 hour EUR -
da 25.000 a 30.000 € lordi annui => 25000 30000 year EUR -
RAL 30.000 - 35.000 € => 30000 35000 year EUR -
1.600 € al mese => 1600 1600 month EUR -
10 € all'ora => 10 10 hour EUR -
€ 3.000 tot € 4.000 per maand => 3000 4000 month EUR -
tussen 2.800 en 3.400 euro bruto per maand => 2800 3400 month EUR -
€ 16,50 per uur => 16.5 16.5 hour EUR -
€ 45.000 per jaar => 45000 45000 year EUR -
100% remote, $90K–$110K => 90000 110000 year USD -
$1.2M per year => flaw
$120,000+ => 120000 - year USD -
Up to £60k => - 60000 year GBP -
$18 to 22 an hour => 18 22 hour USD -
$70-80k/year => 70000 80000 year USD -
£35-40k => 35000 40000 year GBP -
₹8-12 LPA => 800000 1200000 year INR -
€ 4.000 - € 5.000 bruto p/m => 4000 5000 month EUR -
3.200,- € brutto/mtl. => 3200 3200 month EUR -
500 €/jour HT => 500 500 day EUR -
80-90 kCHF => 80000 90000 year CHF -
Fixe 30k + variable 10k => flaw
21/hr - 25/hr => 21 25 hour - -
120000 => flaw
35000 - 45000 => flaw
Pay: 45,000 and a car => flaw
XYZ 48000 per year => 48000 48000 year - -
XYZ48000 per year => flaw
From $0 to $0 per year => flaw
$25 - $30 => flaw
40 hours per week => nothing
Founded in 2019 => nothing
2 years of experience, 5 days a week => nothing
";

fn check(table: &str, lang: Lang) {
    let shown = |value: Option<f64>| value.map_or("-".into(), |value| value.to_string());
    let mut wrong = Vec::new();
    for line in table.trim().lines() {
        let (text, expect) = line.split_once(" => ").unwrap();
        let found = match (Salary { lang, currency: None }).read(text) {
            Err(_) => "flaw".to_owned(),
            Ok(None) => "nothing".to_owned(),
            Ok(Some(pay)) => format!(
                "{} {} {} {} {}{}",
                shown(pay.min),
                shown(pay.max),
                pay.period.map_or("-", Period::word),
                pay.currency.unwrap_or("-"),
                shown(pay.months),
                pay.doubt.map_or("", |_| " doubt")
            ),
        };
        if found != expect {
            wrong.push(format!("{text} => {found}, not {expect}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
fn currencies() {
    check(CURRENCIES, Lang::Any);
    check(CURRENCIES, Lang::English);
}

#[test]
fn common_forms() {
    check(FORMS, Lang::Any);
}

#[test]
fn the_mapping_settles_a_mark_of_several_currencies() {
    let said = |text: &str, currency: &'static str| {
        let pay = Salary { lang: Lang::Any, currency: Some(currency) }.read(text).unwrap().unwrap();
        (pay.currency, pay.doubt.is_some())
    };
    assert_eq!(said("45 000 kr per month", "SEK"), (Some("SEK"), false));
    assert_eq!(said("¥5,000,000 per year", "CNY"), (Some("CNY"), false));
    assert_eq!(said("$90,000 a year", "AUD"), (Some("AUD"), false));
    assert_eq!(said("45k a year", "GBP"), (Some("GBP"), false));
    // What the text says wins, and what the mark cannot mean is not taken.
    assert_eq!(said("US$90,000 a year", "AUD"), (Some("USD"), false));
    assert_eq!(said("45 000 kr per month", "EUR"), (None, true));
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
    match (Salary { lang: Lang::French, currency: None }).read(text.trim()) {
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
