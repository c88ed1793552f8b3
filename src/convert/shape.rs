//! What a chain of conversions can give, known before there is a value.
use super::number::Number;
use super::pattern::Pattern;
use super::{Conversion, date, list};

/// What is known of a value before there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing.
    Any,
    /// Text.
    Text,
    /// An instant, as text.
    Instant,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A point of two numbers.
    Point,
    /// What `salary` gives.
    Pay,
}

impl Shape {
    /// As messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Any => "a value",
            Shape::Text => "text",
            Shape::Instant => "an instant",
            Shape::Number => "a number",
            Shape::Boolean => "true or false",
            Shape::Point => "a point",
            Shape::Pay => "an object of amounts",
        }
    }

    fn is_one_of(self, shapes: &[Shape]) -> bool {
        self == Shape::Any || shapes.contains(&self)
    }
}

impl Conversion {
    /// What it makes of a value of this shape; nothing where it can only fail.
    pub fn shape(&self, of: Shape) -> Option<Shape> {
        use Shape::{Any, Boolean, Instant, Number as Num, Pay, Point, Text};
        let (takes, gives): (&[Shape], Shape) = match self {
            Conversion::Date(date) if date.reads_numbers() => (&[Text, Instant, Num], Instant),
            Conversion::Date(_) | Conversion::Shift(_) | Conversion::Instant(date::Instant::Utc) => {
                (&[Text, Instant], Instant)
            }
            Conversion::Instant(date::Instant::Epoch) => (&[Text, Instant], Num),
            Conversion::Instant(date::Instant::Format(_)) => (&[Text, Instant], Text),
            Conversion::Number(Number::Any(_) | Number::Integer(_)) => (&[Text, Num], Num),
            Conversion::Number(Number::Boolean) => (&[Text, Num, Boolean], Boolean),
            Conversion::Number(Number::Text) | Conversion::Country | Conversion::Absolute(_) => {
                (&[Text, Instant, Num, Boolean], Text)
            }
            Conversion::Case(_) | Conversion::Html | Conversion::Unescape => (&[Text, Instant, Num, Boolean], Text),
            Conversion::Pattern(Pattern::Matches(_)) => (&[Text, Instant, Num, Boolean], Boolean),
            Conversion::Pattern(_) => (&[Text, Instant, Num, Boolean], Text),
            Conversion::List(list::List::Split(_)) => (&[Text, Instant], Text),
            Conversion::List(list::List::Join(_)) if of != Text => return Some(Any),
            Conversion::List(_) => return Some(of),
            Conversion::Default(_) | Conversion::Lookup(_) => return Some(Any),
            Conversion::Duration(duration) if duration.reads_numbers() => (&[Num], Num),
            Conversion::Duration(_) => (&[Text], Num),
            Conversion::Salary(_) => (&[Text], Pay),
            Conversion::Geo => (&[Point], Point),
            Conversion::Encode(_) => return Some(Text),
        };
        of.is_one_of(takes).then_some(gives)
    }
}
