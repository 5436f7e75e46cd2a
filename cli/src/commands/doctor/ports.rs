//! Where the server is to listen: whether that is free, who has it else, and who reaches it.

use std::io::ErrorKind;

use feast_engine::{Auth, process_in_words};
use feast_server::Listener;

use super::context::Context;
use super::finding::Findings;
use super::port_holder::{holder_of_port, is_of_this_program};
use crate::commands::serve::{
    cannot_listen, cannot_listen_for_metrics, cannot_listen_on_socket, exposure, metrics, metrics_hosts,
};
use crate::output::Failure;

pub(super) fn check(context: &Context, findings: &Findings) {
    if let Some((host, port)) = &context.serve.address {
        check_address(host, *port, context, findings);
    }
    if let Some((path, _)) = &context.serve.socket {
        match Listener::check_socket(path) {
            Ok(()) => findings.ok(format!("{} is free", path.display())),
            Err(source) => findings.refused(&cannot_listen_on_socket(path, &source)),
        }
    }
    if let Some(config) = metrics(&context.serve, &context.config).filter(|config| config.is_enabled) {
        let mut refused = None;
        for host in metrics_hosts(&config) {
            match Listener::check_port(host, config.port) {
                Ok(address) => return findings.ok(format!("{address} is free, for metrics")),
                Err(source) => refused = Some((host.to_owned(), source)),
            }
        }
        if let Some((host, source)) = refused {
            let failure = cannot_listen_for_metrics(&host, config.port, &source);
            tell_taken(config.port, source.kind(), &failure, context, findings);
        }
    }
}

fn check_address(host: &str, port: u16, context: &Context, findings: &Findings) {
    findings.begin(format!("looking {host} up"));
    let address = match Listener::check_port(host, port) {
        Ok(address) => address,
        Err(source) => {
            let failure = cannot_listen(host, port, &source);
            return tell_taken(port, source.kind(), &failure, context, findings);
        }
    };
    match port {
        0 => findings.ok(format!("{} has a free port", address.ip())),
        _ => findings.ok(format!("{address} is free")),
    }
    let config = &context.config;
    let asks_to_sign_in = config.auth != Auth::NoAuth || !config.api_keys.is_empty();
    if let Some(line) = exposure(address, &context.serve, asks_to_sign_in) {
        findings.remark(line);
    }
}

/// A port that another process has, which may be the server that this one takes the place of.
fn tell_taken(port: u16, kind: ErrorKind, failure: &Failure, context: &Context, findings: &Findings) {
    let holder = holder_of_port(port).filter(|_| kind == ErrorKind::AddrInUse);
    let Some(holder) = holder else {
        return findings.refused(failure);
    };
    let (text, hint) = failure.in_words();
    let process = process_in_words(holder);
    let has_store = context.holder().and_then(|holder| holder.process) == Some(holder);
    if has_store {
        return findings.ok(format!(
            "{process}, which has the online store open, listens on port {port}: it must be stopped before another one starts"
        ));
    }
    let text = format!("{text}: {process} listens there");
    let hint = hint.unwrap_or("stop it, or choose another port");
    match is_of_this_program(holder) {
        true => findings.warning(text, hint),
        false => findings.error(text, hint),
    }
}
