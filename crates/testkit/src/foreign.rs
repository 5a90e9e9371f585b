//! Programs of others that tests speak with: packages of npm and of Python, installed at test time by their own clients.
//!
//! They are put into the target folder and stay there. Where the runtime, its client or the registry is not there, that is said
//! on standard error, and the test that asked does nothing.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Tests run side by side, and one of them installs.
static INSTALLING: Mutex<()> = Mutex::new(());

/// A folder in which node finds a package of npm: its name, and the version as npm takes it.
#[must_use]
pub fn npm(target: &Path, name: &str, version: &str) -> Option<PathBuf> {
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = target.join(format!("npm-{name}-{version}"));
    if folder.join("node_modules").join(name).join("package.json").exists() {
        return Some(folder);
    }
    fs::create_dir_all(&folder).ok()?;
    fs::write(folder.join("package.json"), "{ \"private\": true, \"type\": \"module\" }").ok()?;
    let mut install = Command::new("npm");
    install.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--silent",
        &format!("{name}@{version}"),
    ]);
    run(install.current_dir(&folder), &format!("npm installs no {name}")).then_some(folder)
}

/// A Python that has these packages.
#[must_use]
pub fn python(target: &Path, packages: &[&str]) -> Option<PathBuf> {
    let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let name = packages.iter().map(|package| letters(package)).collect::<Vec<_>>().join("-");
    let folder = target.join(format!("python-{name}"));
    let python = folder.join("bin/python3");
    if folder.join("installed").exists() {
        return Some(python);
    }
    if !run(Command::new("python3").args(["-m", "venv"]).arg(&folder), "there is no Python with venv") {
        return None;
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    if !run(&mut install, &format!("pip does not install {}", packages.join(", "))) {
        return None;
    }
    fs::write(folder.join("installed"), name).ok()?;
    Some(python)
}

/// Whether a program is there.
#[must_use]
pub fn has(program: &str) -> bool {
    run(Command::new(program).arg("--version"), &format!("there is no {program}"))
}

fn run(command: &mut Command, otherwise: &str) -> bool {
    let why = match command.output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    let _ = writeln!(std::io::stderr(), "skipped: {otherwise}: {why}");
    false
}
