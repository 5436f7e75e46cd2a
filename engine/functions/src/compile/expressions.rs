//! Expressions.

use std::sync::Arc;

use ruff_python_ast::{
    Arguments, Comprehension as PythonComprehension, Expr, ExprCall, ExprFString, FStringPart, InterpolatedElement,
    InterpolatedStringElement, Number,
};

use super::scope::{Meaning, Scope};
use super::{Compiled, refused};
use crate::methods;
use crate::native::{self, Known};
use crate::program::{
    CallSite, Comprehension, ComprehensionLoop, Constant, Element, Expression, FormatPart, Gives, Kind, Target, Text,
};

impl Scope<'_> {
    pub(super) fn expression(&mut self, expression: &Expr) -> Compiled<Expression> {
        use ruff_text_size::Ranged;
        Ok(Expression {
            kind: self.kind(expression)?,
            range: expression.range(),
        })
    }

    fn kind(&mut self, expression: &Expr) -> Compiled<Kind> {
        Ok(match expression {
            Expr::NoneLiteral(_) => Kind::Constant(Constant::None),
            Expr::BooleanLiteral(literal) => Kind::Constant(Constant::Bool(literal.value)),
            Expr::StringLiteral(literal) => Kind::Constant(Constant::Text(Text::from(literal.value.to_str()))),
            Expr::BytesLiteral(literal) => {
                let bytes: Vec<u8> = literal.value.bytes().collect();
                Kind::Constant(Constant::Bytes(Arc::from(bytes)))
            }
            Expr::NumberLiteral(literal) => Kind::Constant(match &literal.value {
                Number::Int(number) => match number.as_i64() {
                    Some(number) => Constant::Int(number),
                    None => return refused(expression, "integers beyond 64 bits are not known"),
                },
                Number::Float(number) => Constant::Float(*number),
                Number::Complex { .. } => return refused(expression, "complex numbers are not known"),
            }),
            Expr::Name(name) => match self.meaning(name.id.as_str(), expression)? {
                Meaning::Variable { levels, slot } => Kind::Variable { levels, slot },
                Meaning::Known(known) => value_of(known, expression)?,
            },
            Expr::Attribute(attribute) => match self.known(expression)? {
                Some(known) => value_of(known, expression)?,
                None => Kind::Attribute(self.boxed(&attribute.value)?, Text::from(attribute.attr.as_str())),
            },
            Expr::UnaryOp(unary) => Kind::Unary(unary.op, self.boxed(&unary.operand)?),
            Expr::BinOp(binary) => Kind::Binary(self.boxed(&binary.left)?, binary.op, self.boxed(&binary.right)?),
            Expr::BoolOp(logical) => Kind::Logical(logical.op, self.expressions(&logical.values)?),
            Expr::Compare(compare) => {
                let left = self.boxed(&compare.left)?;
                let rights = compare.ops.iter().zip(&compare.comparators);
                let rights = rights.map(|(operator, right)| Ok((*operator, self.expression(right)?)));
                Kind::Compare(left, rights.collect::<Compiled<_>>()?)
            }
            Expr::If(conditional) => Kind::Conditional {
                test: self.boxed(&conditional.test)?,
                then: self.boxed(&conditional.body)?,
                otherwise: self.boxed(&conditional.orelse)?,
            },
            Expr::Call(call) => self.call(call)?,
            Expr::Subscript(subscript) => Kind::Subscript(self.boxed(&subscript.value)?, self.boxed(&subscript.slice)?),
            Expr::Slice(slice) => {
                let mut part = |part: &Option<Box<Expr>>| part.as_ref().map(|part| self.boxed(part)).transpose();
                Kind::Slice([part(&slice.lower)?, part(&slice.upper)?, part(&slice.step)?])
            }
            Expr::List(list) => Kind::List(self.elements(&list.elts)?),
            Expr::Tuple(tuple) => Kind::Tuple(self.elements(&tuple.elts)?),
            Expr::Set(set) => Kind::Set(self.elements(&set.elts)?),
            Expr::Dict(dict) => {
                let members = dict.items.iter();
                let members =
                    members.map(|item| Ok((self.optional(item.key.as_ref())?, self.expression(&item.value)?)));
                Kind::Dict(members.collect::<Compiled<_>>()?)
            }
            Expr::ListComp(list) => {
                self.comprehension(&list.generators, |scope| Ok(Gives::List(scope.expression(&list.elt)?)))?
            }
            Expr::SetComp(set) => {
                self.comprehension(&set.generators, |scope| Ok(Gives::Set(scope.expression(&set.elt)?)))?
            }
            Expr::Generator(generator) => self.comprehension(&generator.generators, |scope| {
                Ok(Gives::Generator(scope.expression(&generator.elt)?))
            })?,
            Expr::DictComp(dict) => self.comprehension(&dict.generators, |scope| match &dict.key {
                Some(key) => Ok(Gives::Dict(scope.expression(key)?, scope.expression(&dict.value)?)),
                None => refused(expression, "this comprehension is not known"),
            })?,
            Expr::Lambda(lambda) => Kind::Function(self.lambda(lambda)?),
            Expr::FString(string) => Kind::Format(self.format_string(string)?),
            Expr::Named(named) => Kind::Named(Box::new(self.target(&named.target)?), self.boxed(&named.value)?),
            other => return refused(other, "this expression is not known"),
        })
    }

    fn expressions(&mut self, expressions: &[Expr]) -> Compiled<Vec<Expression>> {
        expressions
            .iter()
            .map(|expression| self.expression(expression))
            .collect()
    }

    fn elements(&mut self, elements: &[Expr]) -> Compiled<Vec<Element>> {
        let element = |element: &Expr| {
            let (value, is_starred) = match element {
                Expr::Starred(starred) => (&*starred.value, true),
                plain => (plain, false),
            };
            Ok(Element {
                value: self.expression(value)?,
                is_starred,
            })
        };
        elements.iter().map(element).collect()
    }

    /// What `numpy.nan` and the like are; `None` for attributes of values.
    fn known(&self, expression: &Expr) -> Compiled<Option<Known>> {
        match expression {
            Expr::Name(name) => Ok(match self.meaning(name.id.as_str(), expression) {
                Ok(Meaning::Known(known)) => Some(known),
                _ => None,
            }),
            Expr::Attribute(attribute) => {
                if let Some(constant) = self.class_constant(expression) {
                    return Ok(Some(Known::Constant(constant)));
                }
                let owner = match self.known(&attribute.value)? {
                    Some(Known::Module(module)) => module,
                    // `datetime.strptime`, `pd.Timestamp.now`: functions of a class.
                    Some(Known::Native(class)) => class.name,
                    Some(Known::Constant(_)) | None => return Ok(None),
                };
                let name = attribute.attr.as_str();
                match native::attribute(owner, name) {
                    Some(known) => Ok(Some(known)),
                    None => refused(expression, format!("{owner}.{name} is not known here")),
                }
            }
            _ => Ok(None),
        }
    }

    fn call(&mut self, call: &ExprCall) -> Compiled<Kind> {
        if let Expr::Attribute(attribute) = &*call.func
            && self.known(&call.func)?.is_none()
        {
            // First, so that an unknown name is told and not what is done with it.
            let object = self.boxed(&attribute.value)?;
            let name = attribute.attr.as_str();
            let Some(name) = methods::name(name) else {
                return refused(call, format!("the method `{name}` is not known here"));
            };
            return Ok(Kind::CallMethod {
                object,
                name,
                arguments: self.arguments(&call.arguments)?,
            });
        }
        Ok(Kind::Call {
            callee: self.boxed(&call.func)?,
            arguments: self.arguments(&call.arguments)?,
        })
    }

    fn arguments(&mut self, arguments: &Arguments) -> Compiled<CallSite> {
        let named = arguments.keywords.iter().map(|keyword| {
            let name = keyword.arg.as_ref().map(|name| Text::from(name.as_str()));
            Ok((name, self.expression(&keyword.value)?))
        });
        let named = named.collect::<Compiled<_>>()?;
        Ok(CallSite {
            positional: self.elements(&arguments.args)?,
            named,
        })
    }

    /// The first iterable is computed around the comprehension, the rest sees its names.
    fn comprehension(
        &mut self,
        generators: &[PythonComprehension],
        gives: impl FnOnce(&mut Self) -> Compiled<Gives>,
    ) -> Compiled<Kind> {
        let opened = self.opened();
        let mut loops = Vec::with_capacity(generators.len());
        for generator in generators {
            if generator.is_async {
                return refused(generator, "asynchronous comprehensions are not known");
            }
            let items = self.expression(&generator.iter)?;
            let target = self.inner_target(&generator.target)?;
            let conditions = self.expressions(&generator.ifs)?;
            loops.push(ComprehensionLoop {
                target,
                items,
                conditions,
            });
        }
        let gives = gives(self)?;
        self.close(opened);
        Ok(Kind::Comprehension(Box::new(Comprehension { gives, loops })))
    }

    fn inner_target(&mut self, target: &Expr) -> Compiled<Target> {
        let items = match target {
            Expr::Name(name) => return Ok(Target::Variable(self.open(name.id.as_str()))),
            Expr::Tuple(tuple) => &tuple.elts,
            Expr::List(list) => &list.elts,
            other => return refused(other, "this target of a comprehension is not known"),
        };
        let items = items.iter().map(|item| self.inner_target(item));
        Ok(Target::Items(items.collect::<Compiled<_>>()?))
    }

    fn format_string(&mut self, string: &ExprFString) -> Compiled<Vec<FormatPart>> {
        let mut parts = Vec::new();
        for part in &string.value {
            match part {
                FStringPart::Literal(literal) => parts.push(FormatPart::Text(Text::from(literal.as_str()))),
                FStringPart::FString(inner) => self.format_parts(inner.elements.iter(), &mut parts)?,
            }
        }
        Ok(parts)
    }

    fn format_parts<'a>(
        &mut self,
        elements: impl Iterator<Item = &'a InterpolatedStringElement>,
        parts: &mut Vec<FormatPart>,
    ) -> Compiled<()> {
        for element in elements {
            parts.push(match element {
                InterpolatedStringElement::Literal(literal) => FormatPart::Text(Text::from(&*literal.value)),
                InterpolatedStringElement::Interpolation(interpolation) => self.interpolation(interpolation)?,
            });
        }
        Ok(())
    }

    fn interpolation(&mut self, interpolation: &InterpolatedElement) -> Compiled<FormatPart> {
        if interpolation.debug_text.is_some() {
            return refused(interpolation, "`{expression=}` is not known");
        }
        let mut specification = Vec::new();
        if let Some(spec) = &interpolation.format_spec {
            self.format_parts(spec.elements.iter(), &mut specification)?;
        }
        Ok(FormatPart::Value {
            value: self.expression(&interpolation.expression)?,
            conversion: interpolation.conversion,
            specification,
        })
    }
}

fn value_of(known: Known, expression: &Expr) -> Compiled<Kind> {
    match known {
        Known::Native(native) => Ok(Kind::Native(native)),
        Known::Constant(constant) => Ok(Kind::Constant(constant)),
        Known::Module(module) => refused(expression, format!("the module {module} as a value is not known")),
    }
}
