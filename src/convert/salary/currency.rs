//! Which currency an amount is in: the marks beside it, and what an ambiguous one means.
use super::Lang;

/// What stands beside an amount and says its currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mark {
    /// A code, or a sign of one currency alone.
    Is(&'static str),
    /// `$` alone: the American one where nothing says otherwise.
    Dollar,
    /// `kr`: no country is said.
    Crown,
    /// `¥`: the Japanese or the Chinese one.
    Yen,
    /// `Rs`: of five countries.
    Rupee,
    /// `Dh`: the Emirates' or Morocco's.
    Dirham,
    /// A sign that is none of these.
    Unknown,
}

impl Mark {
    fn may_be(self, code: &str) -> bool {
        match self {
            Mark::Is(own) => own == code,
            Mark::Dollar => {
                "USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP UYU JMD TTD FJD NAD BSD BBD BZD XCD".contains(code)
            }
            Mark::Crown => "SEK NOK DKK ISK".contains(code),
            Mark::Yen => "JPY CNY".contains(code),
            Mark::Rupee => "INR PKR LKR NPR MUR".contains(code),
            Mark::Dirham => "AED MAD".contains(code),
            Mark::Unknown => false,
        }
    }
}

/// ISO 4217, without codes that are English words.
const CODES: &str = "AED AFN AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF \
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT \
    MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD \
    SCR SDG SEK SGD SLE SRD SYP SZL THB TJS TMT TND TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF \
    YER ZAR ZMW ZWL";

/// Those that are also written small, and that count anywhere in a text about pay.
const COMMON: &str =
    "AED AUD BGN BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS INR JPY MXN NOK NZD PLN RON SEK SGD USD ZAR";

fn listed(codes: &'static str, word: &str) -> Option<&'static str> {
    codes.split_whitespace().find(|code| code.eq_ignore_ascii_case(word))
}

/// A code as it is written beside an amount.
pub(super) fn code(word: &str) -> Option<&'static str> {
    let capital = word.chars().all(|sign| sign.is_ascii_uppercase());
    listed(if capital { CODES } else { COMMON }, word)
}

/// A word beside an amount.
pub(super) fn word(word: &str) -> Option<Mark> {
    if let Some(code) = code(word) {
        return Some(Mark::Is(code));
    }
    Some(match word.to_lowercase().trim_end_matches('.') {
        "euro" | "euros" => Mark::Is("EUR"),
        "pound" | "pounds" | "sterling" | "livres" => Mark::Is("GBP"),
        "dollar" | "dollars" => Mark::Dollar,
        "zł" | "zl" | "złotych" | "zlotych" | "złote" => Mark::Is("PLN"),
        "kč" | "kc" | "korun" => Mark::Is("CZK"),
        "kr" | "krona" | "kronor" | "krone" | "kroner" | "couronnes" => Mark::Crown,
        "ft" | "forint" => Mark::Is("HUF"),
        "lei" | "leu" => Mark::Is("RON"),
        "лв" | "lv" | "leva" => Mark::Is("BGN"),
        "руб" | "р" => Mark::Is("RUB"),
        "грн" => Mark::Is("UAH"),
        "fr" | "sfr" | "frs" | "franken" => Mark::Is("CHF"),
        "tl" => Mark::Is("TRY"),
        "rm" => Mark::Is("MYR"),
        "rp" => Mark::Is("IDR"),
        "yen" | "yens" | "円" => Mark::Is("JPY"),
        "yuan" | "rmb" | "元" => Mark::Is("CNY"),
        "won" | "원" => Mark::Is("KRW"),
        "rs" | "rupees" | "roupies" => Mark::Rupee,
        "dh" | "dhs" | "dirham" | "dirhams" => Mark::Dirham,
        "reais" => Mark::Is("BRL"),
        "rand" => Mark::Is("ZAR"),
        "shekels" => Mark::Is("ILS"),
        "rubles" | "roubles" => Mark::Is("RUB"),
        "franc" | "francs" | "cfa" | "fcfa" | "peso" | "pesos" | "dinar" | "dinars" | "riyal" | "riyals" => {
            Mark::Unknown
        }
        _ if word == "R" => Mark::Is("ZAR"),
        // `$85K CAN`
        _ if word == "CAN" => Mark::Is("CAD"),
        _ => return None,
    })
}

/// Whether it is of Unicode's class `Sc`.
pub(super) fn is_sign(sign: char) -> bool {
    matches!(sign, '$' | '¢'..='¥' | '฿' | '\u{20a0}'..='\u{20cf}' | '֏' | '؋' | '৳' | '៛' | '﷼')
}

/// What a sign alone says.
pub(super) fn sign(sign: char) -> Mark {
    match sign {
        '$' => Mark::Dollar,
        '¥' => Mark::Yen,
        '₨' => Mark::Rupee,
        '€' => Mark::Is("EUR"),
        '£' => Mark::Is("GBP"),
        '₹' => Mark::Is("INR"),
        '₽' => Mark::Is("RUB"),
        '₺' => Mark::Is("TRY"),
        '₪' => Mark::Is("ILS"),
        '₩' => Mark::Is("KRW"),
        '₴' => Mark::Is("UAH"),
        '₱' => Mark::Is("PHP"),
        '฿' => Mark::Is("THB"),
        '₫' => Mark::Is("VND"),
        '₦' => Mark::Is("NGN"),
        '₸' => Mark::Is("KZT"),
        '₾' => Mark::Is("GEL"),
        _ => Mark::Unknown,
    }
}

