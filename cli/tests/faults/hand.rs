//! Another hand at the server: it does its deeds, takes back what lasts, and remembers how things must stay.
use std::collections::HashSet;

use jobmarket::offer::OfferId;
use serde_json::{Value, json};

use crate::deeds::{CLAIMS, COPY, Deed, Kind, OFFERS, ROLLED, STRANGER, WRITTEN};
use crate::project::SOURCES;
use crate::server::{Copy, Server};
use crate::stored::Stored;
use crate::verdict::{Verdict, Wrong};

/// Documents that are deleted or edited at a time.
const SOME: usize = 12;

/// A hand at the server, with what it remembers.
pub struct Hand {
    server: Server,
    random: fastrand::Rng,
    /// The index of offers, and which one of this name it is; `None` when the hand took it away.
    index: String,
    uuid: Option<String>,
    /// How the indices were a while ago.
    older: Vec<(&'static str, Copy)>,
    /// The hand's own indices as they must stay.
    own: Vec<(&'static str, Value)>,
    /// Documents of the hand in the index of offers.
    foreign: Vec<String>,
    /// Offers whose documents it deleted or edited one by one, by source and key, until a sweep has compared them.
    pub touched: HashSet<(String, String)>,
}

impl Hand {
    /// A hand at a server that holds nothing but a stranger's index.
    pub async fn new(url: &str, seed: u64) -> Self {
        let server = Server::new(url);
        server.clear().await;
        let keyword = json!({"type": "keyword"});
        let mapping = json!({"properties": {"id": keyword, "owner": keyword}});
        server.expect("PUT", STRANGER, json!({"mappings": mapping})).await;
        let put = |id| json!({"index": {"_id": format!("{id}")}});
        let lines: Vec<Value> = (0..3).flat_map(|id| [put(id), json!({"id": id, "owner": "somebody"})]).collect();
        server.bulk(STRANGER, &lines).await;
        let mut hand = Hand {
            server,
            random: fastrand::Rng::with_seed(seed),
            index: String::new(),
            uuid: None,
            older: Vec::new(),
            own: Vec::new(),
            foreign: Vec::new(),
            touched: HashSet::new(),
        };
        hand.note(STRANGER).await;
        hand
    }

    /// Copies what is there now; the first time, it is the first that is there.
    pub async fn remember(&mut self) {
        let names = self.server.indices().await;
        let own = [STRANGER, COPY, ROLLED];
        self.index = names.into_iter().find(|name| name.starts_with(OFFERS) && !own.contains(&&**name)).unwrap();
        self.uuid = self.server.uuid(&self.index).await;
        self.older.clear();
        for whose in [OFFERS, CLAIMS] {
            let copy = self.server.copy(&self.name(whose)).await;
            self.older.extend(copy.map(|copy| (whose, copy)));
        }
    }

    fn name(&self, whose: &str) -> String {
        if whose == OFFERS { self.index.clone() } else { whose.to_owned() }
    }

    /// Does something.
    pub async fn act(&mut self, deed: Deed) {
        match deed.kind {
            Kind::Delete(all) => {
                for whose in all {
                    self.forget(whose);
                    self.server.ask("DELETE", &self.name(whose), Value::Null).await;
                }
            }
            Kind::PutBack(all) => {
                all.iter().for_each(|whose| self.forget(whose));
                for (_, copy) in self.older.iter().filter(|(whose, _)| all.contains(whose)) {
                    self.server.put_back(copy).await;
                }
            }
            Kind::Move(aliases, to) => {
                if to == COPY {
                    // As an operator copies an index: all of it, also what the program wrote at its mapping.
                    let copy = self.server.copy(&self.index).await.unwrap();
                    self.server.put_as(COPY, &copy).await;
                    self.note(COPY).await;
                }
                self.aliases(aliases, to).await;
            }
            Kind::Set(name, value) => self.set(json!({name: value})).await,
            Kind::Close => drop(self.server.ask("POST", &format!("{}/_close", self.index), Value::Null).await),
            Kind::RollOver => {
                let path = format!("{WRITTEN}/_rollover/{ROLLED}");
                self.server.expect("POST", &path, Value::Null).await;
                self.note(ROLLED).await;
            }
            Kind::DeleteSome => {
                let ids: Vec<Value> = self.some().await.into_iter().map(|(id, _)| id).collect();
                let lines: Vec<Value> = ids.iter().map(|id| json!({"delete": {"_id": id}})).collect();
                self.server.bulk(&self.index, &lines).await;
            }
            Kind::EditSome => {
                let edited = self.some().await.into_iter().flat_map(|(id, mut document)| {
                    document["title"] = "edited by hand".into();
                    [json!({"index": {"_id": id}}), document]
                });
                let lines: Vec<Value> = edited.collect();
                self.server.bulk(&self.index, &lines).await;
            }
            Kind::AddForeign => {
                let id = format!("by-hand-{}", self.foreign.len());
                let with = json!({"id": id, "source": "edge", "title": "put in by hand"});
                let lines = [
                    json!({"index": {"_id": id}}),
                    with,
                    json!({"index": {"_id": format!("{id}-bare")}}),
                    json!({"title": "put in by hand, with no id"}),
                ];
                if self.server.bulk(&self.index, &lines).await == [201, 201] {
                    self.foreign.extend([id.clone(), format!("{id}-bare")]);
                }
            }
        }
    }

    /// Takes its documents out of the index of offers, each by the call that `verify` gives for it: also those that came
    /// back with an older copy.
    pub async fn take_away(&mut self, verified: &str, verdict: &mut Verdict) {
        self.foreign.clear();
        let there = self.server.documents(&self.index).await;
        let ids = there.iter().filter_map(|hit| hit["_id"].as_str());
        for id in ids.filter(|id| id.starts_with("by-hand")) {
            let line = verified.lines().find(|line| line.contains(&format!("`{id}`"))).unwrap_or_default();
            match line.split("`DELETE /").nth(1).and_then(|call| call.split('`').next()) {
                Some(path) => {
                    self.server.expect("DELETE", &format!("{path}?refresh=true"), Value::Null).await;
                }
                None => verdict.add(Wrong::Verify, format!("the foreign document {id} is not told:\n{verified}")),
            }
        }
    }

    /// Takes something back.
    pub async fn undo(&mut self, deed: Deed) {
        match deed.kind {
            Kind::Move(aliases, to) => {
                self.aliases(aliases, &self.index).await;
                if to == COPY {
                    self.drop_own(COPY).await;
                }
            }
            Kind::Set(name, _) => self.set(json!({name: null})).await,
            Kind::Close => drop(self.server.ask("POST", &format!("{}/_open", self.index), Value::Null).await),
            Kind::RollOver => {
                self.aliases(&[WRITTEN], &self.index).await;
                self.drop_own(ROLLED).await;
            }
            _ => {}
        }
    }

    async fn set(&self, settings: Value) {
        self.server.ask("PUT", &format!("{}/_settings", self.index), settings).await;
    }

    /// Moves aliases to an index from wherever they are, if that index is there at all.
    async fn aliases(&self, aliases: &[&str], to: &str) {
        for alias in aliases {
            let (_, holders) = self.server.ask("GET", &format!("_alias/{alias}"), Value::Null).await;
            let holders = holders.as_object().into_iter().flat_map(|holders| holders.keys());
            let holders = holders.filter(|holder| holder.starts_with(OFFERS) || *holder == STRANGER);
            let mut actions: Vec<Value> =
                holders.map(|holder| json!({"remove": {"index": holder, "alias": alias}})).collect();
            if self.server.uuid(to).await.is_some() {
                let mut add = json!({"index": to, "alias": alias});
                if *alias == WRITTEN {
                    add["is_write_index"] = true.into();
                }
                actions.push(json!({"add": add}));
            }
            self.server.expect("POST", "_aliases", json!({"actions": actions})).await;
        }
    }

    /// Some offers of ours at random, from now on touched.
    async fn some(&mut self) -> Vec<(Value, Value)> {
        let mut hits = self.server.documents(&self.index).await;
        hits.retain(is_offer);
        self.random.shuffle(&mut hits);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let some: Vec<(Value, Value)> =
            hits.into_iter().take(SOME).map(|mut hit| (hit["_id"].take(), hit["_source"].take())).collect();
        let keys = some.iter().map(|(_, document)| (text(&document["source"]), text(&document["source_id"])));
        self.touched.extend(keys);
        some
    }

    fn forget(&mut self, whose: &str) {
        if whose == OFFERS {
            self.uuid = None;
            self.foreign.clear();
        }
    }

    /// Notes how an index of the hand must stay.
    async fn note(&mut self, name: &'static str) {
        let is = self.look(name).await;
        self.own.push((name, is));
    }

    async fn drop_own(&mut self, name: &'static str) {
        self.own.retain(|(own, _)| *own != name);
        self.server.ask("DELETE", name, Value::Null).await;
    }

    /// An index and its documents, without its aliases, which the hand itself moves.
    async fn look(&self, name: &str) -> Value {
        let mut index = self.server.index(name).await.unwrap_or_default();
        if let Some(members) = index.as_object_mut() {
            members.remove("aliases");
        }
        json!({"index": index, "documents": self.server.documents(name).await})
    }

    /// The index of offers was not taken away by whom it does not belong to, and what is the hand's is as it was.
    pub async fn check(&mut self, what: &str, verdict: &mut Verdict) {
        let uuid = self.server.uuid(&self.index).await;
        if self.uuid.is_some() && uuid != self.uuid {
            let index = &self.index;
            verdict.add(Wrong::Destroyed, format!("{what}: {index} was {:?} and is {uuid:?}", self.uuid));
        }
        self.uuid = uuid;
        let mut own = Vec::new();
        for (name, was) in std::mem::take(&mut self.own) {
            let is = self.look(name).await;
            if is != was {
                verdict.add(Wrong::Touched, format!("{what}: {name}: {}", differences("", &was, &is).join(", ")));
            }
            own.push((name, is));
        }
        self.own = own;
    }

    /// All offers that are stored, read past the program, and whether the hand's documents are still among them.
    pub async fn stored(&self, what: &str, verdict: &mut Verdict) -> Vec<Stored> {
        let hits = self.server.documents(&self.index).await;
        for id in self.foreign.iter().filter(|id| !hits.iter().any(|hit| hit["_id"] == id.as_str())) {
            verdict.add(Wrong::Touched, format!("{what}: the foreign document {id} is gone"));
        }
        hits.into_iter().filter(is_offer).map(|mut hit| Stored::of(hit["_source"].take())).collect()
    }
}

fn is_offer(hit: &Value) -> bool {
    let is_of_a_source = SOURCES.iter().any(|(source, _)| hit["_source"]["source"] == *source);
    is_of_a_source && hit["_id"].as_str().is_some_and(|id| OfferId::parse(id).is_some())
}

/// What differs, member by member.
fn differences(path: &str, was: &Value, is: &Value) -> Vec<String> {
    let (Some(old), Some(new)) = (was.as_object(), is.as_object()) else {
        let size = |value: &Value| value.as_array().map_or(value.to_string(), |all| format!("{} entries", all.len()));
        return if was == is { Vec::new() } else { vec![format!("`{path}` was {} and is {}", size(was), size(is))] };
    };
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names.into_iter().flat_map(|name| differences(&format!("{path}/{name}"), &was[name], &is[name])).collect()
}
