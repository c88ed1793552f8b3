//! From mappings as written to what is run for each record.
use super::cells::{Cells, Line};
use super::{Extract, Operand, Read, Value};
use crate::convert::Conversion;
use crate::convert::render::Program;
use crate::definition::Definitions;
use crate::definition::source::Source;
use crate::scalar::{Arg, Expression, Operand as Written, Value as Says};
use crate::tree::Tree;

impl Extract {
    /// Compiles what a source says of its records. Its parts were checked; an error names the part all the same.
    pub fn compile(definitions: &Definitions, source: &Source) -> Result<Self, String> {
        let schema = definitions.schema.clone();
        let (mapping, _, _) = definitions.mapping_of(source).ok_or("the source has no mapping")?;
        let is_object = |name: &str| {
            let below = format!("{name}.");
            name == "extra" || schema.fields().iter().any(|field| field.name.starts_with(&below))
        };
        let mut fields = Vec::new();
        for line in mapping.lines(&is_object) {
            fields.push(Line { field: line.field, value: value(line.value)? });
        }
        // `salary: … | salary(fr)` fills an object; more exact keys win over it, so they come after it.
        fields.sort_by_key(|line| line.field.matches('.').count());
        Ok(Extract {
            records: source.records.clone(),
            only: source.only.as_ref().map(value).transpose()?,
            key: value(&source.key)?,
            null_if: source.null_if.iter().map(|scalar| scalar.0.clone().computed()).collect(),
            dedupe: source.dedupe,
            fields,
            cells: Cells::new(schema),
        })
    }
}

pub(super) fn value(says: &Says) -> Result<Value, String> {
    Ok(match says {
        Says::Template(template) => Value::Program(Program::compile(template).map_err(|error| error.to_string())?),
        Says::Expression(expression) => Value::Read(read(expression)?),
        Says::Constant(constant) => Value::Constant(constant.clone()),
        Says::Word(word) => Value::Constant(Tree::from(word.as_str())),
        Says::List(list) => Value::List(list.iter().map(value).collect::<Result<_, _>>()?),
        Says::Map(members) => {
            let each = members.iter().find(|(name, _)| name == "each").map(|(_, says)| says);
            let Some(Says::Expression(each)) = each else { return Err("a map without `each`".into()) };
            let members = members.iter().filter(|(name, _)| name != "each");
            Value::Each(
                read(each)?,
                members.map(|(name, says)| Ok((name.clone(), value(says)?))).collect::<Result<_, String>>()?,
            )
        }
    })
}

fn read(expression: &Expression) -> Result<Read, String> {
    let operand = |operand: &Written| match operand {
        Written::Path(path) => Operand::Path(path.clone()),
        Written::Constant(constant) => Operand::Constant(constant.clone()),
        Written::Call(call) => {
            let paths = call.args.iter().filter_map(|given| match &given.arg {
                Arg::Path(path) => Some(path.clone()),
                _ => None,
            });
            Operand::Combine(call.name.clone(), paths.collect())
        }
    };
    let conversions = expression.calls.iter().map(|call| Conversion::parse(call).map_err(|fault| fault.message));
    Ok(Read {
        text: expression.as_str().to_owned(),
        operands: expression.operands.iter().map(operand).collect(),
        conversions: conversions.collect::<Result<_, _>>()?,
    })
}
