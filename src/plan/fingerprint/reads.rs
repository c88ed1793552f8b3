//! What written values read besides the answer: parameters, variables of the environment, tables.
use std::collections::BTreeSet;

use super::canonical::Canonical;
use crate::convert::Conversion;
use crate::scalar::{Call, Operand, Template, Value};

/// Names that templates and expressions read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reads {
    /// Parameters; `None` is all of them.
    pub params: BTreeSet<Option<String>>,
    /// Variables of the environment.
    pub env: BTreeSet<String>,
    /// Tables, `FILE.TABLE`.
    pub tables: BTreeSet<String>,
}

impl Reads {
    /// What all texts of a value read.
    pub fn add(&mut self, value: &Canonical) {
        value.texts(&mut |text| self.text(text));
    }

    /// The same of who asks. A variable may be a secret there, so it counts by its name, but where it chooses who asks.
    pub fn add_auth(&mut self, auth: &Canonical) {
        let mut all = Reads::default();
        all.add(auth);
        self.params.extend(all.params);
        self.tables.extend(all.tables);
        if let Canonical::List(branches) = auth {
            branches.iter().filter_map(|branch| branch.get("when")).for_each(|when| self.add(when));
        }
    }

    fn text(&mut self, text: &str) {
        match text.parse::<Value>() {
            Ok(Value::Template(template)) => self.template(&template),
            Ok(Value::Expression(expression)) => {
                let operands = expression.operands.iter().filter_map(|operand| match operand {
                    Operand::Call(call) => Some(call),
                    _ => None,
                });
                operands.chain(&expression.calls).for_each(|call| self.call(call));
            }
            // Other texts read nothing.
            Ok(_) | Err(_) => {}
        }
    }

    fn template(&mut self, template: &Template) {
        for name in template.names() {
            match (name.parts[0].as_str(), name.parts.get(1)) {
                ("param", name) => drop(self.params.insert(name.cloned())),
                ("env", Some(name)) => drop(self.env.insert(name.clone())),
                _ => {}
            }
        }
        template.codes().flat_map(|code| &code.calls).for_each(|call| self.call(call));
    }

    fn call(&mut self, call: &Call) {
        if let Ok(conversion) = Conversion::parse(call) {
            self.tables.extend(conversion.table().map(str::to_owned));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], params: &[Option<&str>], env: &[&str], tables: &[&str]) {
        let mut reads = Reads::default();
        let list = texts.iter().map(|text| Canonical::Text((*text).to_owned())).collect();
        reads.add(&Canonical::List(list));
        let params = params.iter().map(|name| name.map(str::to_owned)).collect();
        let [env, tables] = [env, tables].map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(reads, Reads { params, env, tables }, "{texts:?}");
    }

    #[test]
    fn templates_and_expressions_say_what_they_read() {
        check(&["$.a | lookup(c.words) | default(\"${x}\")", "plain", "$.a["], &[], &[], &[]);
        check(&["$.a ?? $.b | lookup(c.words)", "$.a | lookup(c.other)"], &[], &[], &["c.other", "c.words"]);
        check(&["${record.a | lookup('c.words')} ${env.A or env.B}"], &[], &["A", "B"], &["c.words"]);
        check(&["${param.x}/${param.y}", "${param}"], &[None, Some("x"), Some("y")], &[], &[]);
    }
}
