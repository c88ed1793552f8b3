//! What an expression of a template reads: names, conversions, operands that are joined; and what it must not use.
use std::ops::Range;

use minijinja::machinery::Span;
use minijinja::machinery::ast::{self, Expr};

use super::call::{Arg, Call, Given};
use super::fault::Fault;
use super::template::{Code, Mention, TESTS};

/// Collects names and filters. A dotted chain is one name.
struct Visitor {
    code: Code,
    fault: Option<Fault>,
}

/// Completes an expression with what it reads.
pub(super) fn visit(code: Code, expr: &Expr<'_>) -> Result<Code, Fault> {
    let mut visitor = Visitor { code, fault: None };
    visitor.visit(expr);
    visitor.fault.map_or(Ok(visitor.code), Err)
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
