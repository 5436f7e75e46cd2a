//! Runs the binary and talks to its server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A directory that holds a feature repository and goes away with it.
pub(crate) struct Repository {
    _parent: TempDir,
    pub(crate) path: PathBuf,
}

/// What a command printed and how it ended.
pub(crate) struct Outcome {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Repository {
    /// An empty directory called `feature_repo`.
    pub(crate) fn empty() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("feature_repo");
        std::fs::create_dir(&path).unwrap();
        Self { _parent: parent, path }
    }

    /// What `feast init` makes.
    pub(crate) fn from_template() -> Self {
        let repository = Self::empty();
        let outcome = repository.feast(&["init", "."]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        repository
    }

    /// Runs `feast` in the repository.
    pub(crate) fn feast(&self, arguments: &[&str]) -> Outcome {
        let output = self.command(arguments).output().unwrap();
        Outcome {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }

    /// Runs `feast`, which must succeed, and gives what it printed to stdout.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let outcome = self.feast(arguments);
        assert_eq!(outcome.code, Some(0), "feast {arguments:?}: {}", outcome.stderr);
        outcome.stdout
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_feast"));
        command.args(arguments).current_dir(&self.path);
        for variable in [
            "FEATURE_REPO_DIR_ENV_VAR",
            "FEAST_FS_YAML_FILE_PATH",
            "FEATURE_STORE_YAML_BASE64",
            "RUST_LOG",
        ] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn write(&self, name: &str, contents: &str) {
        std::fs::write(self.path.join(name), contents).unwrap();
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path.join(name).exists()
    }

    /// As [`Repository::serve`], for a repository that nobody else uses: it goes when the pair does.
    pub(crate) fn serve_and_keep(self) -> (Self, Server) {
        let server = self.serve();
        (self, server)
    }

    /// Starts `feast serve` on a free port and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// As [`Repository::serve`], with more options.
    pub(crate) fn serve_with(&self, options: &[&str]) -> Server {
        Server::start(self.command(&[&["serve", "--port", "0"], options].concat()))
    }
}

/// A small disk at a directory, until it is dropped.
pub(crate) struct Disk(pub(crate) PathBuf);

impl Disk {
    /// One of this size. `None` where mounting is refused, as it is in most containers: said, and the test has nothing to do.
    #[expect(clippy::print_stderr, reason = "who runs the tests is to see what was not tested")]
    pub(crate) fn at(path: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=700"), "tmpfs"])
            .arg(path)
            .output();
        let is_mounted = mounted.as_ref().is_ok_and(|output| output.status.success());
        if !is_mounted {
            eprintln!("skipped: a small disk cannot be mounted here: {mounted:?}");
        }
        is_mounted.then(|| Self(path.to_path_buf()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A running server. It is ended with the value.
pub(crate) struct Server {
    process: Child,
    address: String,
    log: std::thread::JoinHandle<String>,
}

/// A response as it came.
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// As UTF-8; what is not is replaced.
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Response {
    pub(crate) fn new(status: u16, headers: Vec<(String, String)>, bytes: Vec<u8>) -> Self {
        Self {
            status,
            headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Server {
    pub(crate) fn start(command: Command) -> Self {
        Self::start_with_stdout(command, Stdio::null())
    }

    pub(crate) fn start_with_stdout(mut command: Command, stdout: Stdio) -> Self {
        let mut process = command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut log = String::new();
        let address = lines.by_ref().map(Result::unwrap).find_map(|line| {
            log.push_str(&line);
            log.push('\n');
            let place = line.split_once(" listens on ")?.1.split([' ', '"']).next()?;
            let bare = place.trim_start_matches("http://").trim_start_matches("https://");
            Some(bare.to_owned())
        });
        let address = address.unwrap_or_else(|| panic!("the server did not start: {log}"));
        // The pipe must be emptied, or the server waits for it.
        let log = std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| {
                log.push_str(&line);
                log.push('\n');
            });
            log
        });
        Self { process, address, log }
    }

    /// Sends SIGTERM, waits for the end and gives the exit code and the log.
    pub(crate) fn stop(self) -> (Option<i32>, String) {
        self.signal("TERM");
        self.wait()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let (name, id) = (format!("-{name}"), self.process.id().to_string());
        assert!(Command::new("kill").args([name, id]).status().unwrap().success());
    }

    /// Waits for the end and gives the exit code and the log.
    pub(crate) fn wait(mut self) -> (Option<i32>, String) {
        let code = self.process.wait().unwrap().code();
        let log = std::mem::replace(&mut self.log, std::thread::spawn(String::new));
        (code, log.join().unwrap())
    }

    /// Ends the process at once, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Whether the process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// The number of the process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Host and port, or `unix:` and the path of a socket.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A POST without a content type, as `requests.post(data=...)` sends it.
    pub(crate) fn post(&self, path: &str, body: &str) -> Response {
        self.send("POST", path, &[], body)
    }

    /// A POST of JSON that says so.
    pub(crate) fn post_json(&self, path: &str, body: &Value) -> Response {
        self.send("POST", path, &[("content-type", "application/json")], &body.to_string())
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        self.send_bytes(method, path, headers, body.as_bytes())
    }

    pub(crate) fn send_bytes(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            self.address
        );
        headers
            .iter()
            .for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
        request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        exchange(&self.address, &[request.as_bytes(), body].concat())
    }

    /// Sends a request byte by byte as it is given; it must have the server close the connection.
    pub(crate) fn send_raw(&self, request: &str) -> Response {
        exchange(&self.address, request.as_bytes())
    }
}

/// One request and its response, over a connection of its own, byte by byte: tests send what no client library would.
pub(crate) fn exchange(address: &str, request: &[u8]) -> Response {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(request).unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).unwrap();
    let head_length = response.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let bytes = response.split_off(head_length + 4);
    let head = String::from_utf8(response).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers = headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    Response::new(status, headers, bytes)
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for what happens after a response.
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
