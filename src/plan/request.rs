//! From templates to one request: values are encoded for their place, null leaves an entry out.
use super::address::{Address, AddressError};
use crate::convert::render::{Program, RenderError, Scope};
use crate::definition::request::{Body as BodyDefinition, Part, Request as RequestDefinition};
use crate::exchange::{Body, Reach, Request};
use crate::tree::Tree;

/// A request, its templates compiled.
#[derive(Debug)]
pub struct RequestPlan {
    method: String,
    url: Address,
    query: Vec<(String, PartPlan)>,
    headers: Vec<(String, PartPlan)>,
    body: Option<BodyPlan>,
}

#[derive(Debug)]
enum PartPlan {
    Value(Tree<'static>),
    Program(Program),
    List(Vec<PartPlan>),
    Map(Vec<(String, PartPlan)>),
}

#[derive(Debug)]
enum BodyPlan {
    Json(PartPlan),
    Graphql(Program, Vec<(String, PartPlan)>),
    Form(Vec<(String, PartPlan)>),
    Text(Program),
}

impl RequestPlan {
    /// Compiles a request whose templates were checked.
    pub fn compile(request: &RequestDefinition) -> Result<Self, RenderError> {
        let body = match &request.body {
            None => None,
            Some(BodyDefinition::Json(part)) => Some(BodyPlan::Json(compile(part)?)),
            Some(BodyDefinition::Form(form)) => Some(BodyPlan::Form(entries(form.iter())?)),
            Some(BodyDefinition::Text(text)) => Some(BodyPlan::Text(Program::compile(text)?)),
            Some(BodyDefinition::Graphql(graphql)) => {
                Some(BodyPlan::Graphql(Program::compile(&graphql.query)?, entries(graphql.variables.iter())?))
            }
        };
        Ok(RequestPlan {
            method: request.method.clone(),
            url: Address::compile(&request.url)?,
            query: entries(request.query.iter())?,
            headers: entries(request.headers.iter())?,
            body,
        })
    }

    /// Whether it reads a name under this root.
    pub fn reads(&self, root: &str) -> bool {
        let mut parts = self.query.iter().chain(&self.headers);
        self.url.reads(root)
            || parts.any(|(_, part)| part.reads(root))
            || self.body.as_ref().is_some_and(|body| body.reads(root))
    }

    /// The origin of its address, as far as the scope tells it.
    pub(super) fn origin(&self, scope: &Scope<'_>) -> Option<url::Origin> {
        self.url.origin(scope)
    }

    /// Its address without the query parameters.
    pub(super) fn address(&self, scope: &Scope<'_>) -> Result<String, AddressError> {
        self.url.render(scope)
    }

    /// The request at an address. What holds a credential goes to trusted addresses only; `next` is an address that an
    /// answer gave, which says by itself what is asked.
    pub(super) fn render(&self, to: To, scope: &Scope<'_>) -> Result<Request, RequestError> {
        let To { mut url, next, trusted, reach } = to;
        if !trusted && (!next && self.url.is_secret() || self.body.as_ref().is_some_and(BodyPlan::is_secret)) {
            let origin = url::Url::parse(&url).map_or(url, |url| url.origin().ascii_serialization());
            return Err(RequestError::Origin(origin));
        }
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        let mut any = false;
        for (name, part) in self.query.iter().filter(|(_, part)| trusted || !part.is_secret()) {
            if next && (!part.is_secret() || has_parameter(&url, name)) {
                continue;
            }
            for value in texts(part.value(scope)?) {
                pairs.append_pair(name, &value);
                any = true;
            }
        }
        if any {
            url.push(if url.contains('?') { '&' } else { '?' });
            url += &pairs.finish();
        }
        let mut headers = Vec::new();
        for (name, part) in self.headers.iter().filter(|(_, part)| trusted || !part.is_secret()) {
            headers.extend(texts(part.value(scope)?).into_iter().map(|value| (name.clone(), value)));
        }
        let body = self.body.as_ref().map(|body| body.render(scope)).transpose()?;
        Ok(Request { method: self.method.clone(), url, headers, body, trusted, reach })
    }
}

/// Where a request goes.
pub(super) struct To {
    pub url: String,
    /// Whether an answer gave the address.
    pub next: bool,
    /// Whether credentials may go there.
    pub trusted: bool,
    /// How far it may go.
    pub reach: Reach,
}

/// Why there is no request.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// A template has no value.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Its address cannot be made.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A credential that is placed by hand would leave its origin.
    #[error(
        "its address or body holds a credential, and {0} is not the origin of `request`: nothing is sent there unless `trust:` lists it"
    )]
    Origin(String),
}

