//! The small types that parse themselves out of a text of a file: paths, templates, expressions, durations.
pub mod fault;
mod breadth;
mod extent;
mod pattern;
mod walk;
pub mod path;
#[cfg(test)]
mod query;
mod shape;
pub mod call;
pub mod expression;
pub mod template;
mod visit;
pub mod reader;
pub mod records;
pub mod value;
pub mod name;
pub mod duration;
pub mod cron;
pub mod given;
pub mod origin;
mod described;
pub mod written;

pub use call::{Arg, Call};
pub use cron::{Cron, Zone};
pub use duration::{Period, Rate, Share, Span};
pub use expression::{Expression, Operand};
pub use fault::{Fault, nearest};
pub use given::Given;
pub use name::Name;
pub use origin::Origin;
pub use path::Path;
pub use reader::{Clock, Reader};
pub use records::RecordsAt;
pub use template::{Code, Piece, Template};
pub use value::Value;
pub use written::Written;
