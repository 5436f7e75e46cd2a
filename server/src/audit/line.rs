//! The lines of the log: those of Feast 0.67, with its names in its order, one JSON object each. Those of a request that is traced end with
//! the id of the trace, which is ours.
//!
//! What clients, tokens and registries give is bounded where it comes in ([`bounded`]), and cannot end its line or change what a
//! terminal shows of it.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use feast_engine::{Principal, now};

use super::trail::AskedFeatures;

/// Longer texts are cut.
pub(super) const MAX_TEXT_BYTES: usize = 1024;
/// Of more roles, views or keys than these there is only the number.
const MAX_ITEMS: usize = 64;

/// A line of 0.67's log. What is not known of it is empty, as there.
#[derive(Default)]
pub(super) struct Event<'a> {
    pub(super) kind: &'static str,
    pub(super) request_id: &'a str,
    pub(super) who: Who<'a>,
    pub(super) ip: &'a str,
    pub(super) transport: &'static str,
    pub(super) path: &'a str,
    pub(super) resource: Resource<'a>,
    pub(super) outcome: &'static str,
    pub(super) duration: Option<Duration>,
    pub(super) detail: &'a str,
    pub(super) trace_id: Option<&'a str>,
}

/// The client, as it has signed in.
#[derive(Default)]
pub(super) struct Who<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) roles: &'a [String],
    pub(super) auth_type: &'static str,
}

impl<'a> Who<'a> {
    pub(super) fn signed_in(principal: &'a Principal) -> Self {
        Self {
            name: Cow::Borrowed(&principal.name),
            roles: &principal.roles,
            auth_type: principal.sign_in.name(),
        }
    }

    /// Whoever may open the socket beside the store, by the number of the user.
    pub(super) fn owner_of_store(user: u32) -> Self {
        Self {
            name: Cow::Owned(format!("uid {user}")),
            roles: &[],
            auth_type: "store_owner",
        }
    }
}

/// What is asked for: names and types of several objects are separated by commas.
#[derive(Default)]
pub(super) struct Resource<'a> {
    pub(super) kind: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    pub(super) actions: &'a [&'static str],
}

impl Event<'_> {
    /// Appends the line, with its end.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        member(out, b"{\"event_type\":", self.kind);
        member(out, b",\"timestamp\":", &milliseconds());
        member(out, b",\"request_id\":", self.request_id);
        member(out, b",\"principal\":{\"username\":", bounded(&self.who.name).as_ref());
        out.extend_from_slice(b",\"roles\":");
        strings(out, &bounded_list(self.who.roles.iter().map(String::as_str)));
        member(out, b",\"auth_type\":", self.who.auth_type);
        member(out, b"},\"source\":{\"ip\":", self.ip);
        member(out, b",\"transport\":", self.transport);
        member(out, b"},\"action\":{\"mcp_tool\":", "");
        member(out, b",\"path\":", self.path);
        member(out, b"},\"resource\":{\"type\":", &self.resource.kind);
        member(out, b",\"name\":", &self.resource.name);
        out.extend_from_slice(b",\"actions\":");
        strings(out, self.resource.actions);
        member(out, b"},\"outcome\":", self.outcome);
        if let Some(duration) = self.duration {
            out.extend_from_slice(b",\"duration_ms\":");
            number(out, in_milliseconds(duration));
        }
        member(out, b",\"detail\":", self.detail);
        end(out, self.trace_id);
    }
}

/// A line of Feast's other log: which features a read was about.
pub(super) struct FeatureRequest<'a> {
    pub(super) requestor: &'a str,
    pub(super) features: &'a AskedFeatures,
    pub(super) is_answered: bool,
    pub(super) duration: Duration,
    pub(super) trace_id: Option<&'a str>,
}

