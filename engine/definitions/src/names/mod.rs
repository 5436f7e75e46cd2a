//! The names of its module that the function of an on-demand view uses, as Python that binds them without the module.
//!
//! Feast keeps the text of the function alone, and runs it where there is nothing else. What is told here goes with it: imports,
//! constants whose value is known as plain data, helper functions and simple classes by their source, and what these use in turn.
//! A name is told as the module has it when all files have run, as a call sees it. A name that cannot be told is named with the
//! reason, and is no error: a definition file is read whatever its functions use.
//!
//! `free` says which names a piece of code takes from around it, `binding` how a module comes to have a name, `literal` writes
//! values, `item` is one name with its text, `collect` goes from name to name and puts the text together.

mod binding;
mod collect;
mod free;
mod item;
mod literal;

pub(crate) use collect::Names;
