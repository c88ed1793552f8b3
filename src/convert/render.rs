//! Templates rendered: one static environment in which every conversion is a filter.
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Object, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Expression, State, UndefinedBehavior, Value};

use super::{Conversion, Moment, NAMES};
use crate::scalar::call::{Arg, Given};
use crate::scalar::{Call, Piece, Template};
use crate::tree::Tree;

/// A template, compiled. Cheap to clone.
#[derive(Clone)]
pub struct Program {
    text: Arc<str>,
    pieces: Arc<[Part]>,
    /// Leaves that it reads, by root.
    leaves: Arc<BTreeMap<String, Vec<Vec<String>>>>,
}

enum Part {
    Text(String),
    Code(Expression<'static, 'static>),
}

/// Why a template gave no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RenderError {
    /// A null stood inside text: in a request the slice ends, in a mapping the field stays empty.
    #[error("`{0}` puts null into text")]
    Null(String),
    /// A name was not there, or a conversion failed.
    #[error("`{0}`: {1}")]
    Failed(String, String),
}

/// What the names of a template stand for.
#[derive(Clone)]
pub struct Scope<'s> {
    roots: Vec<(&'static str, Root<'s>)>,
    moment: Value,
}

#[derive(Clone)]
enum Root<'s> {
    Value(Value),
    Tree(&'s Tree<'s>),
}

impl<'s> Scope<'s> {
    /// A scope without names.
    pub fn new(moment: &Moment) -> Self {
        Scope { roots: Vec::new(), moment: Value::from_object(moment.clone()) }
    }

    /// The same with a root whose members are these.
    #[must_use]
    pub fn with<'n>(mut self, root: &'static str, members: impl IntoIterator<Item = (&'n str, &'n Tree<'n>)>) -> Self {
        let members = object(members.into_iter().map(|(name, value)| (name.to_owned(), to_value(value))));
        self.roots.push((root, Root::Value(members)));
        self
    }

    /// The same with a root that is a tree: only what a template reads of it is converted; what is missing is null.
    #[must_use]
    pub fn tree(mut self, root: &'static str, tree: &'s Tree<'s>) -> Self {
        self.roots.push((root, Root::Tree(tree)));
        self
    }
}

impl Program {
    /// Compiles a template whose names and conversions were checked.
    pub fn compile(template: &Template) -> Result<Self, RenderError> {
        let failed = |error: Error| RenderError::Failed(template.as_str().to_owned(), error.to_string());
        let mut pieces = Vec::new();
        for piece in &template.pieces {
            pieces.push(match piece {
                Piece::Text(text) => Part::Text(text.clone()),
                Piece::Code(code) => {
                    Part::Code(ENVIRONMENT.compile_expression_owned(code.source.clone()).map_err(failed)?)
                }
            });
        }
        let mut leaves: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for mention in template.names() {
            leaves.entry(mention.parts[0].clone()).or_default().push(mention.parts[1..].to_vec());
        }
        Ok(Program { text: template.as_str().into(), pieces: pieces.into(), leaves: Arc::new(leaves) })
    }

    /// Whether it reads a name under this root.
    pub fn reads(&self, root: &str) -> bool {
        self.leaves.contains_key(root)
    }

