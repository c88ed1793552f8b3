//! The cells of an offer: each value fitted to its field, the whole checked and serialised once.
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::fit::{fit, instant};
use super::{Around, Extract, Flaw, Made, Value};
use crate::bounds::{OFFER, TEXT, cut};
use crate::convert::render::Scope;
use crate::convert::salary::{Period, yearly};
use crate::offer::{Offer, OfferId, Reject};
use crate::schema::{FieldNumber, Schema};
use crate::tree::Tree;

/// One line of a mapping, compiled.
#[derive(Debug)]
pub(crate) struct Line {
    pub field: String,
    pub value: Value,
}

/// An offer's content in the page's text.
pub type Written = Range<usize>;

/// The schema with the numbers of the fields that the program itself reads and writes.
#[derive(Debug)]
pub(crate) struct Cells {
    schema: Arc<Schema>,
    id: Option<FieldNumber>,
    source: Option<FieldNumber>,
    source_id: Option<FieldNumber>,
    expires: Option<FieldNumber>,
    pay: Option<Pay>,
}

#[derive(Debug)]
struct Pay {
    min: FieldNumber,
    max: FieldNumber,
    period: FieldNumber,
    months: Option<FieldNumber>,
    yearly_min: FieldNumber,
    yearly_max: FieldNumber,
}

impl Cells {
    pub(super) fn new(schema: Arc<Schema>) -> Self {
        let number = |index: usize| schema.number(crate::schema::ENGINE[index].0);
        let pay = || {
            Some(Pay {
                min: number(3)?,
                max: number(4)?,
                period: number(5)?,
                months: schema.number("salary.months"),
                yearly_min: number(6)?,
                yearly_max: number(7)?,
            })
        };
        let (id, source, source_id, expires) = (number(0), number(1), number(2), number(12));
        Cells { pay: pay(), id, source, source_id, expires, schema }
    }
}

impl Extract {
    pub(super) fn make(
        &self,
        record: &Tree<'_>,
        scope: &Scope<'_>,
        around: &Around<'_>,
        key: &str,
        text: &mut Vec<u8>,
        flaws: &mut Vec<Flaw>,
    ) -> Made {
        let schema = &self.cells.schema;
        let mut offer = Offer::new(schema.fields().len());
        let (mut extra, mut taken): (Vec<(Cow<'_, str>, Tree<'_>)>, _) = (Vec::new(), 0);
        for line in &self.fields {
            let mut errors = Vec::new();
            let value = line.value.value(record, scope, around.moment, &mut errors).unwrap_or_else(|error| {
                flaws.push(Flaw { field: line.field.clone(), message: error.to_string() });
                Tree::Null
            });
            flaws.extend(errors.iter().map(|error| Flaw { field: line.field.clone(), message: error.to_string() }));
            if let Some(name) = line.field.strip_prefix("extra.") {
                let (value, told) = short(value);
                flaws.extend(told.map(|message| Flaw { field: line.field.clone(), message }));
                taken += weight(&value);
                match taken > OFFER {
                    true => flaws.push(Flaw { field: line.field.clone(), message: HEAVY.into() }),
                    false if value.is_null() => {}
                    false => extra.push((Cow::Borrowed(name), value)),
                }
            } else if schema.number(&line.field).is_some() {
                self.put(&line.field, value, &mut offer, flaws);
            } else if let Tree::Object(members) = value {
                for (name, value) in members {
                    self.put(&format!("{}.{name}", line.field), value, &mut offer, flaws);
                }
            } else if !value.is_null() {
                let message = format!("{} where an object of fields was expected", value.kind());
                flaws.push(Flaw { field: line.field.clone(), message });
            }
        }
        if let (false, Some(number)) = (extra.is_empty(), schema.number("extra")) {
            offer.set(number, Tree::Object(extra));
        }
        self.complete(&mut offer, around.source, key);
        if !around.listed {
            if let Some(reject) = self.missing(&offer, flaws) {
                return Made::Rejected(reject);
            }
            if !around.unfiltered && !self.kept(&offer, around) {
                return Made::Filtered;
            }
        }
        let expires = self.cells.expires.and_then(|number| offer.get(number).as_str()).and_then(instant);
        let start = text.len();
        serialise(schema, &offer, text);
        Made::Offer(start..text.len(), expires)
    }

