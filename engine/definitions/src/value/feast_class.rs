//! A class or decorator of Feast, as a value: its name and parameters. What a call of it makes is decided where Feast's classes
//! are built.

/// A class or decorator of Feast.
pub(crate) struct FeastClass {
    /// The name under which definition files import it.
    pub(crate) name: &'static str,
    /// The last part of its module, where another class has the same name.
    pub(crate) module: Option<&'static str>,
    /// All parameters in their order, separated by blanks.
    pub(crate) parameters: &'static str,
    /// Whether its arguments may be positional.
    pub(crate) takes_positional: bool,
    /// Whether it is called as a decorator, which is applied to a function then.
    pub(crate) is_decorator: bool,
}
