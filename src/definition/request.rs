//! `request`, `auth`: what is asked and who asks, as written.
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::ordered::Ordered;
use crate::scalar::fault::Carried;
use crate::scalar::written::{self, WRITTEN};
use crate::scalar::{Clock, Given, Origin, Reader, Span, Template};
use crate::tree::Tree;

/// What is asked: a method with an address, and what goes with it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The address.
    pub url: Template,
    /// Query parameters; null leaves one out, a list repeats it.
    pub query: Ordered<Part>,
    /// Headers.
    pub headers: Ordered<Part>,
    /// The body.
    pub body: Option<Body>,
}

impl Request {
    /// All templates in it.
    pub fn templates<'t>(&'t self, each: &mut dyn FnMut(&'t Template)) {
        each(&self.url);
        let mut parts: Vec<&Part> = self.query.iter().chain(self.headers.iter()).map(|(_, part)| part).collect();
        match &self.body {
            None => {}
            Some(Body::Json(part)) => parts.push(part),
            Some(Body::Form(form)) => parts.extend(form.iter().map(|(_, part)| part)),
            Some(Body::Text(text)) => each(text),
            Some(Body::Graphql(graphql)) => {
                each(&graphql.query);
                parts.extend(graphql.variables.iter().map(|(_, part)| part));
            }
        }
        for part in parts {
            part.templates(&mut Vec::new(), &mut |_, template| each(template));
        }
    }
}

const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
const KEYS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "query", "headers", "body"];

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RequestVisitor;
        impl<'de> Visitor<'de> for RequestVisitor {
            type Value = Request;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map with one method such as `get:` and an address")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Request, A::Error> {
                let (mut address, mut query, mut headers, mut body) =
                    (None, Ordered::default(), Ordered::default(), None);
                while let Some(RequestKey(key)) = map.next_key()? {
                    match key {
                        "query" => query = map.next_value()?,
                        "headers" => headers = map.next_value()?,
                        "body" => body = Some(map.next_value()?),
                        method if address.is_none() => address = Some((method.to_uppercase(), map.next_value()?)),
                        _ => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                            return Err(A::Error::custom("two methods in one request: keep one of them"));
                        }
                    }
                }
                let (method, url) = address.ok_or_else(|| A::Error::missing_field("get"))?;
                Ok(Request { method, url, query, headers, body })
            }
        }
        deserializer.deserialize_map(RequestVisitor)
    }
}

struct RequestKey(&'static str);

impl<'de> Deserialize<'de> for RequestKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        let known = KEYS.iter().find(|known| **known == key).copied();
        known.map(RequestKey).ok_or_else(|| D::Error::unknown_field(&key, KEYS))
    }
}

/// Whether a key of `request` is a method.
pub fn is_method(key: &str) -> bool {
    METHODS.contains(&key)
}

/// A value of a query, a header or a body: a constant, a template, a list or a map of these.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A constant.
    Value(Tree<'static>),
    /// A template.
    Template(Template),
    /// Several.
    List(Vec<Part>),
    /// Members.
    Map(Vec<(String, Part)>),
}

