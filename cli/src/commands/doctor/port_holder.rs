//! Which process listens on a port, as far as Linux tells this user: in containers, and of processes of other users, it does not.

use std::fs::{read_dir, read_link, read_to_string};
use std::path::Path;

/// How the list of sockets calls one that listens.
const LISTENS: &str = "0A";

/// The process that listens on a port, on whatever address.
pub(super) fn holder_of_port(port: u16) -> Option<u32> {
    let lists = ["/proc/net/tcp", "/proc/net/tcp6"].map(|list| read_to_string(list).unwrap_or_default());
    let sockets: Vec<String> = lists.iter().flat_map(|list| listening_on(list, port)).collect();
    let processes = read_dir("/proc").ok()?.flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.find(|process| has_open(*process, &sockets))
}

/// Whether a process runs this program, so that it may be a server whose place a new one takes.
pub(super) fn is_of_this_program(process: u32) -> bool {
    let name = |process: &str| read_to_string(format!("/proc/{process}/comm")).ok();
    let own = name("self");
    own.is_some() && own == name(&process.to_string())
}

/// The sockets that listen on a port, as links to them name them, in a list such as
/// `0: 0100007F:1A2B 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 1 ...`.
fn listening_on(list: &str, port: u16) -> Vec<String> {
    let of_port = format!(":{port:04X}");
    let found = list.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [local, state, inode] = [1, 3, 9].map(|place| words.get(place).copied());
        let is_meant = local?.ends_with(&of_port) && state? == LISTENS;
        is_meant.then(|| format!("socket:[{}]", inode.unwrap_or_default()))
    });
    found.collect()
}

fn has_open(process: u32, sockets: &[String]) -> bool {
    let files = read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let mut targets = files.filter_map(|file| read_link(file.path()).ok());
    targets.any(|target| sockets.iter().any(|socket| target == Path::new(socket)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_socket_that_listens_is_found_in_the_list() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:19A6 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000  0 4711 1 0\n\
            1: 0100007F:19A6 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000  0 4712 1 0\n\
            2: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 4713 1 0\n\
            nonsense\n";
        assert_eq!(listening_on(list, 6566), ["socket:[4711]"]);
        assert_eq!(listening_on(list, 80), ["socket:[4713]"]);
        assert!(listening_on(list, 81).is_empty() && listening_on("", 80).is_empty());
    }

    #[test]
    fn this_process_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let process = holder_of_port(port);
        assert_eq!(process, Some(std::process::id()));
        assert!(is_of_this_program(std::process::id()));
    }
}
