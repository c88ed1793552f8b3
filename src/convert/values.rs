//! Trees as the values of minijinja, and back.
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectExt, ValueKind};
use minijinja::{Error, ErrorKind, Value};

use crate::tree::Tree;

/// An object in the order of the page; minijinja's own map would sort it, and `json` print it otherwise than it came.
#[derive(Debug)]
struct Members {
    members: Vec<(Arc<str>, Value)>,
    /// Whether a member that is missing is null: so it is in a record, whose objects differ from one to the next.
    lenient: bool,
}

impl Object for Members {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let found = self.members.iter().rev().find(|(name, _)| &**name == key).map(|(_, value)| value.clone());
        found.or_else(|| self.lenient.then(|| Value::from(())))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|this| Box::new(this.members.iter().map(|(name, _)| Value::from(&**name))))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.members.len())
    }
}

/// A tree as minijinja's value. A member that an object lacks is undefined; with `lenient` it is null.
pub(super) fn to_value(tree: &Tree<'_>, lenient: bool) -> Value {
    match tree {
        Tree::Null => Value::from(()),
        Tree::Bool(truth) => Value::from(*truth),
        Tree::Int(number) => Value::from(*number),
        Tree::Float(number) => Value::from(*number),
        // Whole numbers keep their digits as long as minijinja has room for them; other numbers are computed with.
        Tree::Number(digits) => match (digits.parse::<i128>(), digits.parse::<f64>()) {
            (Ok(number), _) => Value::from(number),
            (_, Ok(number)) => Value::from(number),
            _ => Value::from(()),
        },
        Tree::Text(text) => Value::from(text.as_ref()),
        Tree::List(list) => list.iter().map(|item| to_value(item, lenient)).collect(),
        Tree::Object(members) => {
            let members = members.iter().map(|(name, value)| (Arc::from(&**name), to_value(value, lenient))).collect();
            Value::from_object(Members { members, lenient })
        }
    }
}

/// The tree that a value stands for; an error for one that is undefined.
pub(super) fn from_value(value: &Value) -> Result<Tree<'static>, Error> {
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(Error::new(ErrorKind::UndefinedError, "it has no value")),
        ValueKind::None => Tree::Null,
        ValueKind::Bool => Tree::Bool(value.is_true()),
        ValueKind::Number => match (value.as_i64(), i128::try_from(value.clone())) {
            (Some(number), _) if value.is_integer() => Tree::Int(number),
            (_, Ok(number)) if value.is_integer() => Tree::Number(number.to_string().into()),
            _ => Tree::Float(f64::try_from(value.clone())?),
        },
        ValueKind::Map => {
            let mut members = Vec::new();
            for name in value.try_iter()? {
                members.push((name.to_string().into(), from_value(&value.get_item(&name)?)?));
            }
            Tree::Object(members)
        }
        ValueKind::Seq | ValueKind::Iterable => {
            Tree::List(value.try_iter()?.map(|item| from_value(&item)).collect::<Result<_, _>>()?)
        }
        _ => Tree::from(value.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_went() {
        for text in [r#"{"z":1,"a":[1.5,null,true,{"é":"ü"}],"m":{}}"#, "[]", "\"x\"", "-3", "9007199254740993"] {
            let tree: Tree<'_> = serde_json::from_str(text).unwrap();
            for lenient in [true, false] {
                assert_eq!(from_value(&to_value(&tree, lenient)).unwrap().to_string(), text);
            }
        }
    }
}
