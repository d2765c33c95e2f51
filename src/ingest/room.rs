//! How much memory the process may use: what the machine has, or less where a control group (a container, a unit of the
//! service manager) says so. Linux tells; elsewhere nothing is known.

use std::fs;
use std::path::Path;

/// Bytes; `None` where the system does not tell.
pub(super) fn memory() -> Option<u64> {
    let group = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let machine = total(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let limit = limit(Path::new("/sys/fs/cgroup"), &group);
    Some(limit.map_or(machine, |limit| limit.min(machine)))
}

/// The machine's memory, as `/proc/meminfo` tells it in kibibytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1_024)
}

/// The least limit of the process's control group and of those around it. `group` is what `/proc/self/cgroup` says: in the
/// second version of control groups one line, "0::" and a path; in the first, a line for the memory's own hierarchy.
fn limit(root: &Path, group: &str) -> Option<u64> {
    let mut found: Option<u64> = None;
    for line in group.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            "memory" => (root.join("memory"), "memory.limit_in_bytes"),
            _ => continue,
        };
        // In a container the path may be the host's, of which only the last group is to be seen, as the root.
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            let text = fs::read_to_string(root.join(group).join(file)).unwrap_or_default();
            if let Ok(bytes) = text.trim().parse::<u64>() {
                found = Some(found.map_or(bytes, |least| least.min(bytes)));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_tells_what_it_has() {
        assert_eq!(total("MemFree: 3 kB\nMemTotal:       24577884 kB\n"), Some(24_577_884 * 1_024));
        assert_eq!(total("MemTotal: much\n"), None);
        assert_eq!(total(""), None);
    }

    #[test]
    fn the_least_limit_around_the_process_counts() {
        let root = tempfile::tempdir().expect("a directory");
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("system.slice/it.service")).expect("groups");
        fs::write(at("system.slice/it.service/memory.max"), "max\n").expect("a group");
        assert_eq!(limit(root.path(), "0::/system.slice/it.service\n"), None);
        fs::write(at("system.slice/memory.max"), "2097152\n").expect("a group");
        assert_eq!(limit(root.path(), "0::/system.slice/it.service\n"), Some(2 << 20));
        fs::write(at("memory.max"), "1048576\n").expect("a group");
        assert_eq!(limit(root.path(), "0::/system.slice/it.service\n"), Some(1 << 20));
        // In a container the path is one of the host, and the root its own group.
        assert_eq!(limit(root.path(), "0::/not/to/be/seen\n"), Some(1 << 20));
    }

    #[test]
    fn the_first_version_of_control_groups_has_a_file_of_its_own() {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(root.path().join("memory/docker")).expect("groups");
        fs::write(root.path().join("memory/docker/memory.limit_in_bytes"), "4096\n").expect("a group");
        assert_eq!(limit(root.path(), "5:cpu,cpuacct:/docker\n4:memory:/docker\n"), Some(4_096));
        assert_eq!(limit(root.path(), "5:cpu:/docker\n"), None);
        assert_eq!(limit(root.path(), "no group at all"), None);
    }
}
