//! TEMPLATE: text with `${EXPR}`, parsed while the file is read; names and conversions are listed with their bytes.
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use minijinja::machinery::ast::{self, Expr};
use minijinja::machinery::parse_expr;

use super::call::{Arg, Call, Given};
use super::fault::{Carried, Fault};

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
    /// Names it reads.
    pub names: Vec<Mention>,
    /// Conversions it uses.
    pub calls: Vec<Call>,
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
    let mut code = Code { source: source.to_owned(), names: Vec::new(), calls: Vec::new() };
    visit(&expr, &mut code, at);
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

/// `"\b"` in a template is a backspace: the user meant the regex.
fn holds_control(call: &Call) -> bool {
    matches!(call.name.as_str(), "regex" | "matches" | "replace")
        && call.args.iter().any(|given| matches!(&given.arg, Arg::Text(text) if text.chars().any(|sign| sign.is_control() && sign != '\n' && sign != '\t')))
}

fn bytes(span: minijinja::machinery::Span, shift: usize) -> Range<usize> {
    span.start_offset as usize + shift..span.end_offset as usize + shift
}

/// Collects names and conversions. A dotted chain is one name.
fn visit(expr: &Expr<'_>, code: &mut Code, shift: usize) {
    if let Some(parts) = chain(expr) {
        code.names.push(Mention { parts, at: bytes(expr.span(), shift) });
        return;
    }
    match expr {
        Expr::Var(_) | Expr::Const(_) => {}
        Expr::Slice(node) => {
            visit(&node.expr, code, shift);
            [&node.start, &node.stop, &node.step].into_iter().flatten().for_each(|part| visit(part, code, shift));
        }
        Expr::UnaryOp(node) => visit(&node.expr, code, shift),
        Expr::BinOp(node) => {
            visit(&node.left, code, shift);
            visit(&node.right, code, shift);
        }
        Expr::Compare(node) => {
            visit(&node.expr, code, shift);
            node.ops.iter().for_each(|op| visit(&op.expr, code, shift));
        }
        Expr::IfExpr(node) => {
            visit(&node.test_expr, code, shift);
            visit(&node.true_expr, code, shift);
            node.false_expr.iter().for_each(|part| visit(part, code, shift));
        }
        Expr::Filter(node) => {
            node.expr.iter().for_each(|part| visit(part, code, shift));
            let at = bytes(node.span(), shift);
            code.calls.push(call(node.name, &node.args, at, shift));
            visit_args(&node.args, code, shift);
        }
        Expr::Test(node) => {
            visit(&node.expr, code, shift);
            visit_args(&node.args, code, shift);
        }
        Expr::GetAttr(node) => visit(&node.expr, code, shift),
        Expr::GetItem(node) => {
            visit(&node.expr, code, shift);
            visit(&node.subscript_expr, code, shift);
        }
        Expr::Call(node) => {
            visit(&node.expr, code, shift);
            visit_args(&node.args, code, shift);
        }
        Expr::List(node) => node.items.iter().for_each(|item| visit(item, code, shift)),
        Expr::Tuple(node) => node.items.iter().for_each(|item| visit(item, code, shift)),
        Expr::Map(node) => {
            node.keys.iter().chain(&node.values).for_each(|item| visit(item, code, shift));
        }
    }
}

fn visit_args(args: &[ast::CallArg<'_>], code: &mut Code, shift: usize) {
    for arg in args {
        match arg {
            ast::CallArg::Pos(expr)
            | ast::CallArg::Kwarg(_, expr)
            | ast::CallArg::PosSplat(expr)
            | ast::CallArg::KwargSplat(expr) => visit(expr, code, shift),
        }
    }
}

/// `a.b.c` and `a['b']` as their parts.
fn chain(expr: &Expr<'_>) -> Option<Vec<String>> {
    match expr {
        Expr::Var(node) => Some(vec![node.id.to_owned()]),
        Expr::GetAttr(node) => {
            let mut parts = chain(&node.expr)?;
            parts.push(node.name.to_owned());
            Some(parts)
        }
        Expr::GetItem(node) => {
            let name = node.subscript_expr.as_const()?;
            let mut parts = chain(&node.expr)?;
            parts.push(name.as_str()?.to_owned());
            Some(parts)
        }
        _ => None,
    }
}

fn call(name: &str, args: &[ast::CallArg<'_>], at: Range<usize>, shift: usize) -> Call {
    let given = |name: Option<&str>, expr: &Expr<'_>| Given {
        name: name.map(str::to_owned),
        arg: constant(expr),
        at: bytes(expr.span(), shift),
    };
    let args = args
        .iter()
        .filter_map(|arg| match arg {
            ast::CallArg::Pos(expr) => Some(given(None, expr)),
            ast::CallArg::Kwarg(name, expr) => Some(given(Some(name), expr)),
            ast::CallArg::PosSplat(_) | ast::CallArg::KwargSplat(_) => None,
        })
        .collect();
    Call { name: name.to_owned(), at, args, template: true }
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
        check("${window.start | minus(\"2d\") | utc}", &["window.start"], &["minus", "utc"]);
    }

    #[test]
    fn a_bad_template_says_where() {
        let fault = |text: &str| text.parse::<Template>().unwrap_err();
        assert_eq!(fault("a ${page.first").at, 2..14);
        assert!(fault("${a +}").at.start >= 3);
        assert!(fault(r#"${record.x | regex("\bdata")}"#).message.contains("control character"));
    }
}
