//! PostgreSQL clusters of a test's own: made, started and followed by a replica, and gone with the test.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A cluster that runs, until it is dropped.
pub struct Cluster {
    folder: PathBuf,
    /// Where it listens on loopback.
    pub port: u16,
}

impl Cluster {
    /// A new and empty one; nothing, and a word on the terminal, where the tools are not installed.
    ///
    /// # Panics
    /// Where they fail.
    #[must_use]
    pub fn new() -> Option<Cluster> {
        if tools().is_none() {
            let why = "left out: no initdb and pg_basebackup are installed here (Debian: postgresql)";
            let _ = writeln!(std::io::stderr(), "{why}");
            return None;
        }
        let cluster = Cluster::somewhere();
        run(
            "initdb",
            &["-D", &cluster.data(), "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"],
        );
        cluster.start();
        Some(cluster)
    }

    /// Another one that follows this.
    ///
    /// # Panics
    /// Where it cannot be made.
    #[must_use]
    pub fn replica(&self) -> Cluster {
        let replica = Cluster::somewhere();
        let port = self.port.to_string();
        let from = ["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-D", &replica.data()];
        run("pg_basebackup", &[&from[..], &["-R", "-X", "stream", "-c", "fast", "--no-sync"]].concat());
        replica.start();
        replica
    }

    /// The URL of one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts it where it was stopped.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off -c max_connections=50",
            self.port,
            self.folder.display()
        );
        let log = self.folder.join("log").display().to_string();
        // The server would keep a pipe open for as long as it runs: what it says is in its log.
        let started = command(&tools().expect("the tools").join("pg_ctl"))
            .args(["-D", &self.data(), "-w", "-l", &log, "-o", &options, "start"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(started.is_ok_and(|status| status.success()), "PostgreSQL does not start; its log is {log}");
    }

    /// Stops it, as by a loss of power.
    ///
    /// # Panics
    /// Where it does not run.
    pub fn stop(&self) {
        run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }

    /// Runs a statement; what it gives, as `psql -At` shows it.
    ///
    /// # Panics
    /// Where it fails.
    pub fn ask(&self, sql: &str) -> String {
        let (port, folder) = (self.port.to_string(), self.folder.display().to_string());
        run("psql", &["-h", &folder, "-p", &port, "-U", "postgres", "-Atqc", sql]).trim().to_owned()
    }

    /// A file beside its data that only the server may read; its path.
    ///
    /// # Panics
    /// Where it cannot be written.
    #[must_use]
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        let write = "umask 077; cat > \"$1\"";
        let mut child = command(Path::new("sh"))
            .args(["-c", write, "sh"])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a program that can be run");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it is read");
        assert!(child.wait().is_ok_and(|status| status.success()), "{} cannot be written", path.display());
        path
    }

    /// Says who may come in by the network and how, as `pg_hba.conf` does; by its socket everybody may.
    ///
    /// # Panics
    /// Where it does not run.
    pub fn lets_in(&self, lines: &str) {
        let _ = self.file("data/pg_hba.conf", &format!("local all all trust\n{lines}\n"));
        self.ask("SELECT pg_reload_conf()");
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    fn somewhere() -> Cluster {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let folder = run_program(Path::new("mktemp"), &["-d", "--tmpdir=/tmp"]);
        Cluster { folder: PathBuf::from(folder.trim()), port }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(tools) = tools() else { return };
        let _ = command(&tools.join("pg_ctl"))
            .args(["-D", &self.data(), "-m", "immediate", "-w", "stop"])
            .output();
        let _ = command(Path::new("rm")).arg("-r").arg(&self.folder).output();
    }
}

/// Where Debian puts the tools of its newest version; elsewhere they are found by their names.
fn tools() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    found.sort();
    found.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    found
        .into_iter()
        .rev()
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_basebackup").exists())
}

/// The server refuses to be run by root.
pub(super) fn command(program: &Path) -> Command {
    let user = Command::new("id").arg("-u").output().map(|output| output.stdout).unwrap_or_default();
    if user != b"0\n" {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program).current_dir("/tmp");
    command
}

fn run(tool: &str, args: &[&str]) -> String {
    run_program(&tools().expect("the tools").join(tool), args)
}

pub(super) fn run_program(program: &Path, args: &[&str]) -> String {
    let output = command(program).args(args).output().expect("a program that can be run");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} {args:?}: {said}", program.display());
    said
}
