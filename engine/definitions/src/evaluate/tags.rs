//! Changes of the tags of Feast's objects: `object.tags[name] = value` and `object.tags.update(...)`.
//!
//! `object.tags` alone is a copy, so these forms are taken as a whole.

use std::rc::Rc;

use ruff_python_ast::{Expr, ExprCall};

use super::evaluator::Evaluator;
use super::mutation::{check_known, unclear_change};
use crate::context::Site;
use crate::error::Evaluated;
use crate::value::{Scope, Value, pairs_of};

impl Evaluator<'_> {
    /// The object of `object.tags`, if an expression is of that form and it is one of Feast.
    pub(super) fn object_with_tags(&mut self, expression: &Expr, scope: &Rc<Scope>) -> Evaluated<Option<Value>> {
        match expression {
            Expr::Attribute(attribute)
                if attribute.attr.as_str() == "tags"
                    && matches!(&*attribute.value, Expr::Name(_) | Expr::Attribute(_)) =>
            {
                let object = self.evaluate(&attribute.value, scope)?;
                Ok(matches!(object, Value::Object(_)).then_some(object))
            }
            _ => Ok(None),
        }
    }

    /// The object of `object.tags.method`, as [`Evaluator::object_with_tags`].
    pub(super) fn object_of_tags(
        &mut self,
        expression: &Expr,
        method: &str,
        scope: &Rc<Scope>,
    ) -> Evaluated<Option<Value>> {
        match expression {
            Expr::Attribute(attribute) if attribute.attr.as_str() == method => {
                self.object_with_tags(&attribute.value, scope)
            }
            _ => Ok(None),
        }
    }

    /// `object.tags.update(...)`.
    pub(super) fn update_tags(&mut self, object: &Value, call: &ExprCall, scope: &Rc<Scope>) -> Evaluated<Value> {
        let site = self.at(call, scope);
        let unclear = || unclear_change(object, "tags", None, site);
        let arguments = self.arguments(call, scope)?.map_err(|_| unclear())?;
        let mut added = match arguments.positional.as_slice() {
            [] => Vec::new(),
            [given] => pairs_of(given).ok_or_else(unclear)?,
            _ => return Err(unclear()),
        };
        added.extend(arguments.named_members());
        for (name, value) in added {
            set_tag(object, &name, &value, site)?;
        }
        Ok(Value::None)
    }
}

/// `object.tags[name] = value`.
pub(super) fn set_tag(object: &Value, name: &Value, value: &Value, site: Site<'_>) -> Evaluated<()> {
    match object {
        Value::Object(known) if !site.session.is_conditional() => {
            check_known(object, "tags", name, site)?;
            check_known(object, "tags", value, site)?;
            let set = known.set_tag(name, value);
            set.map_err(|expected| unclear_change(object, "tags", expected, site))
        }
        _ => Err(unclear_change(object, "tags", None, site)),
    }
}
