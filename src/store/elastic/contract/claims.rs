//! The index of claims as it has to be, and a claim as this program writes it.
use serde_json::Value;

use super::super::indices::Index;
use super::super::{Elastic, refused};
use super::origin::Place;
use super::{Found, Mend, mapping, settings};
use crate::offer::Version;
use crate::store::StoreError;
use elasticsearch::http::Method;

/// The members of a claim: each is text.
const MEMBERS: [&str; 4] = ["source", "owner", "fence", "ask"];

impl Elastic {
    /// The index of claims; `None` when there is none. An error when a run cannot live with it.
    pub(in super::super) async fn claims_fit(&self) -> Result<Option<Index>, StoreError> {
        let path = format!("/{}?expand_wildcards=all&flat_settings=true", self.claims);
        let (status, answer) = self.ask(Method::Get, &path, None).await?;
        let said = match status {
            200 => answer.as_object().cloned().unwrap_or_default(),
            404 => return Ok(None),
            _ => return Err(refused(status, &answer)),
        };
        let indices: Vec<Index> = said.iter().map(|(name, said)| Index::read(name, said)).collect();
        let [index] = &indices[..] else { return Err(self.elsewhere(&indices)) };
        if index.data_stream.is_some() {
            return Err(self.elsewhere(&indices));
        }
        let mut found = Found::default();
        mapping::kept(index, &mut found);
        members(index, &mut found);
        settings::claims(index, &mut found);
        if found.wrong.is_empty() {
            return Ok(indices.into_iter().next());
        }
        let again = "and run again: each source takes its claim anew, and compares the store with what it knows";
        Err(self.broken(index, &found, again).await)
    }

    /// The name of the claims stands for something that no claim can be written to.
    fn elsewhere(&self, indices: &[Index]) -> StoreError {
        let names: Vec<&str> = indices.iter().map(|index| index.name.as_str()).collect();
        let (what, mend) = match indices.iter().find_map(|index| index.data_stream.as_ref()) {
            Some(stream) => ("a data stream", format!("delete it (`DELETE /_data_stream/{stream}`)")),
            None => ("an alias of several indices", format!("take it away (`DELETE /*/_alias/{}`)", self.claims)),
        };
        StoreError::Altered(format!(
            "`{}` is {what} ({}), where the claims of this program are to stand in one index: {mend} and run again; each \
             source takes its claim anew, and compares the store with what it knows",
            self.claims,
            names.join(", ")
        ))
    }
}

/// Whether claims can be written under the mapping.
fn members(index: &Index, found: &mut Found) {
    let mappings = &index.mappings;
    if mappings["dynamic"] == "strict" {
        let told = "`dynamic` is strict, so that it takes no claim".to_owned();
        let call = format!("PUT /{}/_mapping {{\"dynamic\": false}}", index.name);
        found.wrong(Place::Mapping("/dynamic".into()), told, Mend::Call(call));
    }
    for name in MEMBERS {
        let field = &mappings["properties"][name];
        let kind = field["type"].as_str().unwrap_or("object");
        if !field.is_null() && !["keyword", "text"].contains(&kind) {
            let told = format!("`{name}` is {kind} and not keyword, so that it may take no claim");
            found.wrong(Place::Mapping(format!("/properties/{name}")), told, Mend::Anew);
        }
    }
}

/// The fence of a claim. One that is none, or that leaves no room for the next, is an error: taken for none it would let
/// two data directories write the same source.
pub(in super::super) fn fence(index: &str, source: &str, claim: &Value) -> Result<u64, StoreError> {
    let said = &claim["fence"];
    let number = said.as_u64().or_else(|| said.as_str()?.parse().ok());
    number.filter(|fence| *fence < Version::LAST_FENCE).ok_or_else(|| {
        StoreError::Altered(format!(
            "the claim of `{source}` in the index `{index}` has `fence`: {said}, which this program never writes: somebody \
             changed it. Delete that claim (`DELETE /{index}/_doc/{source}`) while no other process writes the source, and \
             run again: it is taken anew, and the store is compared with what is known"
        ))
    })
}
