//! Formatted strings, and `str()` of values whose class may have its own.

use std::rc::Rc;

use ruff_python_ast::{ConversionFlag, ExprFString, FStringPart, InterpolatedElement, InterpolatedStringElement};
use ruff_text_size::Ranged;

use super::evaluator::Evaluator;
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{CallArguments, Scope, Value, format_spec};

impl Evaluator<'_> {
    pub(super) fn f_string(&mut self, string: &ExprFString, scope: &Rc<Scope>) -> Evaluated<Value> {
        let site = self.at(string, scope);
        let mut result = String::new();
        for part in &string.value {
            let elements = match part {
                FStringPart::Literal(literal) => {
                    result.push_str(literal.as_str());
                    continue;
                }
                FStringPart::FString(inner) => &inner.elements,
            };
            for element in elements {
                match element {
                    InterpolatedStringElement::Literal(literal) => result.push_str(&literal.value),
                    InterpolatedStringElement::Interpolation(interpolation) => {
                        match self.interpolation(interpolation, site)? {
                            Ok(string) => result.push_str(&string),
                            Err(unknown) => return Ok(unknown),
                        }
                    }
                }
            }
        }
        site.use_fuel(result.len())?;
        Ok(Value::str(result))
    }

    /// The string of `{expression!conversion:spec}`, or the value that makes the whole string unknown.
    fn interpolation(
        &mut self,
        interpolation: &InterpolatedElement,
        site: Site<'_>,
    ) -> Evaluated<Result<String, Value>> {
        let file = site.scope.file();
        let value = self.evaluate(&interpolation.expression, site.scope)?;
        let spec = interpolation
            .format_spec
            .as_ref()
            .map(|spec| file.excerpt(spec.range()));
        let mut string = String::new();
        if let Some(debug) = &interpolation.debug_text {
            let expression = file.slice(interpolation.expression.range());
            string = format!("{}{expression}{}", debug.leading(), debug.trailing());
        }
        site.pay_for([&value])?;
        let is_debug = interpolation.debug_text.is_some() && interpolation.conversion.is_none() && spec.is_none();
        let value = match interpolation.conversion {
            ConversionFlag::Repr => value.repr().map_or_else(|| site.reason_of(&value), Value::str),
            _ if is_debug => value.repr().map_or_else(|| site.reason_of(&value), Value::str),
            ConversionFlag::Str => {
                let written = self.str_of(&value, site)?;
                written.map_or_else(|| site.reason_of(&value), Value::str)
            }
            _ => self.dunder_str(&value, site)?.unwrap_or(value),
        };
        Ok(match format_spec(&value, spec.as_deref().unwrap_or_default()) {
            Some(formatted) => Ok(string + &formatted),
            None => Err(site.reason_of(&value)),
        })
    }

    /// What `__str__` of the value's class returns; `None` where there is no such method.
    pub(super) fn dunder_str(&mut self, value: &Value, site: Site<'_>) -> Evaluated<Option<Value>> {
        let class = match value {
            Value::Class(instance) if instance.is_instance => Some(instance),
            Value::EnumMember(member) => member.class.as_ref(),
            Value::NamedTuple(tuple) => Some(&tuple.class),
            _ => None,
        };
        let Some(class) = class else { return Ok(None) };
        if class.has_method(&["__format__"]) {
            return Ok(Some(site.unknown()));
        }
        let Some(Value::Function(function)) = class.scope.own("__str__") else {
            return Ok(None);
        };
        let arguments = CallArguments::positional([value.clone()]);
        self.call_function(&function, arguments, site).map(Some)
    }

    /// `str(value)`; `None` when it is not known.
    pub(super) fn str_of(&mut self, value: &Value, site: Site<'_>) -> Evaluated<Option<String>> {
        Ok(match self.dunder_str(value, site)? {
            Some(string) => string.as_str().map(|string| string.to_string()),
            None => {
                site.pay_for([value])?;
                value.to_str()
            }
        })
    }
}
