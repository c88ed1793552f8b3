//! Templates rendered: one static environment in which every conversion is a filter.
use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Object, Rest};
use minijinja::{Environment, Error, ErrorKind, Expression, State, UndefinedBehavior, Value};

use super::values::{from_value, to_value};
use super::{Conversion, Moment, NAMES};
use crate::scalar::call::{Arg, Given};
use crate::scalar::template::{Code, Mention};
use crate::scalar::{Call, Piece, Template};
use crate::tree::Tree;

/// A template, compiled. Cheap to clone.
#[derive(Clone)]
pub struct Program {
    text: Arc<str>,
    pieces: Arc<[Part]>,
}

enum Part {
    Text(String),
    Code(Compiled),
}

/// One expression. Its names became slots and its conversions numbers, so that a name of several parts is one look-up,
/// a missing branch of a record is null, and no regular expression is compiled twice.
struct Compiled {
    expression: Expression<'static, 'static>,
    names: Vec<Mention>,
    /// Whether it is one name and nothing else: its value is what stands there, digits included.
    is_name: bool,
    /// Whether it is one name with conversions behind it.
    is_piped: bool,
    conversions: Arc<[Conversion]>,
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
    moment: Moment,
}

#[derive(Clone)]
enum Root<'s> {
    Members(Tree<'static>),
    Tree(&'s Tree<'s>),
}

impl<'s> Scope<'s> {
    /// A scope without names.
    pub fn new(moment: &Moment) -> Self {
        Scope { roots: Vec::new(), moment: moment.clone() }
    }

    /// The same with a root whose members are these. One that is missing is an error where a template reads it.
    #[must_use]
    pub fn with<'n>(mut self, root: &'static str, members: impl IntoIterator<Item = (&'n str, &'n Tree<'n>)>) -> Self {
        let members = members.into_iter().map(|(name, value)| (name.to_owned().into(), value.clone().into_owned()));
        self.roots.push((root, Root::Members(Tree::Object(members.collect()))));
        self
    }

    /// The same with a root that is a tree: only what a template reads of it is converted; what is missing is null.
    #[must_use]
    pub fn tree(mut self, root: &'static str, tree: &'s Tree<'s>) -> Self {
        self.roots.push((root, Root::Tree(tree)));
        self
    }

    /// What a name stands for; undefined where nothing does.
    fn value(&self, parts: &[String]) -> Value {
        let Some(root) = parts.first() else { return Value::UNDEFINED };
        match self.roots.iter().rev().find(|(name, _)| name == root).map(|(_, root)| root) {
            None => Value::UNDEFINED,
            Some(Root::Tree(_)) => {
                // What a record does not say is null; what is expected around it and missing is a flaw.
                let missing = if root == "answer" { Value::UNDEFINED } else { Value::from(()) };
                self.tree_of(parts).map_or(missing, |found| to_value(found, true))
            }
            Some(Root::Members(_)) => self.tree_of(parts).map_or(Value::UNDEFINED, |found| to_value(found, false)),
        }
    }

    /// What a name stands for, as it came.
    fn tree_of(&self, parts: &[String]) -> Option<&Tree<'_>> {
        let (root, rest) = parts.split_first()?;
        let tree = match self.roots.iter().rev().find(|(name, _)| name == root).map(|(_, root)| root)? {
            Root::Tree(tree) => *tree,
            Root::Members(members) => members,
        };
        rest.iter().try_fold(tree, |at, name| at.get(name))
    }
}

