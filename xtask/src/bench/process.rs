//! A server's process: started, asked of the kernel what it uses, and ended.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;

/// The kernel counts CPU time for `/proc` in hundredths of a second, on every Linux there is (`USER_HZ`).
const MICROS_PER_TICK: u64 = 10_000;

/// How often something is looked at that will be there in a moment.
const POLL: Duration = Duration::from_micros(500);

/// A running server, ended when this is dropped.
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts a command, with what it says in the file `log`.
    pub(super) fn start(command: &mut Command, log: &Path) -> Outcome<Process> {
        let log = File::create(log)?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Process { child: child.map_err(|error| format!("{command:?}: {error}"))? })
    }

    /// Waits until `ready` says so; gives up when the process ends or the time is over.
    pub(super) fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Outcome {
        let start = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the server ended with {status}").into());
            }
            if start.elapsed() > limit {
                return Err(format!("no answer within {} s", limit.as_secs()).into());
            }
            pause();
        }
        Ok(())
    }

    /// CPU time used so far by all its threads, in user and kernel mode.
    pub(super) fn cpu_micros(&self) -> Outcome<u64> {
        let stat = self.proc_file("stat")?;
        // The second field is the program's name in brackets, which may hold anything.
        let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat has no name")?;
        let mut fields = fields.split_ascii_whitespace().skip(11);
        let mut ticks = || fields.next().and_then(|field| field.parse::<u64>().ok());
        let (user, system) = ticks().zip(ticks()).ok_or("/proc/PID/stat has no times")?;
        Ok((user + system) * MICROS_PER_TICK)
    }

    /// Memory resident now.
    pub(super) fn resident_bytes(&self) -> Outcome<u64> {
        let status = self.proc_file("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kilobytes.ok_or("/proc/PID/status has no VmRSS")?.parse::<u64>()? * 1024)
    }

    fn proc_file(&self, name: &str) -> Outcome<String> {
        Ok(std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id()))?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Where it has ended already, both fail, and that is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end within a time, with `input` on its standard input. What it says is shown if it fails.
pub(super) fn complete(command: &mut Command, input: &str, limit: Duration) -> Outcome {
    use std::io::Write;
    let shown = format!("{command:?}");
    let wrong = |what: &dyn std::fmt::Display| format!("{shown}: {what}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| wrong(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its input may close it.
        let _ = stdin.write_all(input.as_bytes());
    }
    let mut process = Process { child };
    let start = Instant::now();
    loop {
        match process.child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(wrong(&status).into()),
            None if start.elapsed() > limit => return Err(wrong(&"took too long").into()),
            None => pause(),
        }
    }
}

/// Lets some time pass before another process is looked at again: a process says nothing by itself.
fn pause() {
    rest(POLL);
}

/// Lets time pass.
#[expect(clippy::disallowed_methods, reason = "another process can only be polled")]
pub(crate) fn rest(time: Duration) {
    std::thread::sleep(time);
}
