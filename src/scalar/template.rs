//! TEMPLATE: text with `${EXPR}`, parsed while the file is read; names and conversions are listed with their bytes.
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use minijinja::machinery::ast::{self, Expr};
use minijinja::machinery::{Span, parse_expr};

use super::call::{Arg, Call, Given};
use super::fault::{Carried, Fault};

/// Filters of minijinja that a template may use besides the conversions, which win over those of the same name.
pub const FILTERS: [&str; 27] = [
    "abs",
    "attr",
    "batch",
    "bool",
    "chain",
    "count",
    "dictsort",
    "float",
    "groupby",
    "int",
    "items",
    "length",
    "lines",
    "list",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "sum",
    "zip",
];

/// Tests of minijinja, as in `${param.x is none}`.
const TESTS: [&str; 24] = [
    "defined",
    "undefined",
    "none",
    "boolean",
    "odd",
    "even",
    "divisibleby",
    "number",
    "integer",
    "float",
    "string",
    "sequence",
    "iterable",
    "mapping",
    "startingwith",
    "endingwith",
    "lower",
    "upper",
    "eq",
    "ne",
    "in",
    "true",
    "false",
    "sameas",
];

/// Text with expressions in it.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    text: String,
    /// Text and expressions in order.
    pub pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// `${…}`.
    Code(Code),
}

/// One expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// What stands between `${` and `}`.
    pub source: String,
    /// Its first byte in the template.
    pub start: usize,
    /// Names it reads.
    pub names: Vec<Mention>,
    /// Conversions it uses.
    pub calls: Vec<Call>,
    /// Operands of `~`, as bytes of the template: a null there would be text without meaning.
    pub joined: Vec<Range<usize>>,
}

/// A name that a template reads, such as `record.organization.slug`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mention {
    /// Its parts.
    pub parts: Vec<String>,
    /// Its bytes in the template.
    pub at: Range<usize>,
}

impl Mention {
    /// With dots between the parts.
    pub fn dotted(&self) -> String {
        self.parts.join(".")
    }
}

impl Template {
    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its expressions.
    pub fn codes(&self) -> impl Iterator<Item = &Code> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Code(code) => Some(code),
            Piece::Text(_) => None,
        })
    }

    /// The expression, when the template is nothing else: its value keeps its type.
    pub fn only(&self) -> Option<&Code> {
        match &self.pieces[..] {
            [Piece::Code(code)] => Some(code),
            _ => None,
        }
    }

    /// All names it reads.
    pub fn names(&self) -> impl Iterator<Item = &Mention> {
        self.codes().flat_map(|code| &code.names)
    }

    /// Names read under a root: `param` of `param.x`.
    pub fn names_of<'t>(&'t self, root: &'t str) -> impl Iterator<Item = &'t str> {
        self.names()
            .filter(move |mention| mention.parts[0] == root)
            .filter_map(|mention| Some(mention.parts.get(1)?.as_str()))
    }

    /// Whether it reads a name under this root.
    pub fn reads(&self, root: &str) -> bool {
        self.names().any(|mention| mention.parts[0] == root)
    }
}

/// Bytes of the source from here to the `}` that closes it: quotes and inner braces are respected.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0u32, None, false);
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if sign == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(sign),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            _ => {}
        }
    }
    None
}

fn parse_code(source: &str, at: usize) -> Result<Code, Fault> {
    let expr = parse_expr(source).map_err(|error| {
        let range = error.range().unwrap_or(0..source.len());
        let message = error.detail().unwrap_or("this expression cannot be read").to_owned();
        Fault::new("bad-template", range, message).shift(at)
    })?;
    let code = Code { source: source.to_owned(), start: at, names: Vec::new(), calls: Vec::new(), joined: Vec::new() };
    let mut visitor = Visitor { code, fault: None };
    visitor.visit(&expr);
    let code = match visitor.fault {
        Some(fault) => return Err(fault),
        None => visitor.code,
    };
    if let Some(call) = code.calls.iter().find(|call| holds_control(call)) {
        let fault = Fault::new(
            "bad-template",
            call.at.clone(),
            format!("an escape in `{}` makes a control character", call.name),
        );
        return Err(fault.hint("in a template a backslash is an escape: write `\\\\b` for the regex `\\b`"));
    }
    Ok(code)
}

/// A line end or a tab means the same in a regex as its escape.
fn is_control(sign: char) -> bool {
    sign.is_control() && !matches!(sign, '\n' | '\r' | '\t')
}

/// `"\b"` in a template is a backspace: the user meant the regex.
fn holds_control(call: &Call) -> bool {
    matches!(call.name.as_str(), "regex" | "matches" | "replace")
        && call.args.iter().any(|given| matches!(&given.arg, Arg::Text(text) if text.chars().any(is_control)))
}

/// Collects names and filters. A dotted chain is one name.
struct Visitor {
    code: Code,
    fault: Option<Fault>,
}

impl Visitor {
    fn bytes(&self, span: Span) -> Range<usize> {
        span.start_offset as usize + self.code.start..span.end_offset as usize + self.code.start
    }

