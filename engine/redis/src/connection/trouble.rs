//! What can go wrong between this process and a server, and how it is told.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use feast_model::error::{Error, ErrorKind};
use redis::{RedisError, ServerError};

/// A server did not do what it was asked. Its text never has keys, values or passwords.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    /// The server, as messages name it: `Redis at 127.0.0.1:6379`.
    server: Arc<str>,
    reason: Reason,
}

#[derive(Debug, Clone)]
pub(super) enum Reason {
    /// Nobody listens there.
    Refused,
    /// Its name is not known, or no way leads there.
    Unreachable(String),
    /// No connection was made within that time.
    ConnectTimeout(Duration),
    /// No answer came within that time.
    ResponseTimeout(Duration),
    /// The connection ended before the answer came.
    Closed,
    /// No encrypted connection could be made.
    Tls(String),
    /// With these replies there would be more in memory than so many bytes.
    TooLarge(usize),
    /// It answers in a way that no Redis does.
    Protocol(String),
    /// It refused a command: the code of the error, and its text where that holds nothing of the command.
    Refusal { code: String, details: String },
    /// It has carried out a write that too few replicas had in time.
    TooFewReplicas {
        replicas: i64,
        required: u32,
        limit: Duration,
    },
    /// The sentinels know no master of that name.
    UnknownMaster(String),
    /// The sentinels name a server that does not act as master, as in the middle of a failover.
    NotMaster,
    /// No node of the cluster says which node has which slots.
    NoSlots,
    /// No node has this slot.
    UncoveredSlot(u16),
    /// The cluster sends commands from node to node without an end.
    TooManyRedirects,
}

/// Codes of errors that are about the server and its settings, not about the one command.
const ERRORS_OF_THE_SERVER: [&str; 15] = [
    "LOADING",
    "READONLY",
    "OOM",
    "NOREPLICAS",
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
    "CLUSTERDOWN",
    "MASTERDOWN",
    "TRYAGAIN",
    "BUSY",
    "MISCONF",
    "MOVED",
    "ASK",
    "NOPROTO",
];

impl Trouble {
    pub(super) fn new(server: &Arc<str>, reason: Reason) -> Self {
        Self {
            server: Arc::clone(server),
            reason,
        }
    }

