//! Which files of a repository can define anything, or change what others define: by what they import, without running them.
//!
//! Scripts lie beside definitions: data generators, training. One that imports neither Feast nor a file that does cannot make
//! an object of Feast, and need not be read.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprContext, Stmt};

use crate::budget::Budget;
use crate::source::{ModuleFile, Search, check_nesting, is_installed, is_unrelated, read_source_lossy};

/// What a file can have to do with the definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Influence {
    /// Nothing.
    Nothing,
    /// It imports modules that cannot be looked into, which may define objects; with the names that it binds.
    Perhaps(Vec<String>),
    /// It can define objects, or change what others see.
    Certain,
}

/// The influence of each definition file.
pub(super) fn influences(files: &[PathBuf], search: &Search, budget: &Budget) -> BTreeMap<PathBuf, Influence> {
    let mut graph = Graph {
        search,
        budget,
        nodes: HashMap::new(),
        outside: 0,
    };
    for file in files {
        graph.add(&ModuleFile::in_repository(file));
    }
    let certain = graph.reaching(|node| node.has_feast);
    let perhaps = graph.reaching(|node| node.has_unknown);
    let influence = |file: &PathBuf| match graph.nodes.get(file) {
        Some(node) if !certain.contains(file) && !node.changes_others => {
            if perhaps.contains(file) {
                Influence::Perhaps(node.names.iter().cloned().collect())
            } else {
                Influence::Nothing
            }
        }
        _ => Influence::Certain,
    };
    files.iter().map(|file| (file.clone(), influence(file))).collect()
}

/// Files and what they import.
struct Graph<'a> {
    search: &'a Search,
    budget: &'a Budget,
    nodes: HashMap<PathBuf, Node>,
    outside: usize,
}

#[derive(Default)]
struct Node {
    imports: Vec<PathBuf>,
    /// It imports Feast, or code in a way that is not followed.
    has_feast: bool,
    /// It imports a module that is not found and that is not known to have nothing to do with Feast.
    has_unknown: bool,
    /// It changes the environment, or what it imports from other files.
    changes_others: bool,
    /// The names that it binds.
    names: BTreeSet<String>,
}

impl Graph<'_> {
    /// Adds a file and all that it imports.
    fn add(&mut self, file: &ModuleFile) {
        let mut pending = vec![file.clone()];
        while let Some(file) = pending.pop() {
            if self.nodes.contains_key(&file.path) {
                continue;
            }
            if file.is_outside() {
                self.outside += 1;
            }
            let (node, imported) = if self.outside > self.budget.outside_files && file.is_outside() {
                let unknown = Node {
                    has_unknown: true,
                    ..Node::default()
                };
                (unknown, Vec::new())
            } else {
                self.read(&file)
            };
            self.nodes.insert(file.path, node);
            pending.extend(imported);
        }
    }

    /// A file that cannot be read or parsed is one that may define something: running it reports what is wrong.
    fn read(&self, file: &ModuleFile) -> (Node, Vec<ModuleFile>) {
        let unreadable = || Node {
            has_feast: !file.is_outside(),
            has_unknown: true,
            ..Node::default()
        };
        let Ok(text) = read_source_lossy(&self.search.absolute(file), self.budget.file_bytes) else {
            return (unreadable(), Vec::new());
        };
        if check_nesting(&text).is_err() {
            return (unreadable(), Vec::new());
        }
        let Ok(parsed) = ruff_python_parser::parse_module(&text) else {
            return (unreadable(), Vec::new());
        };
        let mut survey = Survey {
            search: self.search,
            file,
            node: Node::default(),
            imported: Vec::new(),
            borrowed: HashSet::new(),
        };
        let body = &parsed.syntax().body;
        // Names are borrowed before they are changed, wherever that stands.
        body.iter().for_each(|statement| survey.visit_stmt(statement));
        survey.node.names.extend(body.iter().flat_map(bound_names));
        let mut changes = Changes {
            borrowed: survey.borrowed,
            has_more: true,
            found: false,
        };
        // A borrowed value may get another name further down than that name is used.
        while std::mem::take(&mut changes.has_more) {
            body.iter().for_each(|statement| changes.visit_stmt(statement));
        }
        let changes_others = changes.found;
        let mut node = survey.node;
        node.changes_others |= changes_others;
        node.imports = survey.imported.iter().map(|file| file.path.clone()).collect();
        (node, survey.imported)
    }

    /// The files that meet the condition, and all that import one of them, however indirectly.
    fn reaching(&self, is_met: impl Fn(&Node) -> bool) -> HashSet<PathBuf> {
        let mut importers: HashMap<&Path, Vec<&Path>> = HashMap::new();
        for (path, node) in &self.nodes {
            for imported in &node.imports {
                importers.entry(imported).or_default().push(path);
            }
        }
        let met = self.nodes.iter().filter(|(_, node)| is_met(node));
        let mut pending: Vec<&Path> = met.map(|(path, _)| path.as_path()).collect();
        let mut reaching = HashSet::new();
        while let Some(path) = pending.pop() {
            if reaching.insert(path.to_path_buf()) {
                pending.extend(importers.get(path).into_iter().flatten());
            }
        }
        reaching
    }
}

/// Collects what a file imports.
struct Survey<'a> {
    search: &'a Search,
    file: &'a ModuleFile,
    node: Node,
    imported: Vec<ModuleFile>,
    /// Names that are bound to something of another file.
    borrowed: HashSet<String>,
}