impl Program {
    /// Compiles a template whose names and conversions were checked.
    pub fn compile(template: &Template) -> Result<Self, RenderError> {
        let failed = |message: String| RenderError::Failed(template.as_str().to_owned(), message);
        let pieces = template.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Ok(Part::Text(text.clone())),
            Piece::Code(code) => Compiled::new(code).map(Part::Code).map_err(failed),
        });
        Ok(Program { text: template.as_str().into(), pieces: pieces.collect::<Result<_, _>>()? })
    }

    /// Whether it reads a name under this root.
    pub fn reads(&self, root: &str) -> bool {
        self.names().any(|name| name.parts[0] == root)
    }

    /// Whether all names that it reads are under these roots.
    pub fn reads_only(&self, roots: &[&str]) -> bool {
        self.names().all(|name| roots.contains(&name.parts[0].as_str()))
    }

    /// Whether its value holds a credential: it goes only where credentials go, and is masked everywhere.
    pub fn is_secret(&self) -> bool {
        self.reads("secret") || self.reads("auth")
    }

    /// The template as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its value: of one expression alone its own type, else text.
    pub fn value(&self, scope: &Scope<'_>) -> Result<Tree<'static>, RenderError> {
        match &*self.pieces {
            [Part::Code(code)] => self.one(code, scope),
            _ => self.text(scope, &str::to_owned).map(Tree::from),
        }
    }

    /// Its value as text: what is inserted is encoded, but for a template that is one expression. Null is an error.
    pub fn text(&self, scope: &Scope<'_>, encode: &dyn Fn(&str) -> String) -> Result<String, RenderError> {
        let null = || RenderError::Null(self.text.to_string());
        if let [Part::Code(code)] = &*self.pieces {
            return self.one(code, scope)?.scalar_text().map(|text| text.into_owned()).ok_or_else(null);
        }
        let mut text = String::new();
        for piece in self.pieces.iter() {
            match piece {
                Part::Text(piece) => text.push_str(piece),
                Part::Code(code) => match self.one(code, scope)? {
                    Tree::Null => return Err(null()),
                    Tree::Text(piece) => text += &encode(&piece),
                    value => text += &encode(&value.to_string()),
                },
            }
        }
        Ok(text)
    }

    fn one(&self, code: &Compiled, scope: &Scope<'_>) -> Result<Tree<'static>, RenderError> {
        code.value(scope).map_err(|message| RenderError::Failed(self.text.to_string(), message))
    }

    fn names(&self) -> impl Iterator<Item = &Mention> {
        self.pieces.iter().flat_map(|piece| match piece {
            Part::Text(_) => &[],
            Part::Code(code) => &code.names[..],
        })
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Program").field(&self.text).finish()
    }
}

impl Compiled {
    fn new(code: &Code) -> Result<Self, String> {
        let mut edits = Vec::new();
        for (number, mention) in code.names.iter().enumerate() {
            edits.push((mention.at.clone(), format!("{SLOT}{number}")));
        }
        let mut conversions = Vec::new();
        for call in code.calls.iter().filter(|call| NAMES.contains(&call.name.as_str())) {
            let after = call.at.end - code.start;
            edits.push(numbered(&code.source, call, after, conversions.len()));
            conversions.push(Conversion::parse(call).map_err(|fault| fault.message)?);
        }
        for at in &code.joined {
            edits.push((at.end..at.end, format!(")|{JOINED}")));
            edits.push((at.start..at.start, "(".to_owned()));
        }
        // From the end to the beginning; what is put before a name comes after the name itself.
        edits.sort_by_key(|(at, _)| (std::cmp::Reverse(at.start), at.is_empty()));
        let mut source = code.source.clone();
        for (at, text) in edits {
            source.replace_range(at.start - code.start..at.end - code.start, &text);
        }
        let is_piped = PIPED.as_ref().is_some_and(|piped| piped.is_match(&source));
        let expression = ENVIRONMENT.compile_expression_owned(source).map_err(|error| error.to_string())?;
        let is_name = matches!(&code.names[..], [name] if name.at.len() == code.source.trim().len());
        Ok(Compiled { expression, names: code.names.clone(), is_name, is_piped, conversions: conversions.into() })
    }

    fn value(&self, scope: &Scope<'_>) -> Result<Tree<'static>, String> {
        if let (true, Some(name)) = (self.is_name, self.names.first())
            && let Some(found) = scope.tree_of(&name.parts)
        {
            return Ok(found.clone().into_owned());
        }
        // Numbers keep their digits as long as nothing computes with them.
        if let (true, Some(name)) = (self.is_piped, self.names.first())
            && let Some(found) = scope.tree_of(&name.parts)
        {
            return self
                .conversions
                .iter()
                .try_fold(found.clone().into_owned(), |value, conversion| converted(conversion, value, &scope.moment));
        }
        let slots: Vec<Value> = self.names.iter().map(|name| scope.value(&name.parts)).collect();
        let missing =
            self.names.iter().zip(&slots).find(|(_, slot)| slot.is_undefined()).map(|(name, _)| name.dotted());
        let names = Names { slots, conversions: self.conversions.clone(), moment: scope.moment.clone() };
        let value = self.expression.eval(Value::from_object(names)).and_then(|value| from_value(&value));
        value.map_err(|error| match missing {
            Some(name) if error.kind() == ErrorKind::UndefinedError => format!("`{name}` has no value"),
            _ => error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
        })
    }
}

/// The edit that makes `date(…)` a use of the conversion with this number; what stands in its brackets stays.
fn numbered(source: &str, call: &Call, after: usize, number: usize) -> (std::ops::Range<usize>, String) {
    let rest = &source[after..];
    let blanks = rest.len() - rest.trim_start().len();
    match rest.trim_start().strip_prefix('(') {
        Some(args) => {
            let comma = if args.trim_start().starts_with(')') { "" } else { ", " };
            (call.at.start..call.at.end + blanks + 1, format!("{CONVERT}({number}{comma}"))
        }
        None => (call.at.clone(), format!("{CONVERT}({number})")),
    }
}

/// One name and conversions behind it, in their order, after the edits.
static PIPED: LazyLock<Option<regex::Regex>> =
    LazyLock::new(|| regex::Regex::new(r"^\s*_0(?:\s*\|\s*_convert\(\d+[^()|]*\))+\s*$").ok());

/// A value converted; a flaw that leaves nothing is an error.
fn converted(conversion: &Conversion, value: Tree<'static>, moment: &Moment) -> Result<Tree<'static>, String> {
    let mut flaws = Vec::new();
    let converted = super::apply(conversion, value, moment, &mut flaws);
    match flaws.into_iter().next() {
        Some(flaw) if converted.is_null() => Err(flaw.to_string()),
        _ => Ok(converted),
    }
}

/// Before the number of a name.
const SLOT: &str = "_";
/// The filter that applies a conversion by its number.
const CONVERT: &str = "_convert";
/// The filter that refuses null where texts are joined.
const JOINED: &str = "_joined";
/// Under this name the filters find the conversions and the moment; no template can write it.
const SELF: &str = "the names";

/// What one evaluation reads.
#[derive(Debug)]
struct Names {
    slots: Vec<Value>,
    conversions: Arc<[Conversion]>,
    moment: Moment,
}

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        if key == SELF {
            return Some(Value::from_dyn_object(self.clone()));
        }
        self.slots.get(key.strip_prefix(SLOT)?.parse::<usize>().ok()?).cloned()
    }
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(50_000));
    environment.add_filter(CONVERT, |state: &State<'_, '_>, value: Value, number: usize, _args: Rest<Value>| {
        with_names(state, |names| match names.conversions.get(number) {
            Some(conversion) => convert(conversion, &value, &names.moment),
            None => Err(wrong("there is no such conversion")),
        })
    });
    environment.add_filter(JOINED, |value: Value| match value.is_none() {
        true => Err(wrong("null is joined to text")),
        false => Ok(value),
    });
    // By name a conversion is used only inside another filter: `map("trim")`.
    for name in NAMES {
        environment.add_filter(name, move |state: &State<'_, '_>, value: Value, args: Rest<Value>| {
            let conversion = Conversion::parse(&call(name, &args)?).map_err(|fault| wrong(fault.message))?;
            with_names(state, |names| convert(&conversion, &value, &names.moment))
        });
    }
    environment
});

