//! The parameters of a connection string: those that have an effect, as typed values, and those that have none here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::connection_string::{ConnectionString, ParameterValue};
use super::{RedisLogin, RedisTls};

/// Parameters that have an effect, by their names in redis-py.
pub(super) const WITH_EFFECT: [&str; 17] = [
    "db",
    "username",
    "password",
    "socket_connect_timeout",
    "socket_timeout",
    "client_name",
    "protocol",
    "read_from_replicas",
    "sentinel_kwargs",
    "ssl",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_password",
    "ssl_cert_reqs",
    "ssl_check_hostname",
];

/// Parameters that say how redis-py works. Connections are kept alive, shared and made again here in any case.
pub(super) const WITHOUT_EFFECT: [&str; 16] = [
    "socket_keepalive",
    "retry_on_timeout",
    "max_connections",
    "health_check_interval",
    "decode_responses",
    "require_full_coverage",
    "skip_full_coverage_check",
    "encoding",
    "encoding_errors",
    "single_connection_client",
    "auto_close_connection_pool",
    "cluster_error_retry_attempts",
    "reinitialize_steps",
    "dynamic_startup_nodes",
    "lib_name",
    "lib_version",
];

/// Whether a parameter may be given.
pub(super) fn is_known(name: &str) -> bool {
    WITH_EFFECT.contains(&name) || WITHOUT_EFFECT.contains(&name)
}

/// Whether the value of a parameter must not be shown. A name that is not known may be a misspelt one of a secret.
pub(super) fn is_secret(name: &str) -> bool {
    !is_known(name) || ["password", "ssl_password", "sentinel_kwargs"].contains(&name)
}

/// The shortest and the longest time in seconds, a millisecond and an hour: others are mistakes.
const TIMEOUT_SECONDS: std::ops::RangeInclusive<f64> = 0.001..=3600.0;

