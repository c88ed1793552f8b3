//! Arguments of a conversion, taken one by one and refused at their own place.
use crate::scalar::call::{Arg, Given};
use crate::scalar::{Call, Fault};

/// The arguments of one call.
pub struct Args<'c> {
    call: &'c Call,
}

impl<'c> Args<'c> {
    /// Of a call. A bare word in a template would be a variable there, so it is refused.
    pub fn new(call: &'c Call) -> Result<Self, Fault> {
        if call.template
            && let Some(Given { arg: Arg::Word(word), at, .. }) =
                call.args.iter().find(|given| matches!(given.arg, Arg::Word(_)))
        {
            return Err(Fault::new("bad-argument", at.clone(), format!("`{word}` is a bare word in a template"))
                .hint(format!("quote it: `{}(\"{word}\")`", call.name)));
        }
        Ok(Args { call })
    }

    /// The conversion's name.
    pub fn name(&self) -> &'c str {
        &self.call.name
    }

    /// Arguments without a name.
    pub fn plain(&self) -> impl Iterator<Item = &'c Given> {
        self.call.args.iter().filter(|given| given.name.is_none())
    }

    /// The argument of this name.
    pub fn named(&self, name: &str) -> Option<&'c Given> {
        self.call.args.iter().find(|given| given.name.as_deref() == Some(name))
    }

    /// A fault at an argument.
    pub fn fault(&self, given: &Given, message: impl Into<String>) -> Fault {
        Fault::new("bad-argument", given.at.clone(), message)
    }

    /// Refuses arguments beyond `most` plain ones and names other than these.
    pub fn at_most(&self, most: usize, names: &[&str]) -> Result<(), Fault> {
        let stranger =
            self.call.args.iter().find(|given| given.name.as_ref().is_some_and(|name| !names.contains(&name.as_str())));
        if let Some(given) = stranger {
            let name = given.name.as_deref().unwrap_or_default();
            return Err(self.fault(given, format!("`{}` has no argument `{name}`", self.name())));
        }
        match self.plain().nth(most) {
            Some(given) if most == 0 => Err(self.fault(given, format!("`{}` takes no argument", self.name()))),
            Some(given) => Err(self.fault(given, format!("`{}` takes {most} at most", self.name()))),
            None => Ok(()),
        }
    }

    /// Refuses any argument.
    pub fn none(&self) -> Result<(), Fault> {
        self.at_most(0, &[])
    }

    /// The first plain argument.
    pub fn one(&self, example: &str) -> Result<&'c Given, Fault> {
        self.plain().next().ok_or_else(|| {
            Fault::new("bad-argument", self.call.at.clone(), format!("`{}` needs an argument", self.name()))
                .hint(format!("for example `{example}`"))
        })
    }

    /// The first plain argument, as text (a bare word counts).
    pub fn text(&self, example: &str) -> Result<(&'c str, &'c Given), Fault> {
        let given = self.one(example)?;
        match &given.arg {
            Arg::Text(text) | Arg::Word(text) => Ok((text, given)),
            _ => Err(self
                .fault(given, format!("`{}` needs a text here", self.name()))
                .hint(format!("for example `{example}`"))),
        }
    }
}
