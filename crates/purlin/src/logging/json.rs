//! A line an event as JSON, for programs: the time, the level, the event's fields, its target.
//!
//! Every request has a line. Written by `tracing-subscriber`'s own format it cost a quarter of a small request, most of
//! it in formatting through several layers; here each value goes straight into the line.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use purlin_schema::Value;
use purlin_schema::value::{write_json, write_json_string};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// What most lines need.
const LINE_BYTES: usize = 512;

/// Writes events as JSON.
pub(super) struct ForPrograms;

impl<S, N> FormatEvent<S, N> for ForPrograms
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
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = line(i64::try_from(now.as_micros()).unwrap_or_default(), event);
        writer.write_str(std::str::from_utf8(&line).map_err(|_| fmt::Error)?)
    }
}

fn line(now: i64, event: &Event<'_>) -> Vec<u8> {
    let mut line = Line(Vec::with_capacity(LINE_BYTES));
    line.0.extend_from_slice(b"{\"timestamp\":");
    write_json(&Value::Datetime(now), false, &mut line.0);
    line.text("level", event.metadata().level().as_str());
    event.record(&mut line);
    line.text("target", event.metadata().target());
    line.0.extend_from_slice(b"}\n");
    line.0
}

/// A line, and into it the fields of an event.
struct Line(Vec<u8>);

impl Line {
    fn name(&mut self, name: &str) {
        self.0.push(b',');
        write_json_string(name, &mut self.0);
        self.0.push(b':');
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        write_json_string(text, &mut self.0);
    }

    fn value(&mut self, field: &Field, value: &Value) {
        self.name(field.name());
        write_json(value, false, &mut self.0);
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field, &Value::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field, &Value::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.value(field, &Value::Float(value));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn attack_16_a_line_is_one_object_whatever_is_in_it() {
        let kept = Kept::default();
        let writer = kept.clone();
        let builder = tracing_subscriber::fmt().with_writer(move || writer.clone());
        let subscriber = builder.with_ansi(false).event_format(ForPrograms).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(
                target: "purlin::access",
                path = "/\"\n\u{1b}[31m",
                status = 200_u16,
                size_bytes = Option::<u64>::None,
                share = 0.5,
                slow = true,
                most = u64::MAX,
                error = %"two\nlines",
                "a {}", "message"
            );
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.len() == 27, "{time}");
        let rest = line.as_object().unwrap().iter().skip(1);
        let rest: serde_json::Map<_, _> = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
        assert_eq!(
            serde_json::Value::Object(rest),
            serde_json::json!({
                "level": "INFO",
                "message": "a message",
                "path": "/\"\n\u{1b}[31m",
                "status": 200,
                "share": 0.5,
                "slow": true,
                "most": u64::MAX.to_string(),
                "error": "two\nlines",
                "target": "purlin::access",
            })
        );
    }
}