fn wrong(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

fn with_names(state: &State<'_, '_>, work: impl FnOnce(&Names) -> Result<Value, Error>) -> Result<Value, Error> {
    let names = state.lookup(SELF).ok_or_else(|| wrong("a conversion stands outside a template"))?;
    work(names.downcast_object_ref::<Names>().ok_or_else(|| wrong("a conversion stands outside a template"))?)
}

fn convert(conversion: &Conversion, value: &Value, moment: &Moment) -> Result<Value, Error> {
    let converted = converted(conversion, from_value(value)?, moment).map_err(wrong)?;
    Ok(to_value(&converted, false))
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
    use crate::scalar::template::FILTERS;

    fn render(text: &str) -> Result<String, RenderError> {
        let moment = Moment { fetched: chrono::DateTime::UNIX_EPOCH, lookups: Arc::default() };
        let param: Tree<'_> =
            serde_json::from_str(r#"{"base":"https://a.b","none":null,"list":["x","y"],"n":478}"#).unwrap();
        let record: Tree<'_> = serde_json::from_str(
            r#"{"z":1,"a":{"b":"é"},"remote":false,"none":null,"l":[{"x":1},{}],"o":{"z":1,"b":2}}"#,
        )
        .unwrap();
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
        check(r#"${param.base ~ "/" ~ param.n ~ (record.x | default("é") | upper)}"#, r#""https://a.b/478É""#);
        check(r#"${record.a.b | upper ~ "!" ~ (param.none or "x")}"#, r#""É!x""#);
        check("${param.list + [\"z\"]}", r#"["x","y","z"]"#);
        check("cursor: ${param.none | json}", r#""cursor: null""#);
        check("${record.a | json}", r#""{\"b\":\"é\"}""#);
    }

    #[test]
    fn what_is_as_deep_as_may_be_needs_little_stack() {
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let deep = [
            (format!("${{1{}}}", " + 1".repeat(499)), "500"),
            (format!("${{'a'{}}}", "~param.n".repeat(240)), "\"a478"),
            (format!("${{{}1}}", "not ".repeat(999)), "false"),
            (format!("${{{}1}}", "-".repeat(998)), "1"),
            (format!("${{1{}}}", "|int".repeat(499)), "1"),
            (format!("${{1{}}}", " if 1 else 1".repeat(240)), "1"),
            (format!("${{record.n{}}}", ".a".repeat(490)), "null"),
            (format!("${{{}1{}}}", "(".repeat(70), ")".repeat(70)), "1"),
            (format!("${{{}1{}}}", "[".repeat(70), "]".repeat(70)), "[[["),
        ];
        let render = move || {
            for (text, expect) in &deep {
                let found = render(text).unwrap_or_else(|error| panic!("{text}: {error}"));
                assert!(found.starts_with(expect), "{text}: {found}");
            }
        };
        thread.spawn(render).unwrap().join().unwrap();
    }

    /// `3.10` stays `3.10` behind conversions that do not compute.
    #[test]
    fn digits_stay_behind_conversions() {
        let moment = Moment { fetched: chrono::DateTime::UNIX_EPOCH, lookups: Arc::default() };
        let record = Tree::Object(vec![("d".into(), Tree::Number("3.10".into()))]);
        let scope = Scope::new(&moment).tree("record", &record);
        for (text, expect) in [
            ("${record.d | text}", r#""3.10""#),
            ("v${record.d | json}", r#""v3.10""#),
            (r#"${record.d | text | split(".")}"#, r#"["3","10"]"#),
        ] {
            let found = Program::compile(&text.parse().unwrap()).unwrap().value(&scope).unwrap();
            assert_eq!(found.to_string(), expect, "{text}");
        }
    }

    #[test]
    fn filters_that_are_allowed_are_there() {
        for name in FILTERS {
            let error = ENVIRONMENT.empty_state().apply_filter(name, &[Value::from(vec![1, 2])]).err();
            assert!(error.is_none_or(|error| error.kind() != ErrorKind::UnknownFilter), "{name}");
        }
    }

    #[test]
    fn a_credential_is_known_before_it_is_rendered() {
        let secret = |text: &str| Program::compile(&text.parse().unwrap()).unwrap().is_secret();
        assert!(secret("Bearer ${secret.KEY}") && secret("${auth.key | upper}") && !secret("${param.secret}"));
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        assert_eq!(render("x ${param.none}"), Err(RenderError::Null("x ${param.none}".into())));
        let failed =
            |text: &str, why: &str| assert_eq!(render(text), Err(RenderError::Failed(text.into(), why.into())));
        failed("${param.unheard}", "`param.unheard` has no value");
        failed("${for.at.unheard | upper}", "`for.at.unheard` has no value");
        failed("${answer.name}", "`answer.name` has no value");
        failed("${param.base ~ param.none}", "null is joined to text");
        failed("${record.x | upper ~ 'a'}", "null is joined to text");
        failed("${_0}", "`_0` has no value");
        assert!(matches!(render("${(1000000000 * 'x') | length}"), Err(RenderError::Failed(..))));
        assert!(matches!(render("${record.a.b | date}"), Err(RenderError::Failed(..))));
    }
}
