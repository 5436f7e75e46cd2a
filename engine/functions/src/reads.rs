//! Which columns of its input a function may look at.
//!
//! Found once, when a function is checked, and true of every run: a column that is not named here may hold anything, and the function
//! gives the same. So a column of a type that is not known here keeps only those functions from being run that may look at it, and
//! which these are does not depend on a request.
//!
//! What holds the input (the frame or dict, a copy, a row of it) is followed through variables, functions and lambdas. A subscript with
//! a written name is that column, and a few methods look at no value. Everything else that is done with the input may look at all of it.
//! What is followed is what a name may hold anywhere in the program, in whatever order: that finds too much and never too little.
//!
//! Knows programs, and nothing of values.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use ruff_text_size::TextRange;

use crate::native::Native;
use crate::program::{
    Body, CallSite, CmpOp, Code, Comprehension, Constant, Element, Expression, FormatPart, Gives, Kind, Parameter,
    Program, Statement, Target, Text,
};

/// Each round follows the input one step further than the last one. A program that needs more is taken to look at everything.
const MAX_ROUNDS: usize = 100;

/// What a function may look at.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Columns that are named, each with a place where it is.
    named: BTreeMap<Text, TextRange>,
    /// Where it does something that may look at every column.
    whole: Option<TextRange>,
    /// Where it gives its input back, from which the outputs are taken by their names.
    returned: Option<TextRange>,
}

/// Where a function may look at a column.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    /// It is named there.
    Named(TextRange),
    /// All columns may be looked at there.
    Whole(TextRange),
}

impl Reads {
    /// Those of a program, whose function is at a place.
    pub(crate) fn of(program: &Program, function: TextRange) -> Self {
        let mut search = Search::default();
        for _ in 0..MAX_ROUNDS {
            let known = search.known;
            search.round(program);
            if search.known == known {
                search.check_escaped(function);
                return search.reads;
            }
        }
        search.reads.whole.get_or_insert(function);
        search.reads
    }

    /// Where it may look at a column of that name, if anywhere.
    pub(crate) fn place(&self, name: &str, is_output: bool) -> Option<Place> {
        let named = self.named.get(name).copied();
        let named = named.or_else(|| self.returned.filter(|_| is_output));
        named.map(Place::Named).or_else(|| self.whole.map(Place::Whole))
    }
}

/// A variable: the code that it is one of, and its slot.
type Variable = (*const Code, usize);

/// The functions of the text that a variable may hold.
#[derive(Debug, Default)]
struct Held<'p> {
    codes: Vec<&'p Arc<Code>>,
    /// Whether it may hold something else.
    is_mixed: bool,
}

/// What is known so far. It only grows.
#[derive(Debug, Default)]
struct Search<'p> {
    reads: Reads,
    /// The codes around what is being looked at, the innermost last.
    around: Vec<&'p Arc<Code>>,
    /// Variables that may hold the input.
    inputs: HashSet<Variable>,
    functions: HashMap<Variable, Held<'p>>,
    /// Codes that may give the input back, each with a place where it does.
    giving: HashMap<*const Code, TextRange>,
    /// Codes that may be called from anywhere: they are values, and not only called by their names.
    escaped: HashMap<*const Code, &'p Arc<Code>>,
    /// Whether any of these may be called with the input.
    input_escapes: bool,
    /// How much is known.
    known: usize,
}

impl<'p> Search<'p> {
    fn round(&mut self, program: &'p Program) {
        if let Some(module) = &program.module {
            self.around.push(module);
            self.body(module);
        }
        self.code(&program.function);
        self.hold((Arc::as_ptr(&program.function), 0));
        self.around.clear();
        if self.input_escapes {
            let escaped: Vec<_> = self.escaped.values().copied().collect();
            escaped.into_iter().for_each(|code| self.hold_parameter(code, 0));
        }
        self.reads.returned = self.giving.get(&Arc::as_ptr(&program.function)).copied();
    }

    /// What is given by a function that may be called from anywhere may be anywhere.
    fn check_escaped(&mut self, place: TextRange) {
        if self.escaped.keys().any(|code| self.giving.contains_key(code)) {
            self.reads.whole.get_or_insert(place);
        }
    }

    // What becomes known.

