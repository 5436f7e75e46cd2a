//! How much memory there is for this process: that of the machine, or of the control group or the function in which it runs, if that may
//! have less.
//!
//! Defaults of settings follow from it. Read once: a limit that is changed later holds for the next start.

use std::path::Path;
use std::sync::OnceLock;

/// What a function of AWS Lambda is told that it may have, in MiB.
const FUNCTION_MEMORY: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
/// Where nothing tells.
const DEFAULT_MEMORY: u64 = 8 << 30;

/// Bytes of memory that this process may have.
pub fn machine_memory() -> u64 {
    static MEMORY: OnceLock<u64> = OnceLock::new();
    *MEMORY.get_or_init(|| {
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        memory_of(&read, std::env::var(FUNCTION_MEMORY).ok().as_deref())
    })
}

/// The same, from the files of Linux that `read` gives, and from what a function is told.
fn memory_of(read: &dyn Fn(&Path) -> Option<String>, function: Option<&str>) -> u64 {
    let function = function.and_then(|mib| mib.parse::<u64>().ok()?.checked_mul(1 << 20));
    let machine = read(Path::new("/proc/meminfo")).as_deref().and_then(total_of_meminfo);
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().flat_map(|line| limits_of_group(line, read));
    limits
        .chain(function)
        .chain([machine.unwrap_or(DEFAULT_MEMORY)])
        .min()
        .unwrap_or(DEFAULT_MEMORY)
}

fn total_of_meminfo(meminfo: &str) -> Option<u64> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The limits of a control group, `HIERARCHY:CONTROLLERS:PATH`, and of those that it is in. A container sees its own group as the
/// outermost, whatever the path is.
fn limits_of_group(line: &str, read: &dyn Fn(&Path) -> Option<String>) -> Vec<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
        return Vec::new();
    };
    let (root, file) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        _ if controllers.split(',').any(|name| name == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return Vec::new(),
    };
    let group = Path::new(path.trim_start_matches('/'));
    let groups = group.ancestors().map(|group| Path::new(root).join(group).join(file));
    groups.filter_map(|file| read(&file)?.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:       24576000 kB\nMemFree:        17000000 kB\n";
    const MACHINE: u64 = 24_576_000 * 1024;

    fn memory(files: &[(&str, &str)], function: Option<&str>) -> u64 {
        let read = |path: &Path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path);
            file.map(|(_, text)| (*text).to_owned())
        };
        memory_of(&read, function)
    }

    #[test]
    fn the_smallest_limit_counts() {
        let meminfo = ("/proc/meminfo", MEMINFO);
        let cases: [(&[(&str, &str)], u64); 6] = [
            (&[], DEFAULT_MEMORY),
            (&[meminfo], MACHINE),
            // A container.
            (
                &[
                    meminfo,
                    ("/proc/self/cgroup", "0::/\n"),
                    ("/sys/fs/cgroup/memory.max", "536870912\n"),
                ],
                512 << 20,
            ),
            // A service whose slice has less than itself.
            (
                &[
                    meminfo,
                    ("/proc/self/cgroup", "0::/system.slice/feast.service\n"),
                    ("/sys/fs/cgroup/system.slice/feast.service/memory.max", "max\n"),
                    ("/sys/fs/cgroup/system.slice/memory.max", "1073741824\n"),
                ],
                1 << 30,
            ),
            // Of version 1, where no limit is a number beyond all memory.
            (
                &[
                    meminfo,
                    ("/proc/self/cgroup", "4:cpu,cpuacct:/a\n3:memory:/docker/a\n"),
                    (
                        "/sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes",
                        "9223372036854771712\n",
                    ),
                    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n"),
                ],
                256 << 20,
            ),
            (&[meminfo, ("/proc/self/cgroup", "nonsense\n")], MACHINE),
        ];
        for (files, expected) in cases {
            assert_eq!(memory(files, None), expected, "{files:?}");
        }
    }

    #[test]
    fn a_function_has_what_it_is_told() {
        let files = [("/proc/meminfo", MEMINFO)];
        for (told, expected) in [("512", 512 << 20), ("100000", MACHINE), ("", MACHINE), ("-1", MACHINE)] {
            assert_eq!(memory(&files, Some(told)), expected, "{told}");
        }
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(machine_memory() > 1 << 20);
    }
}
