//! A check on a thread of its own, for a time. One that hangs, in a file system or in somebody else's answer, is left behind.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::finding::{Finding, Findings, Level, Told};

/// A check under way.
pub(super) struct Running<T> {
    topic: &'static str,
    told: Receiver<Told>,
    thread: std::io::Result<JoinHandle<T>>,
}

impl<T: Send + 'static> Running<T> {
    /// Starts one.
    pub(super) fn start(topic: &'static str, check: impl FnOnce(&Findings) -> T + Send + 'static) -> Self {
        let (sender, told) = channel();
        let findings = Findings::new(topic, sender);
        let name = format!("check {topic}");
        Self {
            topic,
            told,
            thread: Builder::new().name(name).spawn(move || check(&findings)),
        }
    }
}

impl<T> Running<T> {
    /// Waits until `limit` is over since it has `begun`, at most. What it gives, if it has ended by then, and what it has found so far.
    pub(super) fn finish(self, limit: Duration, begun: Instant) -> (Vec<Finding>, Option<T>) {
        let (mut findings, mut does) = (Vec::new(), String::new());
        let error = |text: String, hint: &str| Finding {
            topic: self.topic,
            level: Level::Error,
            text,
            hint: Some(hint.to_owned()),
        };
        let thread = match self.thread {
            Ok(thread) => thread,
            Err(source) => {
                let text = format!("there is no thread for this check: {source}");
                return (vec![error(text, "raise the limit on threads of the process")], None);
            }
        };
        loop {
            match self.told.recv_timeout(limit.saturating_sub(begun.elapsed())) {
                Ok(Told::Found(finding)) => findings.push(finding),
                Ok(Told::Does(what)) => does = what,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let at = if does.is_empty() {
                        String::new()
                    } else {
                        format!(", at {does}")
                    };
                    let text = format!("not done within {} s{at}", limit.as_secs());
                    let hint = "what it waits for does not answer: a file system, or another server. --timeout gives it longer";
                    findings.push(error(text, hint));
                    return (findings, None);
                }
            }
        }
        // It has let go of its findings, so it has ended, or is about to.
        match thread.join() {
            Ok(outcome) => (findings, Some(outcome)),
            Err(_) => {
                findings.push(error(
                    "the check itself has failed".to_owned(),
                    "report it, with what is on stderr",
                ));
                (findings, None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish<T: Send + 'static>(check: impl FnOnce(&Findings) -> T + Send + 'static) -> (Vec<String>, Option<T>) {
        let running = Running::start("t", check);
        let (findings, outcome) = running.finish(Duration::from_secs(1), Instant::now());
        (findings.into_iter().map(|finding| finding.text).collect(), outcome)
    }

    #[test]
    fn what_hangs_or_panics_keeps_what_was_found_before() {
        let (texts, outcome) = finish(|findings| {
            findings.ok("one");
            7
        });
        assert_eq!((texts, outcome), (vec!["one".to_owned()], Some(7)));
        let (texts, outcome) = finish(|findings| {
            findings.ok("one");
            findings.begin("the second");
            std::thread::sleep(Duration::from_secs(60));
        });
        assert_eq!(texts, ["one", "not done within 1 s, at the second"]);
        assert_eq!(outcome, None);
        let (texts, outcome) = finish(|findings| {
            findings.ok("one\nline");
            assert!(texts_are_lines(findings));
        });
        assert_eq!(texts, ["one; line", "the check itself has failed"]);
        assert_eq!(outcome, None);
    }

    fn texts_are_lines(_: &Findings) -> bool {
        false
    }
}