    fn whole(&mut self, place: TextRange) {
        if self.reads.whole.is_none() {
            self.known += 1;
            self.reads.whole = Some(place);
        }
    }

    fn read(&mut self, name: &Text, place: TextRange) {
        if !self.reads.named.contains_key(name) {
            self.known += 1;
            self.reads.named.insert(Text::clone(name), place);
        }
    }

    fn hold(&mut self, variable: Variable) {
        self.known += usize::from(self.inputs.insert(variable));
    }

    fn hold_parameter(&mut self, code: &Arc<Code>, slot: usize) {
        if slot < code.parameters.len() {
            self.hold((Arc::as_ptr(code), slot));
        }
    }

    fn give(&mut self, code: &Arc<Code>, place: TextRange) {
        if !self.gives(code) {
            self.known += 1;
            self.giving.insert(Arc::as_ptr(code), place);
        }
    }

    fn gives(&self, code: &Arc<Code>) -> bool {
        self.giving.contains_key(&Arc::as_ptr(code))
    }

    fn bind(&mut self, variable: Variable, code: &'p Arc<Code>) {
        let held = self.functions.entry(variable).or_default();
        if !held.codes.iter().any(|known| Arc::ptr_eq(known, code)) {
            held.codes.push(code);
            self.known += 1;
        }
    }

    fn bind_other(&mut self, variable: Variable) {
        let held = self.functions.entry(variable).or_default();
        self.known += usize::from(!held.is_mixed);
        held.is_mixed = true;
    }

    fn escape(&mut self, code: &'p Arc<Code>) {
        self.known += usize::from(self.escaped.insert(Arc::as_ptr(code), code).is_none());
    }

    fn input_escapes(&mut self) {
        self.known += usize::from(!self.input_escapes);
        self.input_escapes = true;
    }

    // What names mean.

    /// The variable so many functions further out.
    fn variable(&self, levels: usize, slot: usize) -> Option<Variable> {
        let code = self.around.iter().rev().nth(levels)?;
        Some((Arc::as_ptr(code), slot))
    }

