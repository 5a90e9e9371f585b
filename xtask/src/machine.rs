//! What there is on the machine that tests run on, and how Debian brings what there is not.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A machine: this one, or one that a test thinks up.
pub(crate) trait Machine {
    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;

    /// Whether something listens on a port of loopback.
    fn answers(&self, port: u16) -> bool;

    /// Where a program is, in the folders of `PATH` or in those named besides.
    fn find(&self, program: &str, besides: &[PathBuf]) -> Option<PathBuf>;

    /// Whether whoever runs this may install packages.
    fn is_root(&self) -> bool;

    /// Installs Debian's packages, by their names.
    fn install(&mut self, packages: &[&str]) -> Result<(), String>;
}

/// The machine that this runs on.
#[derive(Default)]
pub(crate) struct This {
    /// Whether the lists of packages are new.
    updated: bool,
}

impl Machine for This {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var_os(name).and_then(|value| value.into_string().ok())
    }

    fn answers(&self, port: u16) -> bool {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
    }

    fn find(&self, program: &str, besides: &[PathBuf]) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = besides.iter().cloned().chain(std::env::split_paths(&path));
        folders.map(|folder| folder.join(program)).find(|place| place.is_file())
    }

    fn is_root(&self) -> bool {
        // The owner of a process's folder is whom it runs as.
        std::fs::metadata("/proc/self").is_ok_and(|of| std::os::unix::fs::MetadataExt::uid(&of) == 0)
    }

    fn install(&mut self, packages: &[&str]) -> Result<(), String> {
        let apt = self.find("apt-get", &[]).ok_or("there is no apt-get here")?;
        if !self.updated {
            run(&apt, &["update", "-qq"])?;
            self.updated = true;
        }
        run(&apt, &[&["install", "-y", "-qq", "--no-install-recommends"], packages].concat())
    }
}

/// Runs a program that says nothing but why it failed.
pub(crate) fn run(program: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new(program);
    quiet(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// The same of a command.
pub(crate) fn quiet(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
    Err(format!("{} failed: {last}", command.get_program().display()))
}
