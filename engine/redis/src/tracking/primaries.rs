//! Which servers take writes, as Redis itself says it.

use std::collections::BTreeSet;

use feast_config::RedisNode;
use redis::Value;

/// The primaries of a cluster in the reply to `CLUSTER NODES`, which `asked` has given. Those without slots are among them: while a slot
/// is moved to one, its keys are written there already. `prefers_names`: whether certificates are for names and not for addresses.
pub(super) fn of_cluster(nodes: &str, asked: &RedisNode, prefers_names: bool) -> BTreeSet<RedisNode> {
    let lines = nodes.lines();
    lines.filter_map(|line| primary(line, asked, prefers_names)).collect()
}

/// Whether the server that gave this reply to `CLUSTER NODES` is a primary.
pub(super) fn is_primary(nodes: &str) -> bool {
    let flags = nodes.lines().filter_map(|line| line.split(' ').nth(2));
    let has = |flags: &str, flag: &str| flags.split(',').any(|other| other == flag);
    flags
        .into_iter()
        .any(|flags| has(flags, "myself") && has(flags, "master"))
}

/// `<id> <host:port@bus[,name]> <flags> <primary> <ping> <pong> <epoch> <link> <slots>...`
fn primary(line: &str, asked: &RedisNode, prefers_names: bool) -> Option<RedisNode> {
    let mut columns = line.split(' ');
    let (_, address, flags) = (columns.next()?, columns.next()?, columns.next()?);
    let has_slots = columns.nth(5).is_some();
    let has = |flag: &str| flags.split(',').any(|other| other == flag);
    // One that has failed over stays in the list until someone removes it.
    let is_gone = has("handshake") || has("noaddr") || (has("fail") && !has_slots);
    if !has("master") || is_gone {
        return None;
    }
    let mut parts = address.split(',');
    let (ip, port) = parts.next()?.split('@').next()?.rsplit_once(':')?;
    let name = parts.next().filter(|name| prefers_names && !name.is_empty());
    // A server that has not been met by others does not know its own address.
    let host = match name.unwrap_or(ip) {
        "" => &asked.host,
        host => host,
    };
    Some(RedisNode {
        host: host.to_owned(),
        port: port.parse().ok()?,
    })
}

/// Whether a reply to `ROLE` is that of a primary. `None` for a reply of another form.
pub(super) fn role_is_primary(reply: &Value) -> Option<bool> {
    let Value::Array(parts) = reply else { return None };
    match parts.first()? {
        Value::BulkString(role) => Some(role == b"master"),
        Value::SimpleString(role) => Some(role == "master"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, port: u16) -> RedisNode {
        RedisNode {
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn primaries_are_those_that_may_be_written() {
        let nodes = "\
a1 10.0.0.1:7000@17000,one.example myself,master - 0 0 1 connected 0-100 [101->-b2]
b2 10.0.0.2:7001@17001,,tls-port=0 master - 0 0 2 connected
c3 10.0.0.3:7002@17002 slave a1 0 0 1 connected
d4 10.0.0.4:7003@17003 master,fail - 0 0 3 disconnected
e5 10.0.0.5:7004@17004 master,fail? - 0 0 4 connected 200-300
f6 :0@0 master,noaddr - 0 0 5 disconnected
07 10.0.0.7:7006@17006 handshake - 0 0 0 connected
08 ::1:7007@17007 master,fail - 0 0 6 connected 5
";
        let asked = address("seed", 1);
        let found: Vec<String> = of_cluster(nodes, &asked, true)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            ["10.0.0.2:7001", "10.0.0.5:7004", "[::1]:7007", "one.example:7000"]
        );
        assert!(of_cluster(nodes, &asked, false).contains(&address("10.0.0.1", 7000)));
        assert!(is_primary(nodes));
        assert!(!is_primary(&nodes.replace("myself,master", "myself,slave")));
    }

    #[test]
    fn a_server_that_does_not_know_its_address_is_where_it_was_asked() {
        let nodes = "a1 :7000@17000 myself,master - 0 0 0 connected\n";
        let found = of_cluster(nodes, &address("localhost", 1234), false);
        assert_eq!(found, BTreeSet::from([address("localhost", 7000)]));
    }
}
