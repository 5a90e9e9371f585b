//! PgBouncer of a test's own: in transaction mode, with few connections to the server.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::cluster::{command, run_program};

/// How long it may take until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A pooler that runs, until it is dropped.
pub struct Bouncer {
    folder: PathBuf,
    port: u16,
    child: Child,
}

impl Bouncer {
    /// One before the PostgreSQL of a URL, with so many connections to it and further settings, one a line; nothing, and a
    /// word on the terminal, where it is not installed.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn before(url: &str, mode: &str, connections: usize, settings: &str) -> Option<Bouncer> {
        let program = Path::new("/usr/sbin/pgbouncer");
        if !program.is_file() {
            let _ =
                writeln!(std::io::stderr(), "left out: no pgbouncer is installed here (Debian: pgbouncer)");
            return None;
        }
        let (_, address) = url.split_once('@').expect("a user in the URL");
        let (address, _) = address.split_once('/').expect("a database in the URL");
        let (host, port_there) = address.split_once(':').expect("a port in the URL");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let folder = PathBuf::from(run_program(Path::new("mktemp"), &["-d", "--tmpdir=/tmp"]).trim());
        let file = folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={port_there} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n\
             default_pool_size = {connections}\nmax_client_conn = 200\n{settings}\n"
        );
        let mut write = command(Path::new("sh"))
            .args(["-c", "cat > \"$1\"", "sh"])
            .arg(&file)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a program that can be run");
        write.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it is read");
        assert!(write.wait().is_ok_and(|status| status.success()), "{} cannot be written", file.display());
        let mut child = run_as_postgres(program)
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pgbouncer");
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = child.try_wait().is_ok_and(|ended| ended.is_some());
            assert!(!ended && Instant::now() < until, "pgbouncer does not start: {text}");
            std::thread::park_timeout(LOOK);
        }
        Some(Bouncer { folder, port, child })
    }

    /// The same database through it.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let (_, database) = url.split('?').next().and_then(|url| url.rsplit_once('/')).expect("a database");
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = command(Path::new("rm")).arg("-r").arg(&self.folder).output();
    }
}

/// It refuses to be run by root. The process becomes it, so that ending that ends it.
fn run_as_postgres(program: &Path) -> Command {
    let user = Command::new("id").arg("-u").output().map(|output| output.stdout).unwrap_or_default();
    if user != b"0\n" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
    command.current_dir("/tmp");
    command
}
