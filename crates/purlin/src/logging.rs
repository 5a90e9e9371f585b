//! The log: for people on a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The variable that says how much is logged: `debug`, `purlin_server=trace,info` …
const VARIABLE: &str = "PURLIN_LOG";

/// Begins to log to standard error; does nothing where the program logs already.
pub(crate) fn start() {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .with_env_var(VARIABLE)
        .from_env_lossy();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let pen = crate::terminal::err();
    let result = if std::io::stderr().is_terminal() {
        builder.with_ansi(pen.colour()).with_target(false).compact().without_time().try_init()
    } else {
        builder
            .with_ansi(false)
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init()
    };
    drop(result);
}