impl FeatureRequest<'_> {
    /// Appends the line, with its end.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let timestamp = now().to_string();
        out.extend_from_slice(b"{\"event\":\"online_feature_request\"");
        member(out, b",\"timestamp\":", &timestamp.replace('Z', "+00:00"));
        member(out, b",\"requestor_id\":", bounded(self.requestor).as_ref());
        out.extend_from_slice(b",\"entity_keys\":");
        strings(out, &self.features.entity_keys);
        out.extend_from_slice(b",\"entity_count\":");
        out.extend_from_slice(self.features.entities.to_string().as_bytes());
        out.extend_from_slice(b",\"feature_views\":");
        strings(out, &self.features.views);
        out.extend_from_slice(b",\"feature_count\":");
        out.extend_from_slice(self.features.features.to_string().as_bytes());
        let status = if self.is_answered { "success" } else { "error" };
        member(out, b",\"status\":", status);
        out.extend_from_slice(b",\"latency_ms\":");
        number(out, in_milliseconds(self.duration));
        end(out, self.trace_id);
    }
}

/// Ends a line, with the trace of its request under the name that it has in the log of the server.
fn end(out: &mut Vec<u8>, trace_id: Option<&str>) {
    if let Some(trace_id) = trace_id {
        member(out, b",\"trace_id\":", trace_id);
    }
    out.extend_from_slice(b"}\n");
}

/// Appends a line in the place of so many that are lost.
pub(super) fn lost(out: &mut Vec<u8>, lines: u64) {
    let detail = format!("{lines} lines that would be here are lost, as they could not be written");
    let event = Event {
        kind: "audit.lost",
        outcome: "error",
        detail: &detail,
        ..Event::default()
    };
    event.write(out);
}

/// A text that is cut if it is long.
pub(super) fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT_BYTES {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(MAX_TEXT_BYTES);
    Cow::Owned(format!("{}... (cut)", &text[..end]))
}

/// The first of some names, each cut if it is long, and how many more there are.
pub(super) fn bounded_list<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Vec<Cow<'a, str>> {
    let more = names.len().saturating_sub(MAX_ITEMS);
    let mut list: Vec<_> = names.take(MAX_ITEMS).map(bounded).collect();
    if more > 0 {
        list.push(format!("... and {more} more").into());
    }
    list
}

/// With milliseconds in any case, as in Feast.
fn milliseconds() -> String {
    let time = now();
    let whole = time.plus_micros(-time.micros().rem_euclid(1000)).to_string();
    match whole.strip_suffix('Z') {
        Some(bare) if !bare.contains('.') => format!("{bare}.000Z"),
        _ => whole,
    }
}

/// Two decimals.
fn in_milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e5).round() / 1e2
}

fn number(out: &mut Vec<u8>, number: f64) {
    // Writing into memory does not fail.
    let _ = serde_json::to_writer(out, &number);
}

fn strings(out: &mut Vec<u8>, texts: &[impl AsRef<str>]) {
    out.push(b'[');
    for (position, text) in texts.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        string(out, text.as_ref());
    }
    out.push(b']');
}

/// What stands before a string, and the string.
fn member(out: &mut Vec<u8>, before: &[u8], text: &str) {
    out.extend_from_slice(before);
    string(out, text);
}

