//! A worker's process: how it starts, and that nothing of it is left when it ends.
//!
//! Owns the command, its environment and the group of processes. What can only be done inside the process before foreign code runs
//! (change of user, limits) is in `worker.py`. Must not know calls.

use std::ffi::OsStr;
use std::io::{PipeReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process_group, waitid, waitpgid};

use crate::settings::Settings;

/// Python's side. Not a file of the system, so that none needs to be found or could be changed.
const PROGRAM: &str = concat!(include_str!("columns.py"), "\n\n", include_str!("worker.py"));

/// Takes the program from the socket, which is stdin. As an argument it would fill every list of processes.
const BOOTSTRAP: &str = "import socket; s = socket.socket(fileno=0); w = socket.MSG_WAITALL; \
    n = int.from_bytes(s.recv(4, w), 'little'); t = s.recv(n, w); s.detach(); \
    exec(compile(t, 'feast worker.py', 'exec'), {'__name__': 'feast_worker'})";

const PASSED_ON: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "VIRTUAL_ENV"];

/// Workers share the cores, so libraries need no threads of their own; and pools of memory that reserve address space by the gigabyte
/// would meet the limit of memory. `env` of the settings may pass on others.
const DEFAULTS: [(&str, &str); 4] = [
    ("OPENBLAS_NUM_THREADS", "1"),
    ("OMP_NUM_THREADS", "1"),
    ("MKL_NUM_THREADS", "1"),
    ("ARROW_DEFAULT_MEMORY_POOL", "system"),
];

/// A process, the leader of a group of its own. Dropping it kills the group and waits for it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    status: Option<String>,
}

/// A process that has just been started, and the other ends of what it has.
pub(crate) struct Started {
    pub(crate) process: Process,
    pub(crate) socket: UnixStream,
    pub(crate) printed: PipeReader,
}

impl Process {
    /// Starts one.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub(crate) fn start(settings: &Settings) -> Result<Started, String> {
        // Without the path: the reason may reach a client.
        let failed = |problem: std::io::Error| format!("the Python of serving.python.command cannot be run: {problem}");
        let (mut socket, theirs) = UnixStream::pair().map_err(failed)?;
        let (printed, output) = std::io::pipe().map_err(failed)?;
        let mut command = Command::new(&settings.command);
        // -I: neither PYTHONPATH nor packages of the user who runs the server are heeded. -S: those of the environment come later.
        // -B: nothing is written beside the sources.
        command
            .args(["-I", "-S", "-B", "-c", BOOTSTRAP])
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(output.try_clone().map_err(failed)?))
            .stderr(Stdio::from(output))
            .current_dir(&settings.directory)
            .process_group(0)
            .env_clear()
            .envs(DEFAULTS)
            .envs(std::env::vars_os().filter(|(name, _)| is_passed_on(name, settings)));
        let child = command.spawn().map_err(failed)?;
        // The command has copies of its ends of the pipe, which keep it open.
        drop(command);
        let process = Self { child, status: None };
        let length = u32::try_from(PROGRAM.len()).unwrap_or_default().to_le_bytes();
        // A process that has ended already shows at the first request, which tells its status and what it printed.
        let _ = socket.set_write_timeout(Some(settings.start_timeout));
        let _ = socket.write_all(&[length.as_slice(), PROGRAM.as_bytes()].concat());
        Ok(Started {
            process,
            socket,
            printed,
        })
    }

    /// Kills all of the group and waits for it: what the leader's end was. It has `grace` to end by itself, for one that is about to.
    pub(crate) fn end(&mut self, grace: Duration) -> String {
        if let Some(status) = &self.status {
            return status.clone();
        }
        let leader = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // Until it is waited for with `wait`, its number is that of no other process or group.
        let ended_before = leader.is_some_and(|leader| has_ended(leader, grace));
        if let Some(group) = leader {
            // It fails for a group of which all are gone.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let status = match self.child.wait() {
            Ok(status) if ended_before || status.code().is_some() => status.to_string(),
            Ok(_) => "killed by the server".to_owned(),
            Err(problem) => problem.to_string(),
        };
        if let Some(group) = leader {
            reap_group(group);
        }
        self.status = Some(status.clone());
        status
    }
}

fn has_ended(leader: Pid, grace: Duration) -> bool {
    let deadline = Instant::now() + grace;
    loop {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        match waitid(WaitId::Pid(leader), options) {
            Ok(Some(_)) => return true,
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(1)),
            _ => return false,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// Waits for what the worker had started, where that falls to the server: in a container it is often the first process.
fn reap_group(group: Pid) {
    for _ in 0..100 {
        match waitpgid(group, WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => thread::sleep(Duration::from_millis(1)),
            Err(_) => return,
        }
    }
}

fn is_passed_on(name: &OsStr, settings: &Settings) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    PASSED_ON.contains(&name) || name.starts_with("PYTHON") || settings.env.iter().any(|wanted| wanted == name)
}