    fn refuse(&mut self, at: Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        self.fault.get_or_insert_with(|| Fault::new("bad-template", at, message).hint(hint));
    }

    fn visit(&mut self, expr: &Expr<'_>) {
        if let Some((parts, start)) = self.chain(expr) {
            let at = self.code.start + start..self.bytes(expr.span()).end;
            self.code.names.push(Mention { parts, at });
            return;
        }
        match expr {
            Expr::Var(_) | Expr::Const(_) => {}
            Expr::Slice(node) => {
                self.visit(&node.expr);
                [&node.start, &node.stop, &node.step].into_iter().flatten().for_each(|part| self.visit(part));
            }
            Expr::UnaryOp(node) => self.visit(&node.expr),
            Expr::BinOp(node) => {
                for side in [&node.left, &node.right] {
                    if matches!(node.op, ast::BinOpKind::Concat) && is_operand(side) {
                        let at = self.bytes(side.span());
                        self.code.joined.push(self.code.start + begin(side)..at.end);
                    }
                    self.visit(side);
                }
            }
            Expr::Compare(node) => {
                self.visit(&node.expr);
                node.ops.iter().for_each(|op| self.visit(&op.expr));
            }
            Expr::IfExpr(node) => {
                self.visit(&node.test_expr);
                self.visit(&node.true_expr);
                node.false_expr.iter().for_each(|part| self.visit(part));
            }
            Expr::Filter(node) => {
                node.expr.iter().for_each(|part| self.visit(part));
                let at = self.bytes(node.span());
                self.filter(node.name, &node.args, at.start..at.start + node.name.len());
            }
            Expr::Test(node) => self.test(node),
            Expr::GetAttr(node) => self.visit(&node.expr),
            Expr::GetItem(node) => [&node.expr, &node.subscript_expr].into_iter().for_each(|part| self.visit(part)),
            Expr::Call(node) => {
                let at = self.bytes(node.expr.span());
                self.refuse(at, "a template calls no functions", "apply a conversion instead: `${param.x | upper}`");
            }
            Expr::List(node) => node.items.iter().for_each(|item| self.visit(item)),
            Expr::Tuple(node) => node.items.iter().for_each(|item| self.visit(item)),
            Expr::Map(node) => node.keys.iter().chain(&node.values).for_each(|item| self.visit(item)),
        }
    }

    fn test(&mut self, node: &ast::Spanned<ast::Test<'_>>) {
        self.visit(&node.expr);
        if !TESTS.contains(&node.name) {
            let at = self.bytes(node.span());
            let at = at.start..at.start + node.name.len();
            self.refuse(at, format!("there is no test `{}`", node.name), format!("the tests are {}", TESTS.join(", ")));
        }
        self.args(&node.args);
    }

    fn args(&mut self, args: &[ast::CallArg<'_>]) {
        for arg in args {
            match arg {
                ast::CallArg::Pos(expr) | ast::CallArg::Kwarg(_, expr) => self.visit(expr),
                ast::CallArg::PosSplat(expr) | ast::CallArg::KwargSplat(expr) => {
                    let at = self.bytes(expr.span());
                    self.refuse(at, "arguments are written one by one", "leave out the `*`");
                }
            }
        }
    }

    fn filter(&mut self, name: &str, args: &[ast::CallArg<'_>], at: Range<usize>) {
        self.args(args);
        let given = |name: Option<&str>, expr: &Expr<'_>| Given {
            name: name.map(str::to_owned),
            arg: constant(expr),
            at: self.bytes(expr.span()),
        };
        let args = args.iter().filter_map(|arg| match arg {
            ast::CallArg::Pos(expr) => Some(given(None, expr)),
            ast::CallArg::Kwarg(name, expr) => Some(given(Some(name), expr)),
            ast::CallArg::PosSplat(_) | ast::CallArg::KwargSplat(_) => None,
        });
        let args = args.collect();
        self.code.calls.push(Call { name: name.to_owned(), at, args, template: true });
    }

    /// `a.b.c` and `a['b']` as their parts, and where the first of them begins in the source. A chain with round
    /// brackets in it is none: its bytes would not stand for it.
    fn chain(&self, expr: &Expr<'_>) -> Option<(Vec<String>, usize)> {
        let (base, name) = match expr {
            Expr::Var(node) => return Some((vec![node.id.to_owned()], node.span().start_offset as usize)),
            Expr::GetAttr(node) => (&node.expr, node.name.to_owned()),
            Expr::GetItem(node) => (&node.expr, node.subscript_expr.as_const()?.as_str()?.to_owned()),
            _ => return None,
        };
        let (mut parts, start) = self.chain(base)?;
        let after = self.code.source.get(base.span().end_offset as usize..)?.trim_start();
        if !after.starts_with(['.', '[']) {
            return None;
        }
        parts.push(name);
        Some((parts, start))
    }
}

/// A name or a conversion: what may be null where texts are joined.
fn is_operand(expr: &Expr<'_>) -> bool {
    matches!(expr, Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) | Expr::Filter(_))
}

