//! `salary(LANG)`: what a text says of pay, or nothing and a flaw where it is ambiguous. Never a guess.
mod amount;
mod period;

use super::args::Args;
use super::{ConvertError, Converted};
use crate::scalar::Fault;
use crate::tree::Tree;

pub use period::{Period, yearly};

/// The conversion, for texts of one language or, without one, of any.
#[derive(Clone, Copy, Debug)]
pub struct Salary {
    lang: Lang,
}

/// Language of the text: decides what a comma means and which words name a period.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lang {
    French,
    English,
    Any,
}

/// What was understood.
#[derive(Clone, Debug, Default, PartialEq)]
struct Pay {
    min: Option<f64>,
    max: Option<f64>,
    currency: Option<&'static str>,
    period: Option<Period>,
    months: Option<f64>,
}

impl Salary {
    pub(super) fn parse(args: &Args<'_>) -> Result<Self, Fault> {
        args.at_most(1, &[])?;
        let Some(given) = args.plain().next() else { return Ok(Salary { lang: Lang::Any }) };
        let lang = match args.text("salary(fr)")?.0 {
            "fr" => Lang::French,
            "en" => Lang::English,
            other => {
                return Err(args
                    .fault(given, format!("`{other}` is not a language of `salary`"))
                    .hint("`fr`, `en`, or none for any"));
            }
        };
        Ok(Salary { lang })
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
        let flaw = match read(raw, self.lang) {
            Ok(Some(pay)) => {
                push(&mut members, &pay);
                None
            }
            Ok(None) => None,
            Err(why) => Some(ConvertError::new("salary", why, &value)),
        };
        Ok(Converted { value: Tree::Object(members), flaw })
    }
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

/// What the text says: nothing when it holds no amount, an error when it is ambiguous.
fn read(text: &str, lang: Lang) -> Result<Option<Pay>, &'static str> {
    let text = amount::plain(text);
    let (text, months) = amount::cut_months(&text);
    let amounts = amount::amounts(&text, lang)?;
    if amounts.is_empty() {
        return Ok(None);
    }
    let (min, max) = amount::range(&text, &amounts)?;
    let period = period::named(&text, &amounts)?.or_else(|| period::implied(&amounts));
    let Some(period) = period else { return Err("an amount without a period") };
    if !period.plausible(min.or(max).unwrap_or(0.0)) || !period.plausible(max.or(min).unwrap_or(0.0)) {
        return Err("an amount that no one is paid for this period");
    }
    let currency = amount::currency(&amounts, lang)?;
    let months = months.filter(|months| *months > 12.0 && *months <= 18.0);
    Ok(Some(Pay { min, max, currency, period: Some(period), months }))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests;
