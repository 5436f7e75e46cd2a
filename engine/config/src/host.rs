//! Names of hosts, as browsers and settings write them, in one form that can be compared.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A host without a port: a name in lower case without a dot at its end, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name of the domain name system.
    Name(String),
    /// An address. An IPv4-mapped IPv6 address is held as IPv4.
    Address(IpAddr),
}

/// The longest name that the domain name system allows.
const MAX_NAME_BYTES: usize = 253;

impl Host {
    /// Reads a host that has no port. Addresses of IPv6 may stand in brackets.
    pub fn parse(string: &str) -> Option<Self> {
        if let Some(rest) = string.strip_prefix('[') {
            let address: Ipv6Addr = rest.strip_suffix(']')?.parse().ok()?;
            return Some(Self::from(IpAddr::V6(address)));
        }
        let string = string.strip_suffix('.').unwrap_or(string);
        if let Ok(address) = string.parse::<IpAddr>() {
            return Some(Self::from(address));
        }
        let is_part = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !part.is_empty() && part.bytes().all(allowed)
        };
        (string.len() <= MAX_NAME_BYTES && string.split('.').all(is_part))
            .then(|| Self::Name(string.to_ascii_lowercase()))
    }

    /// Reads a host that may be followed by a port, as in the header `Host` and after the scheme of an `Origin`.
    pub fn from_authority(authority: &str) -> Option<Self> {
        let (host, port) = match authority.rfind(']') {
            Some(end) => authority.split_at(end + 1),
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = if port.is_empty() { "" } else { port.strip_prefix(':')? };
        let is_port =
            port.is_empty() || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
        is_port.then(|| Self::parse(host))?
    }

    /// Whether it always means the client's own machine, whatever a name server says.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::Address(address) => address.is_loopback(),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
            Self::Address(address) => write!(formatter, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_one_form() {
        let check = |authority: &str, expected: Option<&str>| {
            let host = Host::from_authority(authority).map(|host| host.to_string());
            assert_eq!(host.as_deref(), expected, "{authority}");
        };
        check("Features.Example.COM.:6566", Some("features.example.com"));
        check("feature_server", Some("feature_server"));
        check("127.0.0.1:80", Some("127.0.0.1"));
        check("[::1]:6566", Some("[::1]"));
        check("[0:0:0:0:0:0:0:1]", Some("[::1]"));
        check("[::ffff:127.0.0.1]:1", Some("127.0.0.1"));
        check("localhost:", Some("localhost"));
        for wrong in [
            "",
            ":80",
            "a:b",
            "a:99999",
            "a:+80",
            "a:80:80",
            "::1",
            "[::1",
            "[::1]80",
            "[fe80::1%25eth0]",
            "[localhost]",
            "a..b",
            ".",
            "user@localhost",
            "localhost, evil.example",
            "local host",
            "b\u{fc}cher.example",
            "a/b",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn loopback_is_what_no_name_server_can_change() {
        let check =
            |string: &str, expected| assert_eq!(Host::parse(string).unwrap().is_loopback(), expected, "{string}");
        check("localhost", true);
        check("LocalHost.", true);
        check("app.localhost", true);
        check("127.8.9.10", true);
        check("::1", true);
        check("::ffff:127.0.0.1", true);
        check("localhost.example", false);
        check("notlocalhost", false);
        check("127.0.0.1.example", false);
        check("0.0.0.0", false);
        check("10.0.0.1", false);
    }
}
