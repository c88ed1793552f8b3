//! What surrounds a project: the values of variables and secrets, without a word of where they were found.
use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

/// Variables of the environment, `.env` and the credentials folder, as the shell found them. Empty counts as unset.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    values: BTreeMap<String, SecretString>,
    /// What is there and cannot be read, and why. No other value stands in for it.
    faults: BTreeMap<String, String>,
}

impl Surroundings {
    /// Of these; earlier ones win.
    pub fn new(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Surroundings::read(values.into_iter().map(|(name, value)| (name, Ok(value))))
    }

    /// Of these, or of the reasons why they cannot be read; earlier ones win.
    pub fn read(values: impl IntoIterator<Item = (String, Result<String, String>)>) -> Self {
        let mut found = Surroundings::default();
        for (name, value) in values {
            let known = found.values.contains_key(&name) || found.faults.contains_key(&name);
            match value {
                _ if known => {}
                Ok(value) if value.is_empty() => {}
                Ok(value) => {
                    found.values.insert(name, value.into());
                }
                Err(why) => {
                    found.faults.insert(name, why);
                }
            }
        }
        found
    }

    /// Why one that is there cannot be read.
    pub fn fault(&self, name: &str) -> Option<&str> {
        self.faults.get(name).map(String::as_str)
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(ExposeSecret::expose_secret)
    }
}
