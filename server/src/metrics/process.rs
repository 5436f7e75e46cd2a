//! What the system says of this process.

use std::fs;
use std::time::{Duration, Instant};

/// The process at one moment. What the system does not say is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Process {
    pub(super) resident_bytes: u64,
    pub(super) virtual_bytes: u64,
    pub(super) threads: u64,
    pub(super) open_files: u64,
    pub(super) max_open_files: u64,
    pub(super) cpu_seconds: f64,
    pub(super) start_seconds: f64,
    /// Of all memory of the machine.
    pub(super) memory_percent: f64,
}

/// Processor time since the last look, as Feast's gauge has it: percent of one core.
pub(super) struct CpuUsage {
    looked: Instant,
    cpu_seconds: f64,
}

impl CpuUsage {
    pub(super) fn new() -> Self {
        Self {
            looked: Instant::now(),
            cpu_seconds: Process::look().cpu_seconds,
        }
    }

    pub(super) fn percent(&mut self, process: &Process) -> f64 {
        let (now, before) = (Instant::now(), self.looked);
        let used = process.cpu_seconds - self.cpu_seconds;
        (self.looked, self.cpu_seconds) = (now, process.cpu_seconds);
        let elapsed = (now - before).max(Duration::from_millis(1));
        100.0 * used / elapsed.as_secs_f64()
    }
}

impl Process {
    pub(super) fn look() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kibibytes = |text: &str, key: &str| number_of(text, key).unwrap_or_default() << 10;
        let resident_bytes = kibibytes(&status, "VmRSS:");
        let whole = kibibytes(&memory, "MemTotal:").max(1);
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let times = Times::of_process().unwrap_or_default();
        Self {
            resident_bytes,
            virtual_bytes: kibibytes(&status, "VmSize:"),
            threads: number_of(&status, "Threads:").unwrap_or_default(),
            // One of them is the directory that is read.
            open_files: fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64 - 1),
            max_open_files: number_of(&limits, "Max open files").unwrap_or_default(),
            cpu_seconds: times.cpu_seconds,
            start_seconds: times.start_seconds,
            memory_percent: 100.0 * resident_bytes as f64 / whole as f64,
        }
    }
}

#[derive(Default)]
struct Times {
    cpu_seconds: f64,
    start_seconds: f64,
}

impl Times {
    /// None when the system does not say them in the form of Linux.
    fn of_process() -> Option<Self> {
        // What is counted in ticks is in hundredths of a second on every Linux, whatever its own clock does.
        const TICKS: f64 = 100.0;
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name may hold anything, and ends with the last bracket.
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks = |position: usize| fields.split_whitespace().nth(position)?.parse::<f64>().ok();
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let boot = number_of(&boot, "btime")? as f64;
        Some(Self {
            cpu_seconds: (ticks(11)? + ticks(12)?) / TICKS,
            start_seconds: boot + ticks(19)? / TICKS,
        })
    }
}

/// The first number after a key at the beginning of a line.
fn number_of(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_seen() {
        let process = Process::look();
        assert!(process.resident_bytes > 1 << 20 && process.virtual_bytes >= process.resident_bytes);
        assert!(process.threads > 0 && process.open_files > 0 && process.max_open_files >= process.open_files);
        assert!(process.start_seconds > 1.5e9 && process.memory_percent > 0.0);
        assert!(CpuUsage::new().percent(&process) >= 0.0);
    }
}