/// The dollar that letters beside `$` name: `A$`, `CA$`, `$ US`.
pub(super) fn dollar(letters: &str) -> Option<Mark> {
    Some(Mark::Is(match letters.to_uppercase().as_str() {
        "US" | "U.S." => "USD",
        "A" | "AU" | "AUS" => "AUD",
        "C" | "CA" | "CAN" | "CDN" => "CAD",
        "NZ" => "NZD",
        "HK" => "HKD",
        "S" | "SG" => "SGD",
        "R" | "BR" => "BRL",
        "MX" | "MEX" => "MXN",
        "NT" | "TW" => "TWD",
        "AR" => "ARS",
        "CL" => "CLP",
        "COL" | "CO" => "COP",
        "J" => "JMD",
        "TT" => "TTD",
        "FJ" => "FJD",
        "N" => "NAD",
        _ => return code(letters).map(Mark::Is),
    }))
}

/// The currency of a text, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Currency {
    /// It is known.
    Known(&'static str),
    /// Nothing is said of it.
    Unsaid,
    /// Something is said that means several or none.
    Doubtful(&'static str),
}

/// What the marks of all amounts say together. An ambiguous one is settled by what the mapping gives, then by a code
/// that stands elsewhere in the text.
pub(super) fn of(
    marks: &[Mark],
    text: &str,
    lang: Lang,
    given: Option<&'static str>,
) -> Result<Currency, &'static str> {
    let said = marks.iter().find_map(|mark| if let Mark::Is(code) = mark { Some(*code) } else { None });
    if let Some(code) = said {
        let fits = marks.iter().all(|mark| mark.may_be(code));
        return if fits { Ok(Currency::Known(code)) } else { Err("several currencies") };
    }
    let Some(mark) = marks.first().copied() else {
        return Ok(match (given, &elsewhere(text)[..]) {
            (Some(code), _) => Currency::Known(code),
            (None, [code]) => Currency::Known(code),
            (None, []) if text.chars().any(|it| is_sign(it) && it != '€') => {
                Currency::Doubtful("a sign of currency that stands beside no amount")
            }
            (None, []) if lang == Lang::French => Currency::Known("EUR"),
            (None, []) => Currency::Unsaid,
            (None, _) => Currency::Doubtful("several currencies are named"),
        });
    };
    if marks.iter().any(|other| *other != mark) {
        return Err("several currencies");
    }
    let named: Vec<&'static str> = elsewhere(text).into_iter().filter(|code| mark.may_be(code)).collect();
    Ok(match (named.as_slice(), given.filter(|code| mark.may_be(code))) {
        ([code], _) => Currency::Known(code),
        ([_, ..], _) => Currency::Doubtful("several currencies are named"),
        ([], Some(code)) => Currency::Known(code),
        ([], None) => alone(mark),
    })
}

/// What a mark means where nothing else says it.
fn alone(mark: Mark) -> Currency {
    match mark {
        Mark::Is(code) => Currency::Known(code),
        Mark::Dollar => Currency::Known("USD"),
        Mark::Crown => Currency::Doubtful(r#"`kr` is the crown of several countries: write `salary(currency="SEK")`"#),
        Mark::Yen => Currency::Doubtful(r#"`¥` is yen or yuan: write `salary(currency="JPY")`"#),
        Mark::Rupee => Currency::Doubtful(r#"`Rs` is the rupee of several countries: write `salary(currency="INR")`"#),
        Mark::Dirham => Currency::Doubtful(r#"`Dh` is the dirham of two countries: write `salary(currency="AED")`"#),
        Mark::Unknown => Currency::Doubtful("which currency is meant is not known"),
    }
}

/// Codes and names of countries' dollars anywhere in a text.
fn elsewhere(text: &str) -> Vec<&'static str> {
    let words = text.split(|sign: char| !sign.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let mut found: Vec<&'static str> = words
        .filter_map(|word| match word {
            "Canadian" | "canadian" | "canadiens" => Some("CAD"),
            "Australian" | "australian" => Some("AUD"),
            "Singapore" => Some("SGD"),
            "Zealand" => Some("NZD"),
            _ if word.chars().all(|sign| sign.is_ascii_uppercase()) => listed(COMMON, word),
            _ => None,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// How much more is paid in this currency than in euros, roughly; none where we do not know.
pub(super) fn scale(code: &str) -> Option<f64> {
    Some(match code {
        "EUR" | "USD" | "GBP" | "CHF" | "CAD" | "AUD" | "NZD" | "SGD" => 1.0,
        "BGN" => 2.0,
        "PLN" | "RON" | "AED" | "ILS" | "BRL" | "MYR" | "SAR" => 4.5,
        "CNY" | "HKD" => 8.0,
        "SEK" | "NOK" | "DKK" => 10.0,
        "ZAR" | "MXN" => 19.0,
        "CZK" => 25.0,
        "TRY" | "UAH" | "THB" | "TWD" => 40.0,
        "INR" | "RUB" => 90.0,
        "JPY" => 150.0,
        "HUF" => 400.0,
        "KRW" => 1_500.0,
        _ => return None,
    })
}
