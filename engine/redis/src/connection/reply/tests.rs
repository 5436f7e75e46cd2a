use proptest::prelude::*;

use super::*;

/// A reply, and the same as the library reads it.
fn reply() -> impl Strategy<Value = Vec<u8>> {
    let line = "[ -~]{0,12}";
    let leaf = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|string| {
            let mut bytes = format!("${}\r\n", string.len()).into_bytes();
            bytes.extend(string);
            bytes.extend(b"\r\n");
            bytes
        }),
        Just(b"$-1\r\n".to_vec()),
        Just(b"*-1\r\n".to_vec()),
        Just(b"*0\r\n".to_vec()),
        any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
        line.prop_map(|state| format!("+{state}\r\n").into_bytes()),
        line.prop_map(|error| format!("-ERR {error}\r\n").into_bytes()),
    ];
    leaf.prop_recursive(4, 40, 6, |element| {
        proptest::collection::vec(element, 1..6).prop_map(|elements| {
            let mut bytes = format!("*{}\r\n", elements.len()).into_bytes();
            bytes.extend(elements.concat());
            bytes
        })
    })
}

/// Where replies end when the bytes come in pieces of these sizes, again and again.
fn ends(bytes: &[u8], pieces: &[usize]) -> Vec<Vec<u8>> {
    let (mut scanner, mut received, mut replies) = (ReplyScanner::default(), Vec::new(), Vec::new());
    let (mut rest, mut sizes) = (bytes, pieces.iter().cycle());
    while !rest.is_empty() {
        let (piece, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        (received, rest) = ([received, piece.to_vec()].concat(), later);
        while let Some(end) = scanner.end(&received).unwrap() {
            let later = received.split_off(end);
            replies.push(std::mem::replace(&mut received, later));
        }
    }
    assert!(received.is_empty());
    replies
}

proptest! {
    #[test]
    fn replies_end_where_the_library_says(
        replies in proptest::collection::vec(reply(), 1..6),
        pieces in proptest::collection::vec(1_usize..30, 1..5),
    ) {
        prop_assert_eq!(&ends(&replies.concat(), &pieces), &replies);
        for reply in &replies {
            prop_assert!(parse_redis_value(reply).is_ok());
        }
    }

    #[test]
    fn what_is_passed_over_does_not_change_where_a_reply_ends(reply in reply(), pieces in proptest::collection::vec(1_usize..30, 1..5)) {
        let (mut scanner, mut received, mut passed) = (ReplyScanner::default(), Vec::new(), 0);
        let (mut rest, mut sizes) = (&reply[..], pieces.iter().cycle());
        loop {
            let (piece, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            received.extend_from_slice(piece);
            rest = later;
            if let Some(end) = scanner.end(&received).unwrap() {
                prop_assert_eq!(passed + end, reply.len());
                break;
            }
            let drop = scanner.pass(received.len());
            received.drain(..drop);
            passed += drop;
        }
    }

    #[test]
    fn bytes_of_any_kind_are_refused_or_waited_for(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut scanner = ReplyScanner::default();
        if let Ok(Some(end)) = scanner.end(&bytes) {
            prop_assert!(end <= bytes.len());
            let reply = Reply::new(Bytes::copy_from_slice(&bytes[..end]));
            let _ = (reply.error(), reply.integer(), reply.value(), reply.strings().map(Iterator::count));
        }
    }

    #[test]
    fn strings_are_those_of_the_library(strings in proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)), 0..10)) {
        let mut bytes = format!("*{}\r\n", strings.len()).into_bytes();
        for string in &strings {
            match string {
                Some(string) => {
                    bytes.extend(format!("${}\r\n", string.len()).into_bytes());
                    bytes.extend(string);
                    bytes.extend(b"\r\n");
                }
                None => bytes.extend(b"$-1\r\n"),
            }
        }
        let reply = Reply::new(bytes.into());
        let read: Vec<_> = reply.strings().unwrap().map(|string| string.map(<[u8]>::to_vec)).collect();
        prop_assert_eq!(read, strings);
    }
}

#[test]
fn what_is_not_the_protocol_is_refused() {
    for (bytes, problem) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], "it has a type that is not known"),
        (b"$1x\r\nab", "a length is not a number"),
        (b"$-2\r\n", "a length is not a number"),
        (b"$99999999999999999999999", "a length is not a number"),
        (b"$18446744073709551615\r\n", "a string is too long"),
    ] {
        assert_eq!(
            ReplyScanner::default().end(bytes),
            Err(Malformed(problem)),
            "{}",
            bytes.escape_ascii()
        );
    }
    let deep = b"*1\r\n".repeat(MAX_DEPTH + 1);
    assert_eq!(
        ReplyScanner::default().end(&deep),
        Err(Malformed("it nests lists too deeply"))
    );
    let endless = [b"+".to_vec(), vec![b'a'; MAX_LINE]].concat();
    assert_eq!(
        ReplyScanner::default().end(&endless),
        Err(Malformed("a line does not end"))
    );
}

#[test]
fn a_list_of_other_elements_ends_early() {
    let reply = Reply::new(Bytes::from_static(b"*3\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n"));
    let mut strings = reply.strings().unwrap();
    assert_eq!(strings.by_ref().collect::<Vec<_>>(), [Some(&b"a"[..])]);
    assert_eq!(strings.len(), 2);
}
