//! `salary(LANG)`: what a text says of pay, or nothing and a flaw where it is ambiguous. Never a guess.
mod amount;
mod currency;
mod period;

use super::args::Args;
use super::{ConvertError, Converted};
use crate::scalar::Fault;
use crate::scalar::call::{Arg, Given};
use crate::tree::Tree;

pub use period::{Period, yearly};

use period::Named;

use amount::Amount;
use currency::Currency;

/// The conversion, for texts of one language or, without one, of any.
#[derive(Clone, Copy, Debug)]
pub struct Salary {
    lang: Lang,
    currency: Option<&'static str>,
}

/// Language of the text: decides what a comma means, and in French that an amount without a mark is in euros.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lang {
    French,
    English,
    /// German, Spanish, Italian, Dutch: a comma before decimals.
    Continental,
    Any,
}

impl Lang {
    fn has_decimal_comma(self) -> bool {
        matches!(self, Lang::French | Lang::Continental)
    }
}

/// What was understood.
#[derive(Clone, Debug, Default, PartialEq)]
struct Pay {
    min: Option<f64>,
    max: Option<f64>,
    currency: Option<&'static str>,
    period: Option<Period>,
    months: Option<f64>,
    /// Why there is no currency, where something is said of it.
    doubt: Option<&'static str>,
}

impl Salary {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.at_most(1, &["currency"])?;
        let currency = args.named("currency").map(|given| currency_of(args, given)).transpose()?;
        let Some(given) = args.plain().next() else { return Ok(Salary { lang: Lang::Any, currency }) };
        let lang = match args.text("salary(fr)")?.0 {
            "fr" => Lang::French,
            "en" => Lang::English,
            "de" | "es" | "it" | "nl" => Lang::Continental,
            other => {
                return Err(args
                    .fault(given, format!("`{other}` is not a language of `salary`"))
                    .hint("`fr`, `en`, `de`, `es`, `it`, `nl`, or none for any"));
            }
        };
        Ok(Salary { lang, currency })
    }

    pub(super) fn convert<'p>(&self, value: Tree<'p>) -> Result<Converted<'p>, ConvertError> {
        let Some(text) = value.as_str() else {
            return Err(ConvertError::new("salary", "text was expected", &value));
        };
        let raw = text.trim();
        if raw.is_empty() {
            return Ok(Tree::Null.into());
        }
        let mut members = vec![("raw".into(), Tree::from(raw))];
        let flaw = match self.read(raw) {
            Ok(Some(pay)) => {
                push(&mut members, &pay);
                pay.doubt.map(|why| ConvertError::new("salary", why, &value))
            }
            Ok(None) => None,
            Err(why) => Some(ConvertError::new("salary", why, &value)),
        };
        Ok(Converted { value: Tree::Object(members), flaw })
    }

    /// What the text says: nothing when it holds no amount, an error when it is ambiguous.
    fn read(&self, text: &str) -> Result<Option<Pay>, &'static str> {
        let text = amount::plain(text);
        let (text, months) = amount::cut_months(&text);
        let found = amount::amounts(&text, self.lang, self.currency.map_or(Some(1.0), currency::scale))?;
        let amounts = found.amounts;
        if amounts.is_empty() {
            return if found.unread { Err("a number that may be pay, without a currency") } else { Ok(None) };
        }
        let (min, max) = amount::range(&text, &amounts)?;
        let marks: Vec<_> = amounts.iter().flat_map(|amount| amount.marks.iter().copied()).collect();
        let currency = currency::of(&marks, &text, self.lang, self.currency)?;
        let period = period_of(&text, &amounts, currency, [min, max])?;
        let months = months.filter(|months| *months > 12.0 && *months <= 18.0);
        let (currency, doubt) = match currency {
            Currency::Known(code) => (Some(code), None),
            Currency::Unsaid => (None, None),
            Currency::Doubtful(why) => (None, Some(why)),
        };
        Ok(Some(Pay { min, max, currency, period: Some(period), months, doubt }))
    }
}

/// The currency that a mapping gives.
fn currency_of(args: &Args<'_>, given: &Given) -> Result<&'static str, Fault> {
    let word = match &given.arg {
        Arg::Text(word) | Arg::Word(word) => word.as_str(),
        _ => "",
    };
    let code = currency::code(word).filter(|code| *code == word);
    code.ok_or_else(|| args.fault(given, "a currency of ISO 4217 was expected").hint(r#"for example `currency="SEK"`"#))
}

/// What the amounts are paid for: the words say it, or nothing else can be meant.
fn period_of(
    text: &str,
    amounts: &[Amount],
    currency: Currency,
    ends: [Option<f64>; 2],
) -> Result<Period, &'static str> {
    let scale = match currency {
        Currency::Known(code) => currency::scale(code),
        Currency::Unsaid => Some(1.0),
        Currency::Doubtful(_) => None,
    };
    let named = match period::named(text, amounts)? {
        Named::Is(period) => Some(period),
        Named::None => return Err("an amount without a period"),
        Named::Unsaid => period::implied(amounts, scale),
    };
    let period = named.ok_or("an amount without a period")?;
    if ends.into_iter().flatten().all(|amount| period.plausible(amount, scale)) {
        return Ok(period);
    }
    Err("an amount that no one is paid for this period")
}

fn push(members: &mut Vec<(std::borrow::Cow<'_, str>, Tree<'_>)>, pay: &Pay) {
    let mut number = |name: &'static str, value: Option<f64>| {
        members.extend(value.map(|value| (name.into(), Tree::Float(value))));
    };
    number("min", pay.min);
    number("max", pay.max);
    number("months", pay.months);
    members.extend(pay.currency.map(|currency| ("currency".into(), Tree::text(currency))));
    members.extend(pay.period.map(|period| ("period".into(), Tree::text(period.word()))));
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests;