    /// The template as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its value: of one expression alone its own type, else text.
    pub fn value(&self, scope: &Scope<'_>) -> Result<Tree<'static>, RenderError> {
        if let [Part::Code(_)] = &*self.pieces {
            return self.only(scope);
        }
        self.text(scope, &str::to_owned).map(Tree::from)
    }

    fn failed(&self, error: &Error) -> RenderError {
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        RenderError::Failed(self.text.to_string(), detail)
    }

    fn only(&self, scope: &Scope<'_>) -> Result<Tree<'static>, RenderError> {
        match &*self.pieces {
            [Part::Code(code)] => {
                let value = code.eval(self.names(scope)).map_err(|error| self.failed(&error))?;
                from_value(&value).map_err(|error| self.failed(&error))
            }
            _ => Ok(Tree::Null),
        }
    }

    /// Its value as text: what is inserted is encoded, but for a template that is one expression. Null is an error.
    pub fn text(&self, scope: &Scope<'_>, encode: &dyn Fn(&str) -> String) -> Result<String, RenderError> {
        let null = || RenderError::Null(self.text.to_string());
        if let [Part::Code(_)] = &*self.pieces {
            return self.only(scope)?.scalar_text().map(|text| text.into_owned()).ok_or_else(null);
        }
        let names = self.names(scope);
        let mut text = String::new();
        for piece in self.pieces.iter() {
            match piece {
                Part::Text(piece) => text.push_str(piece),
                Part::Code(code) => {
                    let value = code.eval(names.clone()).map_err(|error| self.failed(&error))?;
                    match from_value(&value).map_err(|error| self.failed(&error))? {
                        Tree::Null => return Err(null()),
                        value => {
                            text += &encode(
                                &value.scalar_text().map_or_else(|| value.to_string(), |text| text.into_owned()),
                            )
                        }
                    }
                }
            }
        }
        Ok(text)
    }

    fn names(&self, scope: &Scope<'_>) -> Value {
        let mut names: BTreeMap<String, Value> = BTreeMap::new();
        for (root, value) in &scope.roots {
            let Some(leaves) = self.leaves.get(*root) else { continue };
            let value = match value {
                Root::Value(value) => value.clone(),
                Root::Tree(tree) => leaves_of(Some(tree), &leaves.iter().map(Vec::as_slice).collect::<Vec<_>>()),
            };
            names.insert((*root).to_owned(), value);
        }
        names.insert(MOMENT.to_owned(), scope.moment.clone());
        object(names)
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Program").field(&self.text).finish()
    }
}

/// Only these leaves of a tree; a leaf or branch that is missing is null.
fn leaves_of(tree: Option<&Tree<'_>>, leaves: &[&[String]]) -> Value {
    if leaves.iter().any(|leaf| leaf.is_empty()) {
        return tree.map_or(Value::from(()), to_value);
    }
    let mut members: BTreeMap<&str, Vec<&[String]>> = BTreeMap::new();
    for leaf in leaves {
        members.entry(&leaf[0]).or_default().push(&leaf[1..]);
    }
    let member = |(name, rest): (&str, Vec<&[String]>)| {
        (name.to_owned(), leaves_of(tree.and_then(|tree| tree.get(name)), &rest))
    };
    object(members.into_iter().map(member))
}

fn object(members: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::from_object(members.into_iter().collect::<BTreeMap<String, Value>>())
}

/// A tree as minijinja's value.
pub fn to_value(tree: &Tree<'_>) -> Value {
    match tree {
        Tree::Null => Value::from(()),
        Tree::Bool(truth) => Value::from(*truth),
        Tree::Int(number) => Value::from(*number),
        Tree::Float(number) => Value::from(*number),
        Tree::Text(text) => Value::from(text.as_ref()),
        Tree::List(list) => list.iter().map(to_value).collect(),
        Tree::Object(members) => object(members.iter().map(|(name, value)| (name.to_string(), to_value(value)))),
    }
}

fn from_value(value: &Value) -> Result<Tree<'static>, Error> {
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(Error::new(ErrorKind::UndefinedError, "a name has no value")),
        ValueKind::None => Tree::Null,
        ValueKind::Bool => Tree::Bool(value.is_true()),
        ValueKind::Number if value.is_integer() => {
            value.as_i64().map_or(Tree::Float(f64::try_from(value.clone())?), Tree::Int)
        }
        ValueKind::Number => Tree::Float(f64::try_from(value.clone())?),
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

/// Under this name the moment reaches the filters; no template can write it.
const MOMENT: &str = "the moment";

impl Object for Moment {}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(50_000));
    for name in NAMES {
        environment.add_filter(name, move |state: &State<'_, '_>, value: Value, args: Rest<Value>| {
            filter(name, state, &value, &args)
        });
    }
    environment
});

thread_local! {
    /// Conversions that were parsed before: parsing is a pure function of name and arguments.
    static PARSED: RefCell<HashMap<String, Arc<Conversion>>> = RefCell::new(HashMap::new());
}