impl Survey<'_> {
    /// Notes an imported module; whether it is a file.
    fn import(&mut self, module: &str, level: u32) -> bool {
        if level == 0 && (module == "feast" || module.starts_with("feast.")) {
            self.node.has_feast = true;
            return false;
        }
        let file = match level {
            0 => self.search.module(module),
            level => self.search.relative(module, level, self.file),
        };
        // The packages on the way run too.
        if level == 0 {
            let packages = module
                .match_indices('.')
                .filter_map(|(end, _)| self.search.module(&module[..end]));
            self.imported.extend(packages);
        }
        let is_file = file.is_some();
        self.imported.extend(file);
        is_file
    }

    fn import_unless_known(&mut self, module: &str, level: u32) -> bool {
        let is_file = self.import(module, level);
        let is_known = level > 0 || is_installed(module) || is_unrelated(module) || self.search.is_namespace(module);
        self.node.has_unknown |= !is_file && !is_known;
        is_file
    }
}

impl<'a> Visitor<'a> for Survey<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let module = alias.name.as_str();
                    let is_file = self.import_unless_known(module, 0);
                    let first = module.split('.').next().unwrap_or(module);
                    if is_file || self.search.is_namespace(first) {
                        let name = alias.asname.as_ref().map_or(first, |name| name.as_str());
                        self.borrowed.insert(name.to_owned());
                    }
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map(|module| module.as_str()).unwrap_or_default();
                let is_file = self.import_unless_known(module, import.level);
                for alias in &import.names {
                    let full_name = if module.is_empty() {
                        alias.name.to_string()
                    } else {
                        format!("{module}.{}", alias.name)
                    };
                    let is_submodule = self.import(&full_name, import.level);
                    if is_file || is_submodule {
                        self.borrowed
                            .insert(alias.asname.as_ref().unwrap_or(&alias.name).to_string());
                    }
                }
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        // Ways to run code that is not written here. `model.eval()` is not one of them.
        match expression {
            Expr::Name(name) => match name.id.as_str() {
                "__import__" | "exec" | "eval" | "import_module" | "run_path" | "run_module" => {
                    self.node.has_feast = true;
                }
                "putenv" | "load_dotenv" | "setattr" => self.node.changes_others = true,
                _ => {}
            },
            Expr::Attribute(attribute) => match attribute.attr.as_str() {
                "import_module" | "run_path" | "run_module" | "exec_module" => self.node.has_feast = true,
                "putenv" | "load_dotenv" => self.node.changes_others = true,
                _ => {}
            },
            _ => {}
        }
        walk_expr(self, expression);
    }
}

/// Looks for changes of what comes from other files, and of the environment.
struct Changes {
    borrowed: HashSet<String>,
    /// Whether a name was added.
    has_more: bool,
    found: bool,
}

impl Changes {
    /// Whether an expression is a name of another file, or a part of it.
    fn is_borrowed(&self, expression: &Expr) -> bool {
        match expression {
            Expr::Name(name) => name.id == "environ" || self.borrowed.contains(name.id.as_str()),
            Expr::Attribute(attribute) => {
                matches!(attribute.attr.as_str(), "environ" | "modules") || self.is_borrowed(&attribute.value)
            }
            Expr::Subscript(subscript) => self.is_borrowed(&subscript.value),
            _ => false,
        }
    }

    /// A target that is bound to a value. Under another name it could be changed unseen.
    fn bind(&mut self, target: &Expr, value: &Expr) {
        if self.is_borrowed(value) {
            self.borrow(target);
        }
    }

    fn borrow(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => self.has_more |= self.borrowed.insert(name.id.to_string()),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.borrow(target)),
            Expr::List(list) => list.elts.iter().for_each(|target| self.borrow(target)),
            Expr::Starred(starred) => self.borrow(&starred.value),
            _ => self.found = true,
        }
    }
}

impl<'a> Visitor<'a> for Changes {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(assign) => assign
                .targets
                .iter()
                .for_each(|target| self.bind(target, &assign.value)),
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.bind(&assign.target, value);
                }
            }
            Stmt::For(each) => self.bind(&each.target, &each.iter),
            Stmt::AugAssign(assign) => self.found |= self.is_borrowed(&assign.target),
            _ => {}
        }
        walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        const METHODS: [&str; 18] = [
            "append",
            "extend",
            "insert",
            "pop",
            "remove",
            "sort",
            "reverse",
            "clear",
            "update",
            "setdefault",
            "popitem",
            "add",
            "discard",
            "move_to_end",
            "subtract",
            "difference_update",
            "intersection_update",
            "symmetric_difference_update",
        ];
        self.found |= match expression {
            Expr::Attribute(attribute) if attribute.ctx != ExprContext::Load => self.is_borrowed(&attribute.value),
            Expr::Subscript(subscript) if subscript.ctx != ExprContext::Load => self.is_borrowed(&subscript.value),
            Expr::Attribute(attribute) => {
                METHODS.contains(&attribute.attr.as_str()) && self.is_borrowed(&attribute.value)
            }
            Expr::Named(named) => {
                self.bind(&named.target, &named.value);
                false
            }
            _ => false,
        };
        walk_expr(self, expression);
    }
}

/// The names that a statement of a file binds.
fn bound_names(statement: &Stmt) -> Vec<String> {
    let names = |targets: &[Expr]| {
        targets
            .iter()
            .filter_map(|target| match target {
                Expr::Name(name) => Some(name.id.to_string()),
                _ => None,
            })
            .collect()
    };
    match statement {
        Stmt::Assign(assign) => names(&assign.targets),
        Stmt::ImportFrom(import) => {
            let aliases = import
                .names
                .iter()
                .map(|alias| alias.asname.as_ref().unwrap_or(&alias.name));
            aliases.map(ToString::to_string).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