/// Where an expression begins: the span of a conversion begins with its own name.
fn begin(expr: &Expr<'_>) -> usize {
    match expr {
        Expr::Filter(node) => node.expr.as_ref().map_or(node.span().start_offset as usize, begin),
        Expr::GetAttr(node) => begin(&node.expr),
        Expr::GetItem(node) => begin(&node.expr),
        other => other.span().start_offset as usize,
    }
}

fn constant(expr: &Expr<'_>) -> Arg {
    if let Expr::Var(node) = expr {
        return Arg::Word(node.id.to_owned());
    }
    let Some(value) = expr.as_const() else { return Arg::Late };
    match () {
        () if value.is_none() => Arg::Null,
        () if value.as_str().is_some() => Arg::Text(value.as_str().unwrap_or_default().to_owned()),
        () if value.is_integer() => value.as_i64().map_or(Arg::Late, Arg::Int),
        () if value.is_number() => f64::try_from(value).map_or(Arg::Late, Arg::Number),
        () => bool::try_from(value).map_or(Arg::Late, Arg::Bool),
    }
}

impl FromStr for Template {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let (mut pieces, mut at) = (Vec::new(), 0);
        while let Some(open) = text[at..].find("${") {
            if open > 0 {
                pieces.push(Piece::Text(text[at..at + open].to_owned()));
            }
            let start = at + open + 2;
            let Some(length) = closing(&text[start..]) else {
                return Err(
                    Fault::new("bad-template", start - 2..text.len(), "`${` is not closed").hint("close it with `}`")
                );
            };
            pieces.push(Piece::Code(parse_code(&text[start..start + length], start)?));
            at = start + length + 1;
        }
        if at < text.len() {
            pieces.push(Piece::Text(text[at..].to_owned()));
        }
        Ok(Template { text: text.to_owned(), pieces })
    }
}

impl TryFrom<String> for Template {
    type Error = Carried;

    fn try_from(text: String) -> Result<Self, Carried> {
        Ok(text.parse()?)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, names: &[&str], calls: &[&str]) {
        let template: Template = text.parse().unwrap_or_else(|fault: Fault| panic!("{text}: {fault}"));
        let found: Vec<String> = template.names().map(Mention::dotted).collect();
        assert_eq!(found, names, "{text}");
        let found: Vec<&str> = template.codes().flat_map(|code| &code.calls).map(|call| call.name.as_str()).collect();
        assert_eq!(found, calls, "{text}");
    }

    #[test]
    fn templates_list_their_names() {
        check("${page.first}-${page.last}", &["page.first", "page.last"], &[]);
        check("plain {# text #} {% x %}", &[], &[]);
        check(r#"${env.X or param.base_url ~ "/v2}"}"#, &["env.X", "param.base_url"], &[]);
        check("${for.at.host}", &["for.at.host"], &[]);
        check(r#"${offer.title | matches("(?i)data")}"#, &["offer.title"], &["matches"]);
        check(r#"${"full" if record.remote else "onsite"}"#, &["record.remote"], &[]);
        check("${record['a b'].c}", &["record.a b.c"], &[]);
        check("${record.a.b.c or record['a'].b}", &["record.a.b.c", "record.a.b"], &[]);
        check("${(record.a).b}", &["record.a"], &[]);
        check("${record.a[0].b}", &["record.a"], &[]);
        check("${[param.a, {'x}': param.b}]}", &["param.a", "param.b"], &[]);
        check("${param.a is none and param.b is not startingwith('x')}", &["param.a", "param.b"], &[]);
        check("${window.start | minus(\"2d\") | utc}", &["window.start"], &["minus", "utc"]);
    }

    #[test]
    fn names_and_filters_stand_at_their_bytes() {
        let text = r#"é ${record.a.b.c ~ record['x'].y | regex("(.)") | first}${ param.n|minus ("2d") }"#;
        let template: Template = text.parse().unwrap();
        let names: Vec<&str> = template.names().map(|mention| &text[mention.at.clone()]).collect();
        assert_eq!(names, ["record.a.b.c", "record['x'].y", "param.n"]);
        let calls: Vec<&Call> = template.codes().flat_map(|code| &code.calls).collect();
        assert_eq!(calls.iter().map(|call| &text[call.at.clone()]).collect::<Vec<_>>(), ["regex", "first", "minus"]);
        assert_eq!(&text[calls[2].args[0].at.clone()], r#""2d""#);
        assert!(template.codes().all(|code| text[code.start..].starts_with(&code.source)));
    }

    #[test]
    fn a_bad_template_says_where() {
        let fault = |text: &str| text.parse::<Template>().unwrap_err();
        assert_eq!(fault("a ${page.first").at, 2..14);
        assert_eq!(fault("é ${a b}").at, 7..8);
        assert_eq!(fault("${a +}").at, 4..5);
        assert_eq!(fault("${range(3)}").at, 2..7);
        assert_eq!(fault("${param.x.strip()}").message, "a template calls no functions");
        assert_eq!(fault("${param.x is nune}").at, 13..17);
        assert_eq!(fault("x ${}").code, "bad-template");
        assert!(fault(r#"${record.x | regex("\bdata")}"#).message.contains("control character"));
        assert_eq!(fault(r#"${record.x | regex("\bdata")}"#).at, 13..18);
    }
}
