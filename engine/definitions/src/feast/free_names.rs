//! The names that a lambda takes from the scope around it. Its source alone does not have them.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_parameters};
use ruff_python_ast::{Expr, ExprContext, Parameters};

use crate::stdlib;
use crate::value::{Function, FunctionBody, Value};

impl Function {
    /// A name of the file that a lambda uses, other than those under which Feast gives it pandas and numpy.
    pub(crate) fn outer_name(&self) -> Option<String> {
        let FunctionBody::Expression(body) = &self.body else {
            return None;
        };
        let mut names = Names::default();
        names.visit_parameters(&self.parameters);
        names.visit_expr(body);
        names
            .used
            .difference(&names.bound)
            .find(|name| !self.is_given(name))
            .cloned()
    }

    fn is_given(&self, name: &str) -> bool {
        match self.scope.lookup(name) {
            None => stdlib::builtin(name).is_some(),
            Some(Value::Module(module)) => matches!(
                (name, &*module),
                ("pd" | "pandas", "pandas") | ("np" | "numpy", "numpy")
            ),
            Some(_) => false,
        }
    }
}

#[derive(Default)]
struct Names {
    bound: BTreeSet<String>,
    used: BTreeSet<String>,
}

impl<'a> Visitor<'a> for Names {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression {
            let names = if name.ctx == ExprContext::Load {
                &mut self.used
            } else {
                &mut self.bound
            };
            names.insert(name.id.to_string());
        }
        walk_expr(self, expression);
    }

    fn visit_parameters(&mut self, parameters: &'a Parameters) {
        let names = parameters.iter().map(|parameter| parameter.name().to_string());
        self.bound.extend(names);
        walk_parameters(self, parameters);
    }
}