fn has_parameter(url: &str, name: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| url.query_pairs().any(|(known, _)| known == name))
}

impl PartPlan {
    /// Whether it holds a credential.
    fn is_secret(&self) -> bool {
        self.reads("secret") || self.reads("auth")
    }

    fn reads(&self, root: &str) -> bool {
        match self {
            PartPlan::Value(_) => false,
            PartPlan::Program(program) => program.reads(root),
            PartPlan::List(list) => list.iter().any(|part| part.reads(root)),
            PartPlan::Map(members) => members.iter().any(|(_, part)| part.reads(root)),
        }
    }
}

impl BodyPlan {
    /// Whether it holds a credential.
    fn is_secret(&self) -> bool {
        self.reads("secret") || self.reads("auth")
    }

    fn reads(&self, root: &str) -> bool {
        match self {
            BodyPlan::Json(part) => part.reads(root),
            BodyPlan::Graphql(query, entries) => query.reads(root) || entries.iter().any(|(_, part)| part.reads(root)),
            BodyPlan::Form(entries) => entries.iter().any(|(_, part)| part.reads(root)),
            BodyPlan::Text(text) => text.reads(root),
        }
    }

    fn render(&self, scope: &Scope<'_>) -> Result<Body, RenderError> {
        let json =
            |value: Tree<'static>| Body { media: "application/json".into(), bytes: value.to_string().into_bytes() };
        Ok(match self {
            BodyPlan::Json(part) => json(without_null(part.value(scope)?)),
            BodyPlan::Graphql(query, variables) => {
                let mut members = vec![("query".into(), Tree::from(query.text(scope, &str::to_owned)?))];
                if !variables.is_empty() {
                    members.push(("variables".into(), without_null(map(variables, scope)?)));
                }
                json(Tree::Object(members))
            }
            BodyPlan::Form(entries) => {
                let mut pairs = url::form_urlencoded::Serializer::new(String::new());
                for (name, part) in entries {
                    texts(part.value(scope)?).iter().for_each(|value| {
                        pairs.append_pair(name, value);
                    });
                }
                Body { media: "application/x-www-form-urlencoded".into(), bytes: pairs.finish().into_bytes() }
            }
            BodyPlan::Text(text) => Body {
                media: "text/plain; charset=utf-8".into(),
                bytes: text.text(scope, &str::to_owned)?.into_bytes(),
            },
        })
    }
}

fn compile(part: &Part) -> Result<PartPlan, RenderError> {
    Ok(match part {
        Part::Value(value) => PartPlan::Value(value.clone()),
        Part::Template(template) => PartPlan::Program(Program::compile(template)?),
        Part::List(list) => PartPlan::List(list.iter().map(compile).collect::<Result<_, _>>()?),
        Part::Map(members) => PartPlan::Map(entries(members.iter().map(|(name, part)| (name.as_str(), part)))?),
    })
}

fn entries<'p>(parts: impl Iterator<Item = (&'p str, &'p Part)>) -> Result<Vec<(String, PartPlan)>, RenderError> {
    parts.map(|(name, part)| Ok((name.to_owned(), compile(part)?))).collect()
}

impl PartPlan {
    fn value(&self, scope: &Scope<'_>) -> Result<Tree<'static>, RenderError> {
        Ok(match self {
            PartPlan::Value(value) => value.clone(),
            PartPlan::Program(program) => program.value(scope)?,
            PartPlan::List(list) => Tree::List(list.iter().map(|part| part.value(scope)).collect::<Result<_, _>>()?),
            PartPlan::Map(members) => map(members, scope)?,
        })
    }
}

fn map(members: &[(String, PartPlan)], scope: &Scope<'_>) -> Result<Tree<'static>, RenderError> {
    let members = members.iter().map(|(name, part)| Ok((name.clone().into(), part.value(scope)?)));
    Ok(Tree::Object(members.collect::<Result<_, _>>()?))
}

/// A null member is left out; `[]` and `{}` are kept.
fn without_null(value: Tree<'static>) -> Tree<'static> {
    match value {
        Tree::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| !value.is_null());
            Tree::Object(kept.map(|(name, value)| (name, without_null(value))).collect())
        }
        Tree::List(list) => Tree::List(list.into_iter().map(without_null).collect()),
        value => value,
    }
}

/// The texts of a value: none of null, several of a list.
fn texts(value: Tree<'static>) -> Vec<String> {
    match value {
        Tree::Null => Vec::new(),
        Tree::List(list) => list.into_iter().flat_map(texts).collect(),
        value => vec![value.scalar_text().map_or_else(|| value.to_string(), |text| text.into_owned())],
    }
}
