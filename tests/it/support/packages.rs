//! Programs of the system's packages that tests need.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Of two that install at a time, one is told that the other holds the lock, and goes without.
static INSTALLING: Mutex<()> = Mutex::new(());

/// A program: where Debian puts it, wherever else programs are looked for, or installed (as root, by apt-get).
pub fn program(name: &str) -> PathBuf {
    let search = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut places = std::env::split_paths(&path).chain(["/usr/sbin".into()]).map(|place| place.join(name));
        places.find(|program| program.is_file())
    };
    let found = search().or_else(|| {
        let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
        search().or_else(|| {
            let script = format!(
                "[ \"$(id -u)\" = 0 ] && apt-get update -q && \
                 DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends {name}"
            );
            let _ = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).status();
            search()
        })
    });
    found.unwrap_or_else(|| panic!("{name} is missing: apt-get install {name}"))
}