    pub(super) fn io(server: &Arc<str>, error: &io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::ConnectionRefused => Reason::Refused,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::NotConnected => Reason::Closed,
            _ => Reason::Unreachable(error.to_string()),
        };
        Self::new(server, reason)
    }

    /// What the library says when it sends or receives.
    pub(super) fn library(server: &Arc<str>, error: &RedisError) -> Self {
        let reason = if error.is_connection_dropped() || error.is_io_error() {
            Reason::Closed
        } else if error.kind() == redis::ErrorKind::AuthenticationFailed {
            Reason::refusal("WRONGPASS", None)
        } else {
            match error.code() {
                Some(code) => Reason::refusal(code, error.detail()),
                None => Reason::Protocol(error.category().to_owned()),
            }
        };
        Self::new(server, reason)
    }

    /// A reply that is an error.
    pub(super) fn refusal(server: &Arc<str>, error: &ServerError) -> Self {
        let (code, details) = code_and_details(error);
        Self::new(server, Reason::refusal(code, details))
    }

    /// Whether the same may succeed on another connection at once.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.reason, Reason::Closed)
    }

    /// Whether the replies would take too much memory.
    pub(crate) fn is_too_large(&self) -> bool {
        matches!(self.reason, Reason::TooLarge(_))
    }

    /// Whether no answer came in time.
    pub(super) fn is_timeout(&self) -> bool {
        matches!(self.reason, Reason::ResponseTimeout(_))
    }

    /// Whether it came up before anything was sent.
    pub(super) fn is_before_sending(&self) -> bool {
        matches!(
            self.reason,
            Reason::Refused | Reason::Unreachable(_) | Reason::ConnectTimeout(_) | Reason::Tls(_) | Reason::NotMaster
        )
    }

    /// Whether the server cannot do it, or may not for this user, so that it makes no sense to ask again soon.
    pub(crate) fn is_refusal_for_good(&self) -> bool {
        match &self.reason {
            Reason::Refusal { code, .. } => ["ERR", "NOPERM", "NOPROTO"].contains(&code.as_str()),
            Reason::Protocol(_) => true,
            _ => false,
        }
    }

    fn told(&self) -> (String, Option<&'static str>) {
        let server = &self.server;
        match &self.reason {
            Reason::Refused => (
                format!("{server} refuses connections"),
                Some("is it running, and is connection_string right?"),
            ),
            Reason::Unreachable(why) => (
                format!("{server} cannot be reached: {why}"),
                Some("is connection_string right?"),
            ),
            Reason::ConnectTimeout(time) => (
                format!("{server} took no connection within {time:?}"),
                Some(
                    "it may be stopped or overloaded, a firewall may be in between, or, with ssl=true, its port may not be one for TLS; socket_connect_timeout of connection_string is how long it may take",
                ),
            ),
            Reason::ResponseTimeout(time) => (
                format!("{server} did not answer within {time:?}"),
                Some("serving.redis_response_timeout is how long it may take"),
            ),
            Reason::Closed => (format!("{server} closed the connection"), None),
            Reason::Tls(why) => (
                format!("{server}: no encrypted connection: {why}"),
                Some("look at ssl, ssl_ca_certs, ssl_certfile and ssl_check_hostname in connection_string"),
            ),
            Reason::TooLarge(limit) => (
                format!(
                    "replies of {server} hold up to {} MiB in memory, and there is no room for more",
                    limit.div_ceil(1 << 20)
                ),
                Some("ask for fewer entities or features at once, or raise serving.max_memory_mib"),
            ),
            Reason::Protocol(why) => (
                format!("{server} does not answer as Redis does: {why}"),
                Some("is connection_string right, ssl included?"),
            ),
            Reason::Refusal { code, details } => refusal(server, code, details),
            Reason::TooFewReplicas {
                replicas,
                required,
                limit,
            } => (
                format!(
                    "{server}: the rows are written, but only {replicas} of {required} replicas had them after {limit:?}"
                ),
                Some("serving.redis_wait_replicas is how many must have them"),
            ),
            Reason::UnknownMaster(master) => (
                format!("{server} know no master {master:?}"),
                Some("sentinel_master must be its name in the sentinels' settings"),
            ),
            Reason::NotMaster => (
                format!("{server} is not the master at present"),
                Some("a failover may be under way"),
            ),
            Reason::NoSlots => (
                format!("{server} does not say which node has which keys"),
                Some("is it a cluster? redis_type: redis is for a single server"),
            ),
            Reason::UncoveredSlot(slot) => (
                format!("{server}: no node has the keys of slot {slot}"),
                Some("redis-cli --cluster check says which nodes are missing"),
            ),
            Reason::TooManyRedirects => (
                format!("{server} sends commands from node to node without an end"),
                Some("redis-cli --cluster check says what is wrong"),
            ),
        }
    }
}

impl Reason {
    pub(super) fn refusal(code: &str, details: Option<&str>) -> Self {
        // "unknown command 'X', with args beginning with: ..." repeats what was sent: keys.
        let details = details.unwrap_or_default();
        let end = details.find(", with args").unwrap_or(details.len());
        Self::Refusal {
            code: code.to_owned(),
            details: details[..end].to_owned(),
        }
    }
}