/// A JSON string. What JSON does not ask for to be escaped is, if it ends a line for some reader, moves the cursor of a terminal, or
/// changes the direction of what follows.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text;
    while let Some(position) = rest.find(is_escaped) {
        let (before, from) = rest.split_at(position);
        out.extend_from_slice(before.as_bytes());
        let mut characters = from.chars();
        if let Some(character) = characters.next() {
            escape(out, character);
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}

fn is_escaped(character: char) -> bool {
    matches!(character, '"' | '\\' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || character.is_control()
}

/// All of these are below U+10000, so that four digits are enough.
fn escape(out: &mut Vec<u8>, character: char) {
    let short = match character {
        '"' | '\\' => character,
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        other => {
            let _ = write!(out, "\\u{:04x}", u32::from(other));
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short as u8]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn written(event: &Event<'_>) -> String {
        let mut line = Vec::new();
        event.write(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_line_is_feasts() {
        let roles = ["reader".to_owned(), "é".to_owned()];
        let line = written(&Event {
            kind: "http.request",
            request_id: "my-id",
            who: Who {
                name: "ann".into(),
                roles: &roles,
                auth_type: "oidc",
            },
            ip: "10.1.2.3",
            transport: "http",
            path: "/get-online-features",
            resource: Resource {
                kind: "feature_service".into(),
                name: "svc".into(),
                actions: &["READ_ONLINE"],
            },
            outcome: "success",
            duration: Some(Duration::from_micros(12_464)),
            detail: "POST /get-online-features -> 200",
            trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736"),
        });
        let (before, rest) = line.split_once(",\"timestamp\":\"").unwrap();
        let (timestamp, after) = rest.split_once('"').unwrap();
        assert_eq!((timestamp.len(), timestamp.ends_with('Z')), (24, true), "{timestamp}");
        assert_eq!(before, r#"{"event_type":"http.request""#);
        assert_eq!(
            after,
            concat!(
                r#","request_id":"my-id","principal":{"username":"ann","roles":["reader","é"],"auth_type":"oidc"},"#,
                r#""source":{"ip":"10.1.2.3","transport":"http"},"action":{"mcp_tool":"","path":"/get-online-features"},"#,
                r#""resource":{"type":"feature_service","name":"svc","actions":["READ_ONLINE"]},"outcome":"success","#,
                r#""duration_ms":12.46,"detail":"POST /get-online-features -> 200","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn what_is_not_known_is_empty_and_a_duration_is_left_out() {
        let mut line = Vec::new();
        lost(&mut line, 7);
        let mut line: Value = serde_json::from_slice(&line).unwrap();
        line["timestamp"] = json!("T");
        assert_eq!(
            line.to_string(),
            concat!(
                r#"{"event_type":"audit.lost","timestamp":"T","request_id":"","principal":{"username":"","roles":[],"auth_type":""},"#,
                r#""source":{"ip":"","transport":""},"action":{"mcp_tool":"","path":""},"#,
                r#""resource":{"type":"","name":"","actions":[]},"outcome":"error","#,
                r#""detail":"7 lines that would be here are lost, as they could not be written"}"#
            )
        );
    }

    #[test]
    fn lists_are_bounded() {
        let names: Vec<String> = (0..70).map(|number| number.to_string()).collect();
        let shown = |count: usize| bounded_list(names[..count].iter().map(String::as_str));
        assert_eq!((shown(0).len(), shown(64).len()), (0, 64));
        let many = shown(70);
        assert_eq!((many.len(), &*many[63], &*many[64]), (65, "63", "... and 6 more"));
    }

    #[test]
    fn durations_have_two_decimals() {
        let check = |micros: u64, expected: &str| {
            let mut out = Vec::new();
            number(&mut out, in_milliseconds(Duration::from_micros(micros)));
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check(0, "0.0");
        check(4, "0.0");
        check(12_000, "12.0");
        check(999_996, "1000.0");
        check(86_400_000_000_000, "86400000000.0");
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_text_stays_in_its_line(text in any::<String>(), role in any::<String>()) {
            let roles = [role.clone()];
            let line = written(&Event {
                who: Who { name: text.as_str().into(), roles: &roles, auth_type: "oidc" },
                resource: Resource { name: text.as_str().into(), ..Resource::default() },
                path: &text,
                detail: &text,
                ..Event::default()
            });
            prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
            prop_assert!(!line[..line.len() - 1].chars().any(|character| is_escaped(character) && !matches!(character, '"' | '\\')));
            let read: Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(&read["detail"], &json!(text));
            prop_assert_eq!(&read["action"]["path"], &json!(text));
            prop_assert_eq!(&read["resource"]["name"], &json!(text));
            prop_assert_eq!(&read["principal"]["username"], &json!(bounded(&text)));
            prop_assert_eq!(&read["principal"]["roles"], &json!([bounded(&role)]));
        }

        #[test]
        fn long_texts_are_cut_between_characters(text in "\\PC{300,2000}") {
            let cut = bounded(&text);
            prop_assert!(cut.len() <= MAX_TEXT_BYTES + 16);
            prop_assert!(text.starts_with(cut.trim_end_matches("... (cut)")));
        }
    }
}
