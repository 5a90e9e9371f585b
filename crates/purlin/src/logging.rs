//! The log: for people on a terminal, JSON otherwise.

use std::fmt::{self, Write as _};
use std::io::IsTerminal;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use self::json::ForPrograms;
use crate::lines::{self, Lines};
use crate::terminal::{self, Pen};

mod json;

/// The variable that says how much is logged: `debug`, `purlin_server=trace,info` …
const VARIABLE: &str = "PURLIN_LOG";

/// Begins to log to standard error; does nothing where the program logs already.
pub(crate) fn start() {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .with_env_var(VARIABLE)
        .from_env_lossy();
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let result = if std::io::stderr().is_terminal() || lines::start().is_err() {
        builder.with_writer(std::io::stderr).event_format(ForPeople(terminal::err())).try_init()
    } else {
        builder.with_writer(|| Lines).with_ansi(false).event_format(ForPrograms).try_init()
    };
    drop(result);
}

/// What is said about how much is logged, where something is.
#[expect(clippy::disallowed_methods, reason = "the log begins before a site's settings are read")]
pub(crate) fn asked() -> Option<String> {
    std::env::var(VARIABLE).ok()
}

/// A line an event, with what a person looks for: `200 GET /posts 1.2 ms`.
struct ForPeople(Pen);

impl<S, N> FormatEvent<S, N> for ForPeople
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let is_access = event.metadata().target() == "purlin::access";
        let line =
            if is_access { access(self.0, &seen) } else { other(self.0, event.metadata().level(), &seen) };
        match line {
            Some(line) => writeln!(writer, "{line}"),
            None => Ok(()),
        }
    }
}

/// The fields of an event as text, printable whatever they hold.
#[derive(Default)]
struct Seen(Vec<(&'static str, String)>);

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), printable(&format!("{value:?}"))));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), printable(value)));
    }
}

impl Seen {
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }
}

/// A request; what pages under `dev` ask for by themselves is left out.
fn access(pen: Pen, seen: &Seen) -> Option<String> {
    let path = seen.get("path");
    if path.starts_with("/_purlin/") {
        return None;
    }
    let status = seen.get("status");
    let status = match status.as_bytes().first() {
        Some(b'5') => pen.bad(status),
        Some(b'4') => pen.warn(status),
        _ => pen.good(status),
    };
    let micros: f64 = seen.get("duration_us").parse().unwrap_or_default();
    let time = pen.dim(format_args!("{:.1} ms", micros / 1_000.0));
    Some(format!("{status} {} {path} {time}", seen.get("method")))
}

fn other(pen: Pen, level: &Level, seen: &Seen) -> Option<String> {
    let mut line = match *level {
        Level::ERROR => format!("{} ", pen.bad("error:")),
        Level::WARN => format!("{} ", pen.warn("warning:")),
        _ => String::new(),
    };
    line.push_str(seen.get("message"));
    for (name, value) in seen.0.iter().filter(|(name, _)| *name != "message") {
        write!(line, " {}{value}", pen.dim(format_args!("{name}="))).ok()?;
    }
    Some(line)
}

/// Text that cannot steer the terminal.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            character if character.is_control() => shown.extend(character.escape_default()),
            character => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Pen {
        Pen::plain()
    }

    #[test]
    fn a_request_is_a_short_line() {
        let seen = Seen(
            [
                ("method", "GET"),
                ("path", "/posts"),
                ("status", "200"),
                ("duration_us", "1234"),
                ("agent", "x"),
            ]
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec(),
        );
        assert_eq!(access(plain(), &seen).as_deref(), Some("200 GET /posts 1.2 ms"));
        let own = Seen(vec![("path", "/_purlin/live".to_owned())]);
        assert_eq!(access(plain(), &own), None);
    }

    #[test]
    fn nothing_that_is_logged_steers_the_terminal() {
        let seen = Seen(vec![("message", printable("bad \x1b[31m\u{9b}")), ("at", "x".to_owned())]);
        assert_eq!(
            other(plain(), &Level::WARN, &seen).as_deref(),
            Some("warning: bad \\u{1b}[31m\\u{9b} at=x")
        );
    }
}
