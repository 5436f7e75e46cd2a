//! The connection string of Feast: nodes and parameters, separated by commas.
//!
//! A part without `=` is a node `host:port`, any other a parameter `name=value`. There are no escapes, nothing is trimmed, the order
//! is free, and of equal names the last one counts. A value is JSON where it parses as JSON, and else a string.
//!
//! Messages name parts by their position, as a password with a comma in it ends up in parts of its own.

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::RedisNode;
use super::parameters::{WITH_EFFECT, is_known, is_secret};
use crate::host::Host;
use crate::keys::nearest;

/// What a connection string holds.
pub(super) struct ConnectionString<'string> {
    /// Where it is written, for messages.
    pub place: &'string str,
    pub nodes: Vec<RedisNode>,
    parameters: Vec<Parameter<'string>>,
}

struct Parameter<'string> {
    name: &'string str,
    value: ParameterValue<'string>,
}

/// The value of a parameter, in both of its forms.
pub(super) struct ParameterValue<'string> {
    /// As it is written.
    pub written: &'string str,
    /// As JSON; a string when it is not JSON.
    pub json: Value,
}

/// A part, as messages name it.
struct Part<'string> {
    /// Where the whole is written.
    place: &'string str,
    position: usize,
    contents: &'string str,
    /// Whether a secret stands before it, so that it may be a piece of that.
    may_be_secret: bool,
}

impl<'string> ConnectionString<'string> {
    /// Reads a connection string that is written at `place`.
    ///
    /// # Errors
    /// `Invalid`, naming the part and the remedy, never a secret.
    pub(super) fn parse(string: &'string str, place: &'string str) -> Result<Self> {
        if string.is_empty() {
            return Err(Error::invalid(format!("{place} is empty")).with_hint(SERVER_HINT));
        }
        let mut parsed = Self {
            place,
            nodes: Vec::new(),
            parameters: Vec::new(),
        };
        for part in parts(string, place) {
            match part.contents.split_once('=') {
                None => parsed.nodes.push(part.node()?),
                Some((name, written)) => {
                    part.check_name(name)?;
                    parsed.set(name, written);
                }
            }
        }
        if parsed.nodes.is_empty() {
            return Err(Error::invalid(format!("{place} names no server")).with_hint(SERVER_HINT));
        }
        Ok(parsed)
    }

    fn set(&mut self, name: &'string str, written: &'string str) {
        let json = serde_json::from_str(written).unwrap_or_else(|_| Value::String(written.to_owned()));
        let value = ParameterValue { written, json };
        self.parameters.retain(|parameter| parameter.name != name);
        self.parameters.push(Parameter { name, value });
    }

    /// The value of a parameter, if it is given.
    pub(super) fn get(&self, name: &str) -> Option<&ParameterValue<'string>> {
        let parameter = self.parameters.iter().find(|parameter| parameter.name == name);
        parameter.map(|parameter| &parameter.value)
    }
}

fn parts<'string>(string: &'string str, place: &'string str) -> impl Iterator<Item = Part<'string>> {
    let mut may_be_secret = false;
    (1..).zip(string.split(',')).map(move |(position, contents)| {
        let part = Part {
            place,
            position,
            contents,
            may_be_secret,
        };
        may_be_secret |= contents.split_once('=').is_some_and(|(name, _)| is_secret(name));
        part
    })
}

const SERVER_HINT: &str = "write host:port, then parameters after commas, such as localhost:6379,db=0";
const NODE_HINT: &str = "a server is written host:port, such as localhost:6379; an IPv6 address goes in brackets";
const COMMA_HINT: &str =
    "a comma ends a value, and Feast has no way to write a password that contains one: use a password without a comma";

impl Part<'_> {
    fn node(&self) -> Result<RedisNode> {
        if self.contents.is_empty() {
            return Err(self.problem("is empty", "remove the extra comma"));
        }
        if self.contents.starts_with(['/', '.']) || self.contents.starts_with("unix:") {
            return Err(self.problem("is a Unix socket, which Feast cannot use", NODE_HINT));
        }
        if self.contents.contains("://") {
            return Err(self.problem(
                "is a URL",
                "write host:port, and the rest of the URL as parameters: \
                 localhost:6379,db=0,username=...,password=...,ssl=true",
            ));
        }
        let (host, port) = self.host_and_port()?;
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port: &u16| is_number && *port > 0);
        let port = port.ok_or_else(|| self.problem("has a port that is not a number from 1 to 65535", NODE_HINT))?;
        if Host::parse(host).is_none() {
            return Err(self.problem("has a host that is neither a name nor an address", NODE_HINT));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(RedisNode { host, port })
    }

    fn host_and_port(&self) -> Result<(&str, &str)> {
        let (host, port) = match self.contents.rfind(']') {
            Some(bracket) => self.contents.split_at(bracket + 1),
            None => self
                .contents
                .split_at(self.contents.find(':').unwrap_or(self.contents.len())),
        };
        match port.strip_prefix(':') {
            None => Err(self.problem("has no port", NODE_HINT)),
            Some(port) if port.contains(':') => Err(self.problem("has more than one colon", NODE_HINT)),
            Some(port) => Ok((host, port)),
        }
    }

    fn check_name(&self, name: &str) -> Result<()> {
        if is_known(name) {
            return Ok(());
        }
        if name == "unix_socket_path" {
            return Err(self.problem("is unix_socket_path: Unix sockets are not supported", NODE_HINT));
        }
        let what = match (self.may_be_secret, nearest(name.trim(), &WITH_EFFECT)) {
            (false, Some(meant)) => format!("has the parameter {name:?}, which is not known: did you mean {meant}?"),
            (false, None) => format!("has the parameter {name:?}, which is not known"),
            (true, Some(meant)) => format!("has a parameter that is not known: did you mean {meant}?"),
            (true, None) => "has a parameter that is not known".to_owned(),
        };
        Err(self.problem(&what, &format!("the parameters are {}", WITH_EFFECT.join(", "))))
    }

    /// Quotes the host of a node, for which there is no better name, unless it may be a secret.
    fn problem(&self, what: &str, hint: &str) -> Error {
        let host = match self.contents.find(']') {
            Some(bracket) => &self.contents[..=bracket],
            None => self.contents.split(':').next().unwrap_or_default(),
        };
        let may_show = !self.may_be_secret && !host.is_empty() && !self.contents.contains(['=', '@', '/']);
        let host = if may_show { format!(" ({host})") } else { String::new() };
        let remedy = match self.may_be_secret {
            true => format!("{hint}. If this is a piece of a password: {COMMA_HINT}"),
            false => hint.to_owned(),
        };
        Error::invalid(format!("{}: part {}{host} {what}", self.place, self.position)).with_hint(remedy)
    }
}

/// A connection string as it may be shown: values of secrets, and what may be a piece of one, are hidden.
pub(crate) fn redact(string: &str) -> String {
    const HIDDEN: &str = "***";
    let shown = parts(string, "").map(|part| match part.contents.split_once('=') {
        Some((name, _)) if is_known(name) && is_secret(name) => format!("{name}={HIDDEN}"),
        Some((name, _)) if is_known(name) => part.contents.to_owned(),
        None if !part.may_be_secret && part.node().is_ok() => part.contents.to_owned(),
        None | Some(_) => HIDDEN.to_owned(),
    });
    shown.collect::<Vec<String>>().join(",")
}