fn refusal(server: &str, code: &str, details: &str) -> (String, Option<&'static str>) {
    let (what, hint) = match code {
        "ERR" if details.contains("without any password configured") => (
            "asks for no password, and one is given",
            "leave password out of connection_string, or set one in Redis",
        ),
        "ERR" if details.starts_with("DB index is out of range") => (
            "has no database of that number",
            "look at db in connection_string; the setting `databases` of Redis says how many there are",
        ),
        "LOADING" => ("is loading its data", "it answers when it has loaded them"),
        "READONLY" => (
            "is a replica, which takes no writes",
            "connection_string must lead to the primary, or use redis_sentinel or redis_cluster",
        ),
        "OOM" => (
            "is out of memory and takes no writes",
            "raise its maxmemory, or let it evict or expire keys",
        ),
        "NOREPLICAS" => (
            "has too few replicas in step to take writes",
            "its setting min-replicas-to-write says how many it wants",
        ),
        "NOAUTH" => (
            "asks for a password",
            "add password=..., and username=... for a user of its ACL, to connection_string",
        ),
        "WRONGPASS" => (
            "does not accept the user name and password",
            "look at username and password in connection_string",
        ),
        "NOPERM" => (
            "does not let this user run a command that is needed, or reach the keys",
            "look at the rights of the user: ACL GETUSER",
        ),
        "CLUSTERDOWN" => (
            "says that the cluster is down",
            "redis-cli --cluster check says which nodes are missing",
        ),
        "MASTERDOWN" => ("is a replica that has lost its master", "a failover may be under way"),
        "TRYAGAIN" => ("is moving these keys to another node", "try again"),
        "BUSY" => ("is busy with a script", "SCRIPT KILL ends a script that runs too long"),
        "MISCONF" => (
            "takes no writes, as it cannot save its data to disk",
            "its log says why",
        ),
        "MOVED" | "ASK" => (
            "is a node of a cluster, and other nodes have some of the keys",
            "set redis_type: redis_cluster in online_store",
        ),
        "NOPROTO" => ("does not speak RESP3", "it needs Redis 6 or newer"),
        _ => {
            return (
                format!("{server} answered {}", format!("{code} {details}").trim_end()),
                None,
            );
        }
    };
    (format!("{server} {what}"), Some(hint))
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        let (message, hint) = trouble.told();
        let kind = match &trouble.reason {
            Reason::Refusal { code, .. } if code == "WRONGTYPE" => {
                return Self::data(format!(
                    "{} has a key of this store that is not a hash, so another program has written it",
                    trouble.server
                ));
            }
            _ => ErrorKind::Unavailable,
        };
        let error = Self::new(kind, message);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// Whether an error is about the server and its settings, so that other commands would meet it too.
pub(super) fn is_of_server(error: &ServerError) -> bool {
    ERRORS_OF_THE_SERVER.contains(&code_and_details(error).0)
}

/// Redis before 7 has the error of a command that a script has run within the text of an error of its own:
/// `ERR Error running script (call to f_HASH): @user_script:41: @user_script: 41: -OOM command not allowed ...`.
fn code_and_details(error: &ServerError) -> (&str, Option<&str>) {
    let details = error.details();
    let of_command = || {
        let text = details.filter(|text| error.code() == "ERR" && text.starts_with("Error running script"))?;
        let (_, of_command) = text.rsplit_once(": -")?;
        let (code, details) = of_command.split_once(' ')?;
        let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase());
        is_code.then_some((code, Some(details)))
    };
    of_command().unwrap_or_else(|| (error.code(), details))
}

#[cfg(test)]
mod tests {
    use redis::{Value, parse_redis_value};

    use super::*;

    #[test]
    fn errors_of_commands_in_scripts_are_those_of_the_commands() {
        let told = |line: &str| {
            let Ok(Value::ServerError(error)) = parse_redis_value(format!("-{line}\r\n").as_bytes()) else {
                panic!("{line} is not an error");
            };
            let error_of = Error::from(Trouble::refusal(&"Redis".into(), &error));
            (is_of_server(&error), error_of.kind(), error_of.to_string())
        };
        let unavailable = |message: &str| (true, ErrorKind::Unavailable, message.to_owned());
        for script in [
            "",
            "ERR Error running script (call to f_05ac): @user_script:41: @user_script: 41: -",
        ] {
            let out_of_memory = format!("{script}OOM command not allowed when used memory > 'maxmemory'.");
            assert_eq!(
                told(&out_of_memory),
                unavailable("Redis is out of memory and takes no writes")
            );
            let replica = format!("{script}READONLY You can't write against a read only replica.");
            assert_eq!(told(&replica), unavailable("Redis is a replica, which takes no writes"));
            let other_type = format!("{script}WRONGTYPE Operation against a key holding the wrong kind of value");
            assert_eq!(told(&other_type).1, ErrorKind::Data);
        }
        let other = told("ERR Error running script (call to f_05ac): @user_script:3: attempt to call - nothing");
        assert!(!other.0);
    }
}
