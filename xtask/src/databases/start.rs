//! Servers of the tests' own: a folder in the system's temporary one, a free port on loopback, nobody asked for a password.
//! They keep nothing for long, so that nothing waits for the disk.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::process::rest;
use crate::machine::{Machine, This, quiet};

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A server that was started, until it is dropped.
pub(crate) struct Running {
    child: Child,
    pub(super) folder: PathBuf,
    pub(super) port: u16,
    /// What stands before and behind host and port in its URL.
    url: [&'static str; 2],
}

impl Running {
    pub(super) fn url(&self) -> String {
        format!("{}127.0.0.1:{}{}", self.url[0], self.port, self.url[1])
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its data go with it: it need not put anything in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The processes of PostgreSQL notice that the first of them is gone.
        let until = Instant::now() + PATIENCE;
        while This::default().answers(self.port) && Instant::now() < until {
            rest(LOOK);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Where Debian puts server programs beside the folders of `PATH`; the newest version of PostgreSQL first.
pub(super) fn folders() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort_by_key(|folder| {
        let version =
            folder.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        std::cmp::Reverse(version.and_then(|version| version.parse::<u32>().ok()))
    });
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders
}

pub(super) fn postgres(machine: &This) -> Result<Running, String> {
    let (folder, port) = (somewhere(machine, "postgres")?, free_port()?);
    let data = folder.join("data");
    let initdb = program(machine, "initdb")?;
    // Of the tools of one version, whatever stands in PATH.
    let server = initdb.with_file_name("postgres");
    let server = if server.is_file() { server } else { program(machine, "postgres")? };
    let arguments = ["-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C", "-D"];
    quiet(as_user(machine, "postgres", &initdb).args(arguments).arg(&data))?;
    let mut command = as_user(machine, "postgres", &server);
    command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
    command.args(["-c", "fsync=off", "-c", "max_connections=200", "-k"]).arg(&folder);
    begin(machine, command, folder, port, ["postgres://postgres@", "/postgres"])
}

pub(super) fn mariadb(machine: &This) -> Result<Running, String> {
    let (folder, port) = (somewhere(machine, "mysql")?, free_port()?);
    let data = format!("--datadir={}", folder.join("data").display());
    // As it starts a server clears away the temporary tables that it finds, whosever they are.
    let temporary = format!("--tmpdir={}", folder.display());
    let user = if machine.is_root() { vec!["--user=mysql"] } else { Vec::new() };
    let install = program(machine, "mariadb-install-db")?;
    let arguments =
        ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", &data, &temporary];
    quiet(Command::new(install).args(arguments).args(&user))?;
    let mut command = Command::new(program(machine, "mariadbd")?);
    command.args(["--no-defaults", &data, "--bind-address=127.0.0.1", &format!("--port={port}")]).args(&user);
    command.arg(format!("--socket={}", folder.join("socket").display())).arg(&temporary);
    command.args(["--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--max-connections=300"]);
    begin(machine, command, folder, port, ["mysql://root@", "/mysql"])
}

pub(super) fn redis(machine: &This) -> Result<Running, String> {
    let (folder, port) = (somewhere(machine, "redis")?, free_port()?);
    let mut command = Command::new(program(machine, "redis-server")?);
    command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"]).arg(&folder);
    begin(machine, command, folder, port, ["redis://", ""])
}

fn program(machine: &This, name: &str) -> Result<PathBuf, String> {
    machine.find(name, &folders()).ok_or_else(|| format!("there is no {name}"))
}

/// A folder that its server's user may write to.
fn somewhere(machine: &This, name: &str) -> Result<PathBuf, String> {
    let number = std::process::id();
    let folder = std::env::temp_dir().join(format!("purlin-tests-{number}-{name}"));
    // What a run of the same number left when it was killed.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    if machine.is_root() && name != "redis" {
        quiet(Command::new("chown").arg(name).arg(&folder))?;
    }
    Ok(folder)
}

fn free_port() -> Result<u16, String> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    free.map(|address| address.port()).map_err(|error| format!("no port is free: {error}"))
}

/// A command as another user, where root runs this: the server refuses to be root's.
fn as_user(machine: &This, user: &str, program: &Path) -> Command {
    if !machine.is_root() {
        return Command::new(program);
    }
    // It becomes the server, whose process number is this one's then.
    let mut command = Command::new("setpriv");
    command
        .args([&format!("--reuid={user}"), &format!("--regid={user}"), "--init-groups", "--"])
        .arg(program);
    command.current_dir("/tmp");
    command
}

/// Starts a server and waits until it answers.
fn begin(
    machine: &This,
    mut command: Command,
    folder: PathBuf,
    port: u16,
    url: [&'static str; 2],
) -> Result<Running, String> {
    let log = folder.join("log");
    let out = std::fs::File::create(&log).and_then(|file| Ok((file.try_clone()?, file)));
    let (out, err) = out.map_err(|error| format!("{}: {error}", log.display()))?;
    let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
    let child = child.map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let mut running = Running { child, folder, port, url };
    let until = Instant::now() + PATIENCE;
    while !machine.answers(port) {
        let ended = running.child.try_wait().is_ok_and(|ended| ended.is_some());
        if ended || Instant::now() > until {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            return Err(format!("it does not start: {last}"));
        }
        rest(LOOK);
    }
    Ok(running)
}
