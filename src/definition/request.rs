//! `request`, `auth`: what is asked and who asks, as written.
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::ordered::Ordered;
use crate::scalar::Template;
use crate::scalar::fault::Carried;
use crate::scalar::written::{self, WRITTEN};
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

    /// The templates of its headers, its query and its body that stand under a name, each with the last one.
    pub fn named_templates<'t>(&'t self, each: &mut dyn FnMut(&str, &'t Template)) {
        let body = match &self.body {
            Some(Body::Form(form)) => Some(form),
            Some(Body::Graphql(graphql)) => Some(&graphql.variables),
            _ => None,
        };
        let parts = self.query.iter().chain(self.headers.iter()).chain(body.into_iter().flat_map(Ordered::iter));
        let mut named = |name: &str, part: &'t Part| {
            part.templates(&mut vec![name.to_owned()], &mut |trail, template| {
                let name = trail.iter().rev().find(|name| name.parse::<usize>().is_err());
                each(name.map_or("", String::as_str), template);
            });
        };
        parts.for_each(|(name, part)| named(name, part));
        if let Some(Body::Json(part)) = &self.body {
            named("", part);
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