    /// The functions that an expression may be, if it is nothing else.
    fn functions_of(&mut self, expression: &'p Expression) -> Option<Vec<&'p Arc<Code>>> {
        match &expression.kind {
            Kind::Function(code) => {
                self.code(code);
                Some(vec![code])
            }
            Kind::Variable { levels, slot } => {
                let held = self.functions.get(&self.variable(*levels, *slot)?)?;
                (!held.is_mixed && !held.codes.is_empty()).then(|| held.codes.clone())
            }
            _ => None,
        }
    }

    // Codes and statements.

    /// A function where it is defined.
    fn code(&mut self, code: &'p Arc<Code>) {
        for parameter in &code.parameters {
            if let Parameter {
                default: Some(default), ..
            } = parameter
            {
                self.look(default);
            }
        }
        self.around.push(code);
        for slot in 0..code.parameters.len() {
            self.bind_other((Arc::as_ptr(code), slot));
        }
        self.body(code);
        self.around.pop();
    }

    fn body(&mut self, code: &'p Arc<Code>) {
        match &code.body {
            Body::Statements(statements) => self.statements(statements),
            Body::Expression(given) => {
                if self.holds(given) {
                    self.give(code, given.range);
                }
            }
        }
    }

    fn statements(&mut self, statements: &'p [Statement]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &'p Statement) {
        match statement {
            Statement::Assign { targets, value } => self.assignment(targets, value),
            Statement::Augment {
                target, value, range, ..
            } => {
                self.look(value);
                self.augment(target, *range);
            }
            Statement::Evaluate(expression) => {
                self.holds(expression);
            }
            Statement::Return(Some(value)) => {
                if self.holds(value)
                    && let Some(code) = self.around.last().copied()
                {
                    self.give(code, value.range);
                }
            }
            Statement::Return(None) | Statement::Break | Statement::Continue => {}
            Statement::If { branches, otherwise } => {
                for (test, body) in branches {
                    self.look(test);
                    self.statements(body);
                }
                self.statements(otherwise);
            }
            Statement::For {
                target,
                items,
                body,
                otherwise,
            } => {
                self.look(items);
                self.assign_other(target);
                self.statements(body);
                self.statements(otherwise);
            }
            Statement::While { test, body, otherwise } => {
                self.look(test);
                self.statements(body);
                self.statements(otherwise);
            }
            Statement::Raise(raised) => raised.iter().for_each(|raised| self.look(raised)),
            Statement::Try {
                body,
                handlers,
                otherwise,
                finally,
            } => {
                self.statements(body);
                for handler in handlers {
                    handler.classes.iter().for_each(|classes| self.look(classes));
                    if let Some(variable) = handler.slot.and_then(|slot| self.variable(0, slot)) {
                        self.bind_other(variable);
                    }
                    self.statements(&handler.body);
                }
                self.statements(otherwise);
                self.statements(finally);
            }
            Statement::Assert { test, message } => {
                self.look(test);
                message.iter().for_each(|message| self.look(message));
            }
            Statement::Define { slot, code } => {
                if let Some(variable) = self.variable(0, *slot) {
                    self.bind(variable, code);
                }
                self.code(code);
            }
        }
    }

    fn assignment(&mut self, targets: &'p [Target], value: &'p Expression) {
        // `name = lambda ...` is a definition.
        if let (Kind::Function(code), [target]) = (&value.kind, targets)
            && let Some(variable) = self.target_variable(target)
        {
            self.bind(variable, code);
            return self.code(code);
        }
        let holds_input = self.holds(value);
        targets
            .iter()
            .for_each(|target| self.assign(target, value, holds_input));
    }

    fn target_variable(&self, target: &Target) -> Option<Variable> {
        match target {
            Target::Variable(slot) => self.variable(0, *slot),
            Target::Outer { levels, slot } => self.variable(*levels, *slot),
            Target::Items(_) | Target::Subscript { .. } => None,
        }
    }

    /// Assigns a value that may be the input.
    fn assign(&mut self, target: &'p Target, value: &'p Expression, holds_input: bool) {
        match target {
            Target::Variable(_) | Target::Outer { .. } => {
                let Some(variable) = self.target_variable(target) else {
                    return;
                };
                if holds_input {
                    self.hold(variable);
                }
                self.bind_other(variable);
            }
            Target::Items(_) | Target::Subscript { .. } => {
                if holds_input {
                    self.whole(value.range);
                }
                self.assign_other(target);
            }
        }
    }

    /// Assigns a value that is not the input.
    fn assign_other(&mut self, target: &'p Target) {
        match target {
            Target::Variable(_) | Target::Outer { .. } => {
                if let Some(variable) = self.target_variable(target) {
                    self.bind_other(variable);
                }
            }
            Target::Items(items) => items.iter().for_each(|item| self.assign_other(item)),
            Target::Subscript { object, key } => {
                let is_input = self.holds(object);
                match (&key.kind, is_input) {
                    (Kind::Constant(Constant::Text(_)), _) => {}
                    // `frame.loc[rows, name] = value`: the other rows keep what they have.
                    (Kind::Tuple(places), true) => match places.as_slice() {
                        [rows, name] if !rows.is_starred && !name.is_starred => {
                            self.look(&rows.value);
                            self.named(&name.value);
                        }
                        _ => self.looked_through(key, key.range),
                    },
                    (_, true) => self.looked_through(key, key.range),
                    (_, false) => self.look(key),
                }
            }
        }
    }

    /// `target += value`.
    fn augment(&mut self, target: &'p Target, place: TextRange) {
        match target {
            Target::Subscript { object, key } if self.holds(object) => self.named(key),
            Target::Subscript { key, .. } => self.look(key),
            Target::Variable(_) | Target::Outer { .. } => {
                let Some(variable) = self.target_variable(target) else {
                    return;
                };
                if self.inputs.contains(&variable) {
                    self.whole(place);
                }
                self.bind_other(variable);
            }
            Target::Items(_) => self.whole(place),
        }
    }

    // Expressions.

    /// An expression whose value is looked at, or kept where nobody follows it.
    fn look(&mut self, expression: &'p Expression) {
        if self.holds(expression) {
            self.whole(expression.range);
        }
    }

    /// A column of the input by its name, or any if the name is not written out.
    fn named(&mut self, name: &'p Expression) {
        match &name.kind {
            Kind::Constant(Constant::Text(text)) => self.read(text, name.range),
            _ => self.looked_through(name, name.range),
        }
    }

    /// What is done by an argument to all of the input.
    fn looked_through(&mut self, argument: &'p Expression, place: TextRange) {
        self.look(argument);
        self.whole(place);
    }

    /// Whether the value of an expression may be the input, a copy or a row of it.
    fn holds(&mut self, expression: &'p Expression) -> bool {
        match &expression.kind {
            Kind::Constant(_) | Kind::Native(_) => return false,
            Kind::Variable { levels, slot } => return self.holds_variable(*levels, *slot),
            Kind::Conditional { test, then, otherwise } => {
                self.look(test);
                let holds_input = self.holds(then);
                return self.holds(otherwise) || holds_input;
            }
            Kind::Call { callee, arguments } => return self.called(callee, arguments),
            Kind::CallMethod {
                object,
                name,
                arguments,
            } => {
                return match self.holds(object) {
                    true => self.method(name, arguments, expression.range),
                    false => {
                        self.look_at_arguments(arguments);
                        false
                    }
                };
            }
            Kind::Attribute(object, name) => {
                let is_input = self.holds(object);
                return is_input && self.attribute(name, expression.range);
            }
            Kind::Subscript(object, key) => match self.holds(object) {
                true => self.columns(key, expression.range),
                false => self.look(key),
            },
            Kind::Dict(members) => return self.dict(members),
            Kind::Named(target, value) => {
                let holds_input = self.holds(value);
                self.assign(target, value, holds_input);
                return holds_input;
            }
            Kind::Function(code) => {
                self.escape(code);
                self.code(code);
            }
            Kind::Unary(_, operand) => self.look(operand),
            Kind::Binary(left, _, right) => {
                self.look(left);
                self.look(right);
            }
            Kind::Logical(_, values) => values.iter().for_each(|value| self.look(value)),
            Kind::Compare(first, rest) => self.comparison(first, rest),
            Kind::Slice(parts) => parts.iter().flatten().for_each(|part| self.look(part)),
            Kind::List(elements) | Kind::Tuple(elements) | Kind::Set(elements) => {
                elements.iter().for_each(|element| self.look(&element.value));
            }
            Kind::Comprehension(comprehension) => self.comprehension(comprehension),
            Kind::Format(parts) => self.format_parts(parts),
        }
        false
    }

    fn holds_variable(&mut self, levels: usize, slot: usize) -> bool {
        let Some(variable) = self.variable(levels, slot) else {
            return false;
        };
        let codes = self.functions.get(&variable).map(|held| held.codes.clone());
        codes.into_iter().flatten().for_each(|code| self.escape(code));
        self.inputs.contains(&variable)
    }

    /// `input[key]`.
    fn columns(&mut self, key: &'p Expression, place: TextRange) {
        let is_name =
            |element: &Element| !element.is_starred && matches!(element.value.kind, Kind::Constant(Constant::Text(_)));
        match &key.kind {
            Kind::Constant(Constant::Text(name)) => self.read(name, place),
            Kind::List(names) if names.iter().all(is_name) => {
                names.iter().for_each(|name| self.named(&name.value));
            }
            _ => self.looked_through(key, place),
        }
    }

    /// `input.name`, and whether that still is the input.
    fn attribute(&mut self, name: &Text, place: TextRange) -> bool {
        match &**name {
            "loc" => return true,
            "shape" | "empty" => {}
            "columns" | "dtypes" | "iloc" | "index" | "values" => self.whole(place),
            _ => self.read(name, place),
        }
        false
    }

    fn dict(&mut self, members: &'p [(Option<Expression>, Expression)]) -> bool {
        let mut holds_input = false;
        for (key, value) in members {
            match key {
                Some(key) => {
                    self.look(key);
                    self.look(value);
                }
                // `{**input}` is a copy.
                None => holds_input |= self.holds(value),
            }
        }
        holds_input
    }

    fn comparison(&mut self, first: &'p Expression, rest: &'p [(CmpOp, Expression)]) {
        self.look(first);
        for (operator, right) in rest {
            let holds_input = self.holds(right);
            // `name in input` is about names.
            if holds_input && !(rest.len() == 1 && matches!(operator, CmpOp::In | CmpOp::NotIn)) {
                self.whole(right.range);
            }
        }
    }

    fn comprehension(&mut self, comprehension: &'p Comprehension) {
        for each in &comprehension.loops {
            self.look(&each.items);
            self.assign_other(&each.target);
            each.conditions.iter().for_each(|condition| self.look(condition));
        }
        match &comprehension.gives {
            Gives::List(item) | Gives::Set(item) | Gives::Generator(item) => self.look(item),
            Gives::Dict(key, value) => {
                self.look(key);
                self.look(value);
            }
        }
    }

    fn format_parts(&mut self, parts: &'p [FormatPart]) {
        for part in parts {
            if let FormatPart::Value {
                value, specification, ..
            } = part
            {
                self.look(value);
                self.format_parts(specification);
            }
        }
    }

    // Calls.

    fn look_at_arguments(&mut self, arguments: &'p CallSite) {
        arguments
            .positional
            .iter()
            .for_each(|argument| self.look(&argument.value));
        arguments.named.iter().for_each(|(_, argument)| self.look(argument));
    }

    /// Whether what a call gives may be the input.
    fn called(&mut self, callee: &'p Expression, arguments: &'p CallSite) -> bool {
        if let Kind::Native(Native { name: "len", .. }) = &callee.kind
            && let ([argument], []) = (arguments.positional.as_slice(), arguments.named.as_slice())
            && !argument.is_starred
        {
            self.holds(&argument.value);
            return false;
        }
        let Some(codes) = self.functions_of(callee) else {
            self.look(callee);
            self.look_at_arguments(arguments);
            return false;
        };
        for (slot, argument) in arguments.positional.iter().enumerate() {
            match self.holds(&argument.value) {
                true if argument.is_starred => self.whole(argument.value.range),
                true => codes.iter().for_each(|code| self.hold_parameter(code, slot)),
                false => {}
            }
        }
        for (name, argument) in &arguments.named {
            let holds_input = self.holds(argument);
            match name {
                Some(name) if holds_input => {
                    for code in &codes {
                        let slot = code.parameters.iter().position(|parameter| parameter.name == *name);
                        slot.into_iter().for_each(|slot| self.hold_parameter(code, slot));
                    }
                }
                None if holds_input => self.whole(argument.range),
                _ => {}
            }
        }
        codes.iter().any(|code| self.gives(code))
    }

    /// A method of the input, and whether what it gives still is the input. These are all that do not look at values but those that a
    /// function looks at which they call.
    fn method(&mut self, name: &str, arguments: &'p CallSite, place: TextRange) -> bool {
        match (name, arguments.positional.as_slice(), arguments.named.as_slice()) {
            ("copy" | "drop", ..) => {
                self.look_at_arguments(arguments);
                true
            }
            ("keys", [], []) => false,
            ("rename", [], [(Some(columns), names)]) if **columns == *"columns" => {
                self.renamed(names);
                true
            }
            ("assign", [], columns) => {
                for (name, value) in columns {
                    match name {
                        Some(_) => self.given_the_input(value, place),
                        // Functions may be among them.
                        None => self.looked_through(value, value.range),
                    }
                }
                true
            }
            ("apply", [function], options) => {
                self.given_the_input(&function.value, place);
                options.iter().for_each(|(_, option)| self.look(option));
                false
            }
            ("get", [column, default @ ..], []) if !column.is_starred => {
                self.named(&column.value);
                default.iter().for_each(|default| self.look(&default.value));
                false
            }
            _ => {
                self.look_at_arguments(arguments);
                self.whole(place);
                false
            }
        }
    }

    /// `input.rename(columns={old: new})`: what has another name afterwards is not followed.
    fn renamed(&mut self, names: &'p Expression) {
        let Kind::Dict(members) = &names.kind else {
            return self.looked_through(names, names.range);
        };
        for (old, new) in members {
            match old {
                Some(old) => self.named(old),
                None => self.whole(names.range),
            }
            self.look(new);
        }
    }

    /// An argument that is called with the input, or a row of it, if it is a function. What that gives must not be the input.
    fn given_the_input(&mut self, argument: &'p Expression, place: TextRange) {
        match self.functions_of(argument) {
            Some(codes) => {
                for code in codes {
                    self.hold_parameter(code, 0);
                    if self.gives(code) {
                        self.whole(place);
                    }
                }
            }
            None => {
                self.look(argument);
                // It may be any function that is a value.
                self.input_escapes();
            }
        }
    }
}