    fn put<'p>(&self, name: &str, value: Tree<'p>, offer: &mut Offer<'p>, flaws: &mut Vec<Flaw>) {
        let schema = &self.cells.schema;
        let Some(number) = schema.number(name) else { return };
        let field = &schema.fields()[number];
        let mut dropped = Vec::new();
        let fitted = fit(value, &field.kind, &field.values, &mut dropped);
        flaws.extend(dropped.into_iter().map(|message| Flaw { field: name.to_owned(), message }));
        match fitted {
            // A more exact key that finds nothing does not undo what the object said.
            Ok(Tree::Null) => {}
            Ok(value) => {
                let (value, told) = short(value);
                flaws.extend(told.map(|message| Flaw { field: name.to_owned(), message }));
                if self.fits(name, &value, offer, flaws) {
                    offer.set(number, value);
                }
            }
            Err(message) => flaws.push(Flaw { field: name.to_owned(), message }),
        }
    }

    /// Whether an offer has room for one more value; it is told where it has none.
    fn fits(&self, name: &str, value: &Tree<'_>, offer: &Offer<'_>, flaws: &mut Vec<Flaw>) -> bool {
        let own = weight(value);
        // Most values are short, and need no look at the others.
        let fits = own < SHORT || own + offer.cells().iter().map(weight).sum::<usize>() <= OFFER;
        if !fits {
            flaws.push(Flaw { field: name.to_owned(), message: HEAVY.into() });
        }
        fits
    }

    /// What the program sets: id, source, key, the yearly amounts; and what stands only beside another field.
    fn complete(&self, offer: &mut Offer<'_>, source: &str, key: &str) {
        let cells = &self.cells;
        let set = |number: Option<FieldNumber>, value: String, offer: &mut Offer<'_>| {
            if let Some(number) = number {
                offer.set(number, Tree::from(value));
            }
        };
        set(cells.id, OfferId::new(source, key).to_string(), offer);
        set(cells.source, source.to_owned(), offer);
        set(cells.source_id, key.to_owned(), offer);
        for (number, field) in cells.schema.fields().iter().enumerate() {
            let beside = |name: &String| cells.schema.number(name).is_some_and(|number| !offer.get(number).is_null());
            if !field.needs.is_empty() && !field.needs.iter().any(beside) {
                offer.set(number, Tree::Null);
            }
        }
        let Some(pay) = &cells.pay else { return };
        let period = offer.get(pay.period).as_str().and_then(Period::parse);
        let months = pay.months.and_then(|number| float(offer.get(number)));
        for (from, to) in [(pay.min, pay.yearly_min), (pay.max, pay.yearly_max)] {
            if let (Some(amount), Some(period)) = (float(offer.get(from)), period) {
                offer.set(to, Tree::Float(yearly(amount, period, months)));
            }
        }
    }

    /// A required field that is empty rejects the record; a flaw of that field says why.
    fn missing(&self, offer: &Offer<'_>, flaws: &[Flaw]) -> Option<Reject> {
        let fields = self.cells.schema.fields().iter().enumerate();
        let (_, field) = fields
            .filter(|(_, field)| field.required && !field.by_engine)
            .find(|(number, _)| offer.get(*number).is_null())?;
        let line = self.fields.iter().find(|line| line.field == field.name);
        let why = flaws.iter().rev().find(|flaw| flaw.field == field.name).map(|flaw| flaw.message.clone());
        Some(Reject {
            reason: "required".into(),
            stage: "map".into(),
            field: Some(field.name.clone()),
            path: line.map(|line| line.value.text()),
            message: why.unwrap_or_else(|| format!("the required field `{}` is empty", field.name)),
        })
    }

    fn kept(&self, offer: &Offer<'_>, around: &Around<'_>) -> bool {
        if around.keeps.is_empty() {
            return true;
        }
        let tree = nested(&self.cells.schema, offer);
        let scope = Scope::new(around.moment).tree("offer", &tree);
        around.keeps.iter().all(|keep| keep.value(&scope).is_ok_and(|value| value.is_true()))
    }
}

