//! MariaDB servers of a test's own: made, started, followed by a replica, and gone with the test.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long one may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A loss of power must not take what others have been told of.
const DURABLE: [&str; 2] = ["--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1"];

/// Several of them stand on a disk at once.
const SMALL: &str = "--innodb-log-file-size=8M";

/// A server that runs, until it is dropped.
pub struct Maria {
    folder: PathBuf,
    /// Where it listens on loopback.
    pub port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

impl Maria {
    /// A new and empty one, with further options; nothing, and a word on the terminal, where it is not installed. Its
    /// `root` has no password; `{folder}` in an option stands for its own.
    ///
    /// # Panics
    /// Where it fails.
    #[must_use]
    pub fn new(options: &[&str]) -> Option<Maria> {
        let (Some(install), Some(_)) = (program("mariadb-install-db"), program("mariadbd")) else {
            let why = "left out: no mariadbd is installed here (Debian: mariadb-server)";
            let _ = writeln!(std::io::stderr(), "{why}");
            return None;
        };
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let folder = PathBuf::from(said(Command::new("mktemp").args(["-d", "--tmpdir=/tmp"])).trim());
        let mut maria = Maria { options: filled(options, &folder), folder, port, child: None };
        maria.give_away(&maria.folder);
        let arguments =
            ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", SMALL];
        said(Command::new(install).args(arguments).args([maria.data(), maria.temporary()]).args(user()));
        maria.start();
        Some(maria)
    }

    /// One that others can follow.
    ///
    /// # Panics
    /// Where it fails.
    #[must_use]
    pub fn primary() -> Option<Maria> {
        let options = ["--server-id=1", "--log-bin={folder}/log-bin", "--gtid-strict-mode=1"];
        let maria = Maria::new(&[&options[..], &DURABLE].concat())?;
        maria.ask("CREATE USER follower@'%'; GRANT REPLICATION SLAVE ON *.* TO follower@'%'");
        Some(maria)
    }

    /// Another one that follows this from its beginning.
    ///
    /// # Panics
    /// Where it fails.
    #[must_use]
    pub fn replica(&self, number: u32) -> Maria {
        let number = format!("--server-id={number}");
        let options = [number.as_str(), "--log-bin={folder}/log-bin", "--log-slave-updates", "--read-only=1"];
        let replica = Maria::new(&[&options[..], &DURABLE].concat()).expect("it is installed");
        replica.ask(&format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='follower', \
             MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos; START SLAVE",
            self.port
        ));
        replica
    }

    /// A file that only the server may read; its path.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, text).expect("a file");
        self.give_away(&path);
        path
    }

    /// Its URL with a user, an empty password and a database.
    #[must_use]
    pub fn url(&self, user: &str, host: &str, database: &str) -> String {
        format!("mysql://{user}@{host}:{}/{database}", self.port)
    }

    /// Starts it where it was stopped, with other options.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start_with(&mut self, options: &[&str]) {
        self.options = filled(options, &self.folder);
        self.start();
    }

    /// Starts it where it was stopped.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start(&mut self) {
        let log = std::fs::File::create(self.folder.join("log")).expect("a log");
        let mut command = Command::new(program("mariadbd").expect("the program"));
        command.args(["--no-defaults", &self.data(), "--bind-address=127.0.0.1", "--skip-name-resolve"]);
        command.arg(format!("--port={}", self.port)).arg(format!("--socket={}", self.socket()));
        command.args(["--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0", SMALL]).args(user());
        command.arg(self.temporary());
        command.args(&self.options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().expect("a server");
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = child.try_wait().is_ok_and(|ended| ended.is_some());
            if ended || Instant::now() > until {
                let _ = child.kill();
                let said = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                panic!("MariaDB does not start: {said}");
            }
            std::thread::park_timeout(LOOK);
        }
        self.child = Some(child);
    }

    /// Stops it, as by a loss of power.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops it in order, so that it can start with other options.
    ///
    /// # Panics
    /// Where it does not end.
    pub fn shut_down(&mut self) {
        self.ask("SHUTDOWN");
        let ended = self.child.take().is_some_and(|mut child| child.wait().is_ok());
        assert!(ended, "MariaDB does not end");
    }

    /// Runs statements; what they give, one row a line, cells apart by a tab.
    ///
    /// # Panics
    /// Where one fails.
    pub fn ask(&self, sql: &str) -> String {
        let socket = format!("--socket={}", self.socket());
        let client = program("mariadb").expect("the client");
        let arguments = ["--no-defaults", &socket, "-uroot", "-N", "-B", "-e", sql];
        said(Command::new(client).args(arguments)).trim().to_owned()
    }

    fn data(&self) -> String {
        format!("--datadir={}", self.folder.join("data").display())
    }

    /// Its own, for as it starts a server clears away the temporary tables that it finds.
    fn temporary(&self) -> String {
        format!("--tmpdir={}", self.folder.display())
    }

    fn socket(&self) -> String {
        self.folder.join("socket").display().to_string()
    }

    /// Where root runs this, the server is another user's.
    fn give_away(&self, path: &Path) {
        said(Command::new("chmod").arg("u=rwX,go=").arg(path));
        if !user().is_empty() {
            said(Command::new("chown").arg("mysql").arg(path));
        }
    }
}

impl Drop for Maria {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn filled(options: &[&str], folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    options.iter().map(|option| option.replace("{folder}", &folder)).collect()
}

fn program(name: &str) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn user() -> Vec<&'static str> {
    let user = Command::new("id").arg("-u").output().map(|output| output.stdout).unwrap_or_default();
    if user == b"0\n" { vec!["--user=mysql"] } else { Vec::new() }
}

fn said(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("a program that can be run");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {said}", command.get_program().display());
    said
}