fn filter(name: &'static str, state: &State<'_, '_>, value: &Value, args: &[Value]) -> Result<Value, Error> {
    let wrong = |message: String| Error::new(ErrorKind::InvalidOperation, message);
    let moment = state.lookup(MOMENT).ok_or_else(|| wrong("no moment".into()))?;
    let moment = moment.downcast_object_ref::<Moment>().ok_or_else(|| wrong("no moment".into()))?;
    let key = format!("{name}{args:?}");
    let parsed = PARSED.with_borrow(|parsed| parsed.get(&key).cloned());
    let conversion = match parsed {
        Some(conversion) => conversion,
        None => {
            let conversion = Arc::new(Conversion::parse(&call(name, args)?).map_err(|fault| wrong(fault.message))?);
            PARSED.with_borrow_mut(|parsed| {
                if parsed.len() > 1_000 {
                    parsed.clear();
                }
                parsed.insert(key, conversion.clone());
            });
            conversion
        }
    };
    let mut flaws = Vec::new();
    let converted = super::apply(&conversion, from_value(value)?, moment, &mut flaws);
    match flaws.into_iter().next() {
        Some(flaw) if converted.is_null() => Err(wrong(flaw.to_string())),
        _ => Ok(to_value(&converted)),
    }
}

fn call(name: &str, args: &[Value]) -> Result<Call, Error> {
    let mut given = Vec::new();
    for value in args {
        if value.is_kwargs() {
            for name in value.try_iter()? {
                given.push(Given { name: Some(name.to_string()), arg: arg(&value.get_item(&name)?), at: 0..0 });
            }
        } else {
            given.push(Given { name: None, arg: arg(value), at: 0..0 });
        }
    }
    Ok(Call { name: name.to_owned(), at: 0..0, args: given, template: true })
}

fn arg(value: &Value) -> Arg {
    match from_value(value) {
        Ok(Tree::Text(text)) => Arg::Text(text.into_owned()),
        Ok(Tree::Int(number)) => Arg::Int(number),
        Ok(Tree::Float(number)) => Arg::Number(number),
        Ok(Tree::Bool(truth)) => Arg::Bool(truth),
        Ok(Tree::Null) => Arg::Null,
        _ => Arg::Late,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String, RenderError> {
        let moment = Moment { fetched: chrono::DateTime::UNIX_EPOCH, lookups: Arc::default() };
        let param: Tree<'_> =
            serde_json::from_str(r#"{"base":"https://a.b","none":null,"list":["x","y"],"n":478}"#).unwrap();
        let record: Tree<'_> = serde_json::from_str(r#"{"a":{"b":"é"},"remote":false}"#).unwrap();
        let window: Tree<'_> = serde_json::from_str(r#"{"start":"2026-01-02T03:04:05.678Z"}"#).unwrap();
        let Tree::Object(members) = &param else { panic!() };
        let Tree::Object(bounds) = &window else { panic!() };
        let scope = Scope::new(&moment)
            .with("param", members.iter().map(|(name, value)| (name.as_ref(), value)))
            .with("for", [("at", &record)])
            .with("window", bounds.iter().map(|(name, value)| (name.as_ref(), value)))
            .tree("record", &record);
        Program::compile(&text.parse().unwrap())?.value(&scope).map(|value| value.to_string())
    }

    fn check(text: &str, expect: &str) {
        assert_eq!(render(text).as_deref(), Ok(expect), "{text}");
    }

    #[test]
    fn templates_render() {
        check("${param.n}", "478");
        check("n=${param.n}", r#""n=478""#);
        check("${param.none}", "null");
        check("${param.list}", r#"["x","y"]"#);
        check(r#"${param.none or param.base ~ "/v2"}"#, r#""https://a.b/v2""#);
        check("${for.at.a.b}", r#""é""#);
        check("${window.start | utc}", r#""2026-01-02T03:04:05Z""#);
        check("${window.start | minus(\"1d\") | epoch}", "1767236645");
        check(r#"${"full" if record.remote else "onsite"}"#, r#""onsite""#);
        check("${record.x.y}", "null");
        check("${param.list + [\"z\"]}", r#"["x","y","z"]"#);
        check("cursor: ${param.none | json}", r#""cursor: null""#);
        check("${record.a | json}", r#""{\"b\":\"é\"}""#);
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        assert_eq!(render("x ${param.none}"), Err(RenderError::Null("x ${param.none}".into())));
        assert!(matches!(render("${param.unheard}"), Err(RenderError::Failed(..))));
        assert!(matches!(render("${record.a.b | date}"), Err(RenderError::Failed(..))));
    }
}