/// What is told of a value that is left out.
const HEAVY: &str = "left out: the texts of the offer would be more than 2 MiB";
/// Bytes of a value that always fits.
const SHORT: usize = 16 << 10;

/// Bytes of the texts in a value, and of what holds them.
fn weight(value: &Tree<'_>) -> usize {
    match value {
        Tree::Text(text) | Tree::Number(text) => text.len(),
        Tree::List(list) => list.iter().map(|value| weight(value) + 8).sum(),
        Tree::Object(members) => members.iter().map(|(name, value)| name.len() + weight(value) + 8).sum(),
        Tree::Null | Tree::Bool(_) | Tree::Int(_) | Tree::Float(_) => 8,
    }
}

/// A text that is not longer than one may be, and what is told of it where it was.
fn short(value: Tree<'_>) -> (Tree<'_>, Option<String>) {
    match value {
        Tree::Text(text) if text.len() > TEXT => {
            let message = format!("{} bytes of text, of which the first {TEXT} are kept", text.len());
            (Tree::from(cut(&text, TEXT)), Some(message))
        }
        other => (other, None),
    }
}

fn float(value: &Tree<'_>) -> Option<f64> {
    value.as_f64()
}

/// The offer as an object: dotted names become members of objects.
fn nested<'p>(schema: &Schema, offer: &Offer<'p>) -> Tree<'p> {
    let mut members: Vec<(Cow<'p, str>, Tree<'p>)> = Vec::new();
    for (field, value) in schema.fields().iter().zip(offer.cells()) {
        if value.is_null() {
            continue;
        }
        match field.name.split_once('.') {
            None => members.push((field.name.clone().into(), value.clone())),
            Some((head, rest)) => match members.iter_mut().find(|(name, _)| name == head) {
                Some((_, Tree::Object(inner))) => inner.push((rest.to_owned().into(), value.clone())),
                _ => {
                    members.push((head.to_owned().into(), Tree::Object(vec![(rest.to_owned().into(), value.clone())])))
                }
            },
        }
    }
    Tree::Object(members)
}

/// Writes the offer as JSON, once. Empty fields are left out; members of one object stand together.
fn serialise(schema: &Schema, offer: &Offer<'_>, out: &mut Vec<u8>) {
    let fields = schema.fields();
    let mut done: Vec<&str> = Vec::new();
    out.push(b'{');
    let mut first = true;
    for (number, field) in fields.iter().enumerate() {
        if offer.get(number).is_null() {
            continue;
        }
        let (head, inner) = match field.name.split_once('.') {
            None => (field.name.as_str(), false),
            Some((head, _)) if done.contains(&head) => continue,
            Some((head, _)) => (head, true),
        };
        separate(out, &mut first);
        key(out, head);
        if !inner {
            json(out, offer.get(number));
            continue;
        }
        done.push(head);
        out.push(b'{');
        let mut first = true;
        for (number, field) in fields.iter().enumerate().skip(number) {
            if let (Some((found, rest)), false) = (field.name.split_once('.'), offer.get(number).is_null())
                && found == head
            {
                separate(out, &mut first);
                key(out, rest);
                json(out, offer.get(number));
            }
        }
        out.push(b'}');
    }
    out.push(b'}');
}

fn separate(out: &mut Vec<u8>, first: &mut bool) {
    if !std::mem::replace(first, false) {
        out.push(b',');
    }
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn json(out: &mut Vec<u8>, value: &Tree<'_>) {
    // Writing a tree to memory cannot fail: keys are text and numbers are finite.
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.extend_from_slice(b"null");
    }
}
