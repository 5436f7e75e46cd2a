//! The header `Authorization`, read as Feast reads it.

use crate::Refusal;

const SCHEME: &[u8] = b"bearer";

/// The token of a header with the scheme `Bearer`, in any case.
///
/// # Errors
/// `NoToken` when there is none.
pub(crate) fn token(header: Option<&[u8]>) -> Result<&str, Refusal> {
    let (scheme, token) = header
        .and_then(|header| header.split_at_checked(SCHEME.len()))
        .ok_or(Refusal::NoToken)?;
    let token = token.trim_ascii_end();
    let blanks = token.iter().take_while(|byte| **byte == b' ').count();
    let token = &token[blanks..];
    // Without an end in between, so that it is done for many bytes at once: a token is a large part of a small request.
    let is_one_word = token.iter().fold(true, |is_one, byte| is_one & byte.is_ascii_graphic());
    if !scheme.eq_ignore_ascii_case(SCHEME) || blanks == 0 || token.is_empty() || !is_one_word {
        return Err(Refusal::NoToken);
    }
    std::str::from_utf8(token).map_err(|_| Refusal::NoToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_after_bearer_is_a_token() {
        let check = |header: &str, expected: Option<&str>| {
            assert_eq!(token(Some(header.as_bytes())).ok(), expected, "{header:?}");
        };
        check("Bearer a.b", Some("a.b"));
        check("bEARER a", Some("a"));
        check("Bearer   a ", Some("a"));
        check("Bearer\ta", None);
        check("Bearer a b", None);
        check("Bearer", None);
        check("Bearer ", None);
        check("Basic a", None);
        check("Bearer \u{e9}", None);
        check("", None);
        assert_eq!(token(None), Err(Refusal::NoToken));
        assert_eq!(token(Some(b"Bearer \xff")), Err(Refusal::NoToken));
    }
}
