//! The block `serving.python`: the processes that run the functions which this binary does not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{bytes_at, number_at, path_at, string_at};
use super::keys::check_keys;
use super::settings::PYTHON;

const BLOCK: &str = "serving.python";
/// More processes than a machine has processors are a mistake, and each holds 13 to 105 MB.
const MAX_WORKERS: u64 = 256;
/// Requests of clients do not wait that long.
const MAX_TIMEOUT_MS: u64 = 600_000;
const MAX_QUEUE: u64 = 1 << 20;
/// Python with pandas takes more from the start.
const MIN_MEMORY_MIB: u64 = 64;

/// Which Python runs functions of on-demand views, and what it may use (`serving.python`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonConfig {
    /// The interpreter, such as that of a virtual environment.
    pub command: PathBuf,
    /// How many processes run it.
    pub workers: usize,
    /// How long a call may take.
    pub timeout: Duration,
    /// How many calls may wait for a process.
    pub queue: usize,
    /// The address space of a process in bytes.
    pub memory: usize,
    /// Whom a process becomes where the server is root.
    pub user: String,
    /// Variables of the environment that a process gets in addition to the usual ones.
    pub variables: Vec<String>,
    /// Every n-th answer that is computed in this process is computed in Python too, and compared; none when `None`.
    pub shadow: Option<u64>,
}

/// The settings of the repository in `directory`, from which a relative path starts. A bare name is looked for on the `PATH`.
///
/// # Errors
/// `Invalid`, naming the key.
pub(super) fn python(root: &Value, directory: &Path) -> Result<Option<PythonConfig>> {
    let serving = &root["serving"];
    let block = match serving.get("python") {
        None | Some(Value::Null) => return Ok(None),
        Some(block @ Value::Object(_)) => block,
        Some(other) => {
            return Err(Error::invalid(format!("{BLOCK} must be a mapping, not {other}"))
                .with_hint("serving: {python: {command: /path/to/venv/bin/python}}"));
        }
    };
    check_keys(BLOCK, block, &[&PYTHON])?;
    let command = path_at(block, BLOCK, "command")?.ok_or_else(|| {
        Error::invalid(format!("{BLOCK}.command is missing"))
            .with_hint("name the interpreter that has what the functions import, such as /path/to/venv/bin/python")
    })?;
    let number = |key: &str, default: u64, most: u64| -> Result<u64> {
        match number_in(serving, key, 1)? {
            Some(number) if number > most => Err(Error::invalid(format!(
                "{BLOCK}.{key} must be at most {most}, not {number}"
            ))),
            number => Ok(number.unwrap_or(default)),
        }
    };
    let memory = bytes_at(serving, "python", "memory_mib", MIN_MEMORY_MIB).map_err(in_serving)?;
    Ok(Some(PythonConfig {
        command: match command.contains('/') {
            true => directory.join(command),
            false => PathBuf::from(command),
        },
        workers: number("workers", 2, MAX_WORKERS)? as usize,
        timeout: Duration::from_millis(number("timeout_ms", 1000, MAX_TIMEOUT_MS)?),
        queue: number("queue", 256, MAX_QUEUE)? as usize,
        memory: memory.unwrap_or(2 << 30),
        user: string_at(block, BLOCK, "user")?.unwrap_or("nobody").to_owned(),
        variables: variables(block)?,
        shadow: number_in(serving, "shadow", 1)?,
    }))
}

fn number_in(serving: &Value, key: &str, least: u64) -> Result<Option<u64>> {
    number_at(serving, "python", key, least).map_err(in_serving)
}

fn in_serving(error: Error) -> Error {
    error.within(|message| format!("serving.{message}"))
}

fn variables(block: &Value) -> Result<Vec<String>> {
    let names = match block.get("env") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(names)) => names,
        Some(other) => {
            return Err(Error::invalid(format!(
                "{BLOCK}.env must be a list of names of variables, not {other}"
            )));
        }
    };
    let is_name = |name: &&str| !name.is_empty() && !name.contains(['=', '\0']);
    let name = |value: &Value| {
        let name = value.as_str().filter(is_name);
        name.map(str::to_owned)
            .ok_or_else(|| Error::invalid(format!("{BLOCK}.env: {value} is not the name of a variable")))
    };
    names.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(block: Value) -> Result<Option<PythonConfig>> {
        python(&json!({ "serving": { "python": block } }), Path::new("/srv/shop"))
    }

    #[test]
    fn keys_have_defaults() {
        let defaults = PythonConfig {
            command: PathBuf::from("/venv/bin/python"),
            workers: 2,
            timeout: Duration::from_secs(1),
            queue: 256,
            memory: 2 << 30,
            user: "nobody".to_owned(),
            variables: Vec::new(),
            shadow: None,
        };
        assert_eq!(
            parse(json!({"command": "/venv/bin/python"})).unwrap().as_ref(),
            Some(&defaults)
        );
        let all = json!({
            "command": "/venv/bin/python", "workers": 4, "timeout_ms": 250, "queue": 10, "memory_mib": 512, "user": "feast",
            "env": ["MODEL_PATH"], "shadow": 100,
        });
        let expected = PythonConfig {
            workers: 4,
            timeout: Duration::from_millis(250),
            queue: 10,
            memory: 512 << 20,
            user: "feast".to_owned(),
            variables: vec!["MODEL_PATH".to_owned()],
            shadow: Some(100),
            ..defaults
        };
        assert_eq!(parse(all).unwrap(), Some(expected));
        assert_eq!(parse(Value::Null).unwrap(), None);
        assert_eq!(python(&json!({}), Path::new("/srv/shop")).unwrap(), None);
        let command = |command: &str| parse(json!({ "command": command })).unwrap().unwrap().command;
        assert_eq!(command("python3"), Path::new("python3"));
        assert_eq!(command(".venv/bin/python"), Path::new("/srv/shop/.venv/bin/python"));
    }

    #[test]
    fn mistakes_are_told() {
        let check = |block: Value, expected: &str| {
            let error = parse(block).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check(json!(true), "serving.python must be a mapping, not true");
        check(json!({}), "serving.python.command is missing");
        check(json!({"command": ""}), "serving.python.command is empty");
        check(json!({"command": 5}), "serving.python.command must be a string, not 5");
        let with = |key: &str, value: Value| {
            let mut block = json!({"command": "python3"});
            block[key] = value;
            block
        };
        check(
            with("worker", json!(1)),
            "serving.python.worker is not known: did you mean workers?",
        );
        check(
            with("workers", json!(0)),
            "serving.python.workers must be a whole number of at least 1, not 0",
        );
        check(
            with("workers", json!(5000)),
            "serving.python.workers must be at most 256, not 5000",
        );
        check(
            with("timeout_ms", json!("1s")),
            "serving.python.timeout_ms must be a whole number",
        );
        check(
            with("memory_mib", json!(1)),
            "serving.python.memory_mib must be a whole number of at least 64",
        );
        check(
            with("env", json!("HOME")),
            "serving.python.env must be a list of names of variables, not \"HOME\"",
        );
        check(
            with("env", json!(["A=b"])),
            "serving.python.env: \"A=b\" is not the name of a variable",
        );
    }
}
