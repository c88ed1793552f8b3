//! What the role of `deploy/role.json` grants: each call judged by the privilege that it needs, as a server with security does.
use std::path::Path;

use serde_json::Value;

use super::proxy::Asked;

/// A role as the server takes it.
pub struct Role {
    cluster: Vec<String>,
    /// Patterns of names, and what may be done with what they match.
    indices: Vec<(Vec<String>, Vec<String>)>,
}

/// What a call needs: one of these privileges, on the cluster or on each of these indices and aliases.
enum Need {
    Cluster(&'static [&'static str]),
    Indices(Vec<String>, &'static [&'static str]),
}

/// Calls on `/INDEX/API/…`, with the index privileges that grant them: Elasticsearch's "Security privileges".
const CALLS: [(&str, &str, &[&str]); 23] = [
    ("PUT", "", &["create_index", "manage", "all"]),
    ("DELETE", "", &["delete_index", "manage", "all"]),
    ("GET", "", &["view_index_metadata", "manage", "all"]),
    ("HEAD", "", &["view_index_metadata", "manage", "all"]),
    ("GET", "_alias", &["view_index_metadata", "manage", "all"]),
    ("GET", "_mapping", &["view_index_metadata", "manage", "all"]),
    ("GET", "_settings", &["view_index_metadata", "monitor", "manage", "all"]),
    ("PUT", "_mapping", &["manage", "all"]),
    ("PUT", "_settings", &["manage", "all"]),
    ("PUT", "_block", &["manage", "all"]),
    ("POST", "_refresh", &["maintenance", "manage", "all"]),
    ("POST", "_bulk", &["write", "all"]),
    ("PUT", "_doc", &["index", "write", "all"]),
    ("PUT", "_create", &["create_doc", "create", "index", "write", "all"]),
    ("DELETE", "_doc", &["delete", "write", "all"]),
    ("GET", "_doc", &["read", "all"]),
    ("POST", "_mget", &["read", "all"]),
    ("POST", "_search", &["read", "all"]),
    ("GET", "_search", &["read", "all"]),
    ("GET", "_count", &["read", "all"]),
    ("POST", "_count", &["read", "all"]),
    ("POST", "_pit", &["read", "all"]),
    ("GET", "_stats", &["monitor", "manage", "all"]),
];

impl Role {
    /// The role of the project.
    pub fn read() -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = ["deploy/role.json", "../deploy/role.json"].map(|path| here.join(path));
        let path = path.iter().find(|path| path.exists()).unwrap();
        Self::parse(&std::fs::read_to_string(path).unwrap())
    }

    pub fn parse(text: &str) -> Self {
        let role: Value = serde_json::from_str(text).unwrap();
        let words =
            |list: &Value| list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect();
        let indices = role["indices"].as_array().unwrap();
        let indices = indices.iter().map(|entry| (words(&entry["names"]), words(&entry["privileges"]))).collect();
        Role { cluster: words(&role["cluster"]), indices }
    }

    /// Whether a call is granted; why not, in the words of the server.
    pub fn judge(&self, asked: &Asked) -> Result<(), String> {
        let call = format!("{} {}", asked.method, asked.path);
        match need(asked) {
            None => Err(format!("action [{call}] is unauthorized: no privilege of this role is known to grant it")),
            Some(Need::Cluster(privileges)) if granted(&self.cluster, privileges) => Ok(()),
            Some(Need::Cluster(privileges)) => Err(format!(
                "action [{call}] is unauthorized for user [jobmarket] with effective roles [jobmarket], this action is granted by the cluster privileges [{}]",
                privileges.join(",")
            )),
            Some(Need::Indices(names, privileges)) => match names.iter().find(|name| !self.grants(name, privileges)) {
                None => Ok(()),
                Some(name) => Err(format!(
                    "action [{call}] is unauthorized for user [jobmarket] with effective roles [jobmarket] on indices [{name}], this action is granted by the index privileges [{}]",
                    privileges.join(",")
                )),
            },
        }
    }

    fn grants(&self, name: &str, privileges: &[&str]) -> bool {
        let matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => name == pattern,
        };
        self.indices.iter().any(|(names, given)| names.iter().any(matches) && granted(given, privileges))
    }
}

fn granted(given: &[String], privileges: &[&str]) -> bool {
    given.iter().any(|word| privileges.contains(&word.as_str()))
}

/// What a call needs; `None` when it is in no table here.
fn need(asked: &Asked) -> Option<Need> {
    let path = asked.path.split('?').next()?.trim_start_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let named = |names: &str| names.split(',').map(str::to_owned).collect::<Vec<_>>();
    match (asked.method.as_str(), parts[0], parts.get(1)) {
        ("GET", "", None) | ("GET", "_license", None) => Some(Need::Cluster(&["monitor", "manage", "all"])),
        ("GET", "_cluster", Some(&"health")) => Some(Need::Cluster(&["monitor", "manage", "all"])),
        ("GET", "_alias", Some(names)) => Some(Need::Indices(named(names), &["view_index_metadata", "manage", "all"])),
        ("POST", "_aliases", None) => Some(Need::Indices(aliased(asked)?, &["manage", "all"])),
        (_, api, _) if api.starts_with('_') => None,
        (method, names, api) => {
            let api = api.copied().unwrap_or_default();
            let (.., privileges) = CALLS.iter().find(|(own, name, _)| (*own, *name) == (method, api))?;
            Some(Need::Indices(named(names), privileges))
        }
    }
}

/// The indices and the aliases of the actions on aliases: both are needed.
fn aliased(asked: &Asked) -> Option<Vec<String>> {
    let body: Value = serde_json::from_slice(&asked.text()).ok()?;
    let mut names = Vec::new();
    for action in body["actions"].as_array()? {
        let action = action.as_object()?.values().next()?;
        names.push(action["index"].as_str()?.to_owned());
        names.push(action["alias"].as_str()?.to_owned());
    }
    Some(names)
}