impl Part {
    /// All templates in it, each with the keys that lead to it.
    pub fn templates<'t>(&'t self, trail: &mut Vec<String>, each: &mut dyn FnMut(&[String], &'t Template)) {
        match self {
            Part::Value(_) => {}
            Part::Template(template) => each(trail, template),
            Part::List(list) => list.iter().enumerate().for_each(|(index, part)| {
                trail.push(index.to_string());
                part.templates(trail, each);
                trail.pop();
            }),
            Part::Map(members) => members.iter().for_each(|(name, part)| {
                trail.push(name.clone());
                part.templates(trail, each);
                trail.pop();
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartVisitor;
        impl<'de> Visitor<'de> for PartVisitor {
            type Value = Part;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a constant, a template, a list or a map of these")
            }
            fn visit_unit<E>(self) -> Result<Part, E> {
                Ok(Part::Value(Tree::Null))
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Part, E> {
                Ok(Part::Value(Tree::Bool(truth)))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Part, E> {
                Ok(Part::Value(Tree::Int(number)))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Part, E> {
                Ok(Part::Value(Tree::Float(number)))
            }
            fn visit_bytes<E: Error>(self, number: &[u8]) -> Result<Part, E> {
                written::number(number).map(Part::Value)
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Part, D::Error> {
                deserializer.deserialize_any(self)
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Part, E> {
                if text.contains("${") {
                    return text.parse().map(Part::Template).map_err(|fault| E::custom(Carried(fault)));
                }
                Ok(Part::Value(Tree::from(text)))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Part, A::Error> {
                let mut list = Vec::new();
                while let Some(part) = seq.next_element()? {
                    list.push(part);
                }
                Ok(Part::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Part::Map(members))
            }
        }
        deserializer.deserialize_newtype_struct(WRITTEN, PartVisitor)
    }
}

/// A request body.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A tree sent as JSON; null members are left out, `[]` and `{}` kept.
    Json(Part),
    /// `{query, variables}` in a JSON envelope.
    Graphql(Graphql),
    /// `application/x-www-form-urlencoded`.
    Form(Ordered<Part>),
    /// Plain text.
    Text(Template),
}

/// A GraphQL query.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Graphql {
    /// The query.
    pub query: Template,
    /// Its variables.
    #[serde(default)]
    pub variables: Ordered<Part>,
}

/// Who we are to a site.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Nobody.
    None,
    /// HTTP Basic, RFC 7617.
    Basic(Basic),
    /// A token in `Authorization: Bearer`, RFC 6750.
    Bearer(Template),
    /// Keys in headers, query, cookies or path.
    Key(Key),
    /// OAuth 2.0, RFC 6749.
    Oauth2(Oauth2),
    /// A session token won by a request.
    Login(Ordered<Part>),
    /// A signed token.
    Jwt(Ordered<Part>),
}

/// One of several ways, with its condition.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthBranch {
    /// Chosen when this holds.
    pub when: Option<Template>,
    /// HTTP Basic.
    pub basic: Option<Basic>,
    /// A bearer token.
    pub bearer: Option<Template>,
    /// Keys.
    pub key: Option<Key>,
    /// OAuth 2.0.
    pub oauth2: Option<Oauth2>,
    /// Nobody.
    #[serde(default, deserialize_with = "nobody")]
    pub none: Option<Nobody>,
}

/// Nothing stands in it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nobody {}

/// `none:` with nothing behind it is the same as `none: {}`.
fn nobody<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Nobody>, D::Error> {
    Option::<Nobody>::deserialize(deserializer).map(|written| Some(written.unwrap_or(Nobody {})))
}

impl AuthBranch {
    /// Its ways: exactly one where it is right.
    pub fn ways(&self) -> Vec<Auth> {
        let basic = self.basic.clone().map(Auth::Basic);
        let bearer = self.bearer.clone().map(Auth::Bearer);
        let key = self.key.clone().map(Auth::Key);
        let oauth2 = self.oauth2.clone().map(Auth::Oauth2);
        let none = self.none.as_ref().map(|_| Auth::None);
        [basic, bearer, key, oauth2, none].into_iter().flatten().collect()
    }
}

/// HTTP Basic.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// User.
    pub user: Template,
    /// Password.
    pub password: Template,
}

/// Keys, each placed by name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// In headers.
    #[serde(default)]
    pub header: Ordered<Template>,
    /// In the query.
    #[serde(default)]
    pub query: Ordered<Template>,
    /// In cookies.
    #[serde(default)]
    pub cookie: Ordered<Template>,
    /// In the address, by `${auth.NAME}`.
    #[serde(default)]
    pub path: Ordered<Template>,
    /// Origins they may be sent to besides that of `request`.
    #[serde(default)]
    pub to: Vec<Origin>,
}

/// OAuth 2.0.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oauth2 {
    /// Where the token is asked for.
    pub token_url: Template,
    /// The client's name.
    pub client_id: Template,
    /// The client's secret.
    pub client_secret: Template,
    /// What is asked for, separated by blanks.
    pub scope: Option<Template>,
    /// Where the client's name and secret go; the header by default, RFC 6749 section 2.3.1.
    #[serde(default)]
    pub credentials: Credentials,
    /// The grant.
    #[serde(default)]
    pub grant: Grant,
    /// The refresh token, for that grant.
    pub refresh_token: Option<Template>,
    /// The user, for `password`.
    pub user: Option<Template>,
    /// The password, for `password`.
    pub password: Option<Template>,
    /// More headers of the token call.
    #[serde(default)]
    pub headers: Ordered<Template>,
    /// More members of its form.
    #[serde(default)]
    pub extra: Ordered<Template>,
    /// What its answer calls things.
    #[serde(default)]
    pub names: Names,
    /// When the token expires.
    pub expires: Option<Expires>,
}

/// Where the client's name and secret go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Credentials {
    /// In the form.
    Body,
    /// In the header.
    #[default]
    Basic,
}

/// An OAuth 2.0 grant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// RFC 6749 section 4.4.
    #[default]
    ClientCredentials,
    /// Section 6.
    RefreshToken,
    /// Section 4.3.
    Password,
}

/// What the token call's answer calls things.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Names {
    /// The token.
    pub token: String,
    /// Its life.
    pub expires: String,
}

impl Default for Names {
    fn default() -> Self {
        Names { token: "access_token".into(), expires: "expires_in".into() }
    }
}

/// When a token expires.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expires {
    /// Where it says so.
    pub at: Reader,
    /// What it counts.
    #[serde(rename = "as")]
    pub unit: Clock,
    /// Its life when it does not say.
    pub life: Option<Given<Span>>,
}