impl ConnectionString<'_> {
    /// The value of a parameter, unless it is null or empty, which redis-py takes for not given.
    fn value(&self, name: &str) -> Option<&ParameterValue<'_>> {
        self.get(name)
            .filter(|value| !value.json.is_null() && value.json.as_str() != Some(""))
    }

    /// What a JSON string holds, anything else as it is written: `1e3` does not become `1000.0`.
    fn string(&self, name: &str) -> Option<String> {
        self.value(name).map(|value| match &value.json {
            Value::String(string) => string.clone(),
            _ => value.written.to_owned(),
        })
    }

    /// The value of a parameter as `read` understands it.
    fn typed<T>(&self, name: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        let Some(string) = self.string(name) else {
            return Ok(None);
        };
        match read(&string) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::invalid(format!(
                "{}: {name} must be {expected}, not {string:?}",
                self.place
            ))),
        }
    }

    /// `true` and `false` in any case, 1 and 0. To Python any text is true, `False` too.
    fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.typed(name, "true or false", |string| {
            match string.to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            }
        })
    }

    fn seconds(&self, name: &str) -> Result<Option<Duration>> {
        self.typed(name, "a number of seconds from 0.001 to 3600", |string| {
            let seconds: f64 = string.parse().ok()?;
            TIMEOUT_SECONDS
                .contains(&seconds)
                .then(|| Duration::from_secs_f64(seconds))
        })
    }

    fn path(&self, name: &str, directory: &Path) -> Option<PathBuf> {
        self.string(name).map(|path| directory.join(path))
    }

    /// How long a response may take, if it is given.
    pub(super) fn response_timeout(&self) -> Result<Option<Duration>> {
        self.seconds("socket_timeout")
    }

    /// How long a connection may take to be made, if it is given. As in redis-py that is also what a response may take.
    pub(super) fn connect_timeout(&self) -> Result<Option<Duration>> {
        let response_timeout = self.response_timeout()?;
        Ok(self.seconds("socket_connect_timeout")?.or(response_timeout))
    }

    /// The number of the database.
    pub(super) fn database(&self) -> Result<i64> {
        let number = self.typed("db", "the number of a database", |string| {
            string.parse().ok().filter(|number: &i64| *number >= 0)
        });
        number.map(Option::unwrap_or_default)
    }

    /// Signs in at the servers.
    pub(super) fn login(&self) -> RedisLogin {
        login(self.string("username"), self.string("password"))
    }

    /// Signs in at the sentinels.
    pub(super) fn sentinel_login(&self) -> Result<RedisLogin> {
        let wrong = |what: &str| {
            Error::invalid(format!("{}: sentinel_kwargs {what}", self.place)).with_hint(
                "write sentinel_kwargs={\"password\":\"...\"}: one key, without a comma, as a comma ends the value",
            )
        };
        let Some(value) = self.value("sentinel_kwargs") else {
            return Ok(RedisLogin::default());
        };
        let Value::Object(members) = &value.json else {
            return Err(wrong("must be a JSON object"));
        };
        let is_login = |key: &str| key == "username" || key == "password";
        if members.iter().any(|(key, value)| !is_login(key) || !value.is_string()) {
            return Err(wrong(
                "may have the keys username and password, and their values must be strings",
            ));
        }
        let member = |key: &str| {
            let string = members.get(key).and_then(Value::as_str);
            string.filter(|string| !string.is_empty()).map(str::to_owned)
        };
        Ok(login(member("username"), member("password")))
    }

    /// The name of connections, if it is given. Redis takes no others.
    pub(super) fn client_name(&self) -> Result<Option<String>> {
        self.typed("client_name", "printable ASCII characters without spaces", |string| {
            string
                .bytes()
                .all(|byte| byte.is_ascii_graphic())
                .then(|| string.to_owned())
        })
    }

    /// Whether reads may go to replicas.
    pub(super) fn reads_from_replicas(&self) -> Result<bool> {
        self.flag("read_from_replicas").map(Option::unwrap_or_default)
    }

    /// The version of the protocol, if it is given: 2 or 3.
    pub(super) fn protocol(&self) -> Result<Option<u8>> {
        self.typed("protocol", "2 or 3", |string| match string {
            "2" => Some(2),
            "3" => Some(3),
            _ => None,
        })
    }

    /// How connections are encrypted. As in redis-py the other parameters of it mean nothing without `ssl=true`.
    pub(super) fn tls(&self, directory: &Path) -> Result<Option<RedisTls>> {
        if !self.flag("ssl")?.unwrap_or_default() {
            return Ok(None);
        }
        if self.value("ssl_password").is_some() {
            return Err(Error::invalid(format!(
                "{}: ssl_password: encrypted keys are not supported",
                self.place
            ))
            .with_hint(
                "decrypt the key into a file that only the user of the server can read: openssl pkey -in KEY -out FILE",
            ));
        }
        let checks_certificate = self.checks_certificate()?;
        Ok(Some(RedisTls {
            ca: self.ca(directory)?,
            client: self.client_certificate(directory)?,
            checks_certificate,
            checks_hostname: checks_certificate && self.flag("ssl_check_hostname")?.unwrap_or(true),
        }))
    }

    fn ca(&self, directory: &Path) -> Result<Option<PathBuf>> {
        match (
            self.path("ssl_ca_certs", directory),
            self.path("ssl_ca_path", directory),
        ) {
            (Some(_), Some(_)) => {
                let error = Error::invalid(format!("{}: both ssl_ca_certs and ssl_ca_path are given", self.place));
                Err(error.with_hint("give one of them: a file of certificates, or a directory of such files"))
            }
            (file, folder) => Ok(file.or(folder)),
        }
    }

    fn client_certificate(&self, directory: &Path) -> Result<Option<(PathBuf, PathBuf)>> {
        match (
            self.path("ssl_certfile", directory),
            self.path("ssl_keyfile", directory),
        ) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            (Some(both), None) => Ok(Some((both.clone(), both))),
            (None, Some(_)) => {
                let error = Error::invalid(format!("{}: ssl_keyfile is given without ssl_certfile", self.place));
                Err(error.with_hint("give the file of its certificate as ssl_certfile"))
            }
        }
    }

    /// To a client `optional` is the same as `required`; null is `none`, as in redis-py.
    fn checks_certificate(&self) -> Result<bool> {
        if self.get("ssl_cert_reqs").is_some_and(|value| value.json.is_null()) {
            return Ok(false);
        }
        let checks = self.typed("ssl_cert_reqs", "none, optional or required", |string| match string {
            "none" => Some(false),
            "optional" | "required" => Some(true),
            _ => None,
        });
        checks.map(|checks| checks.unwrap_or(true))
    }
}

/// A user without a password has an empty one, as in redis-py.
fn login(username: Option<String>, password: Option<String>) -> RedisLogin {
    let password = password.or_else(|| username.as_ref().map(|_| String::new()));
    RedisLogin { username, password }
}
