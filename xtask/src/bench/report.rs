//! The numbers as a Markdown table.

use std::fmt::Write;
use std::path::Path;

use super::options::Database;
use super::workloads::Workload;
use crate::Outcome;

const END: &str = "<!-- /bench -->";

/// What stands before a database's table in the document.
fn begin(database: Database) -> &'static str {
    match database {
        Database::Sqlite => "<!-- bench: written by `cargo xtask bench --write` -->",
        Database::Postgres => "<!-- bench: written by `cargo xtask bench --database postgres --write` -->",
    }
}

/// One server under one workload in one round.
#[derive(Clone)]
pub(super) struct Measure {
    pub(super) cpu_us: f64,
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Of an answer's body, on average: where the servers differ here, they do not do the same.
    pub(super) bytes: f64,
}

/// What a server takes beside its work.
pub(super) struct Standing {
    pub(super) start_ms: f64,
    pub(super) idle_bytes: u64,
    pub(super) loaded_bytes: u64,
}

/// Everything that was measured. The first server is measured against the second.
pub(super) struct Report<'a> {
    pub(super) database: Database,
    pub(super) names: Vec<&'static str>,
    /// By workload, the rounds of each server.
    pub(super) rows: Vec<(&'a Workload, Vec<Vec<Measure>>)>,
    pub(super) standings: Vec<Standing>,
}

impl Report<'_> {
    #[expect(clippy::print_stdout, reason = "the table is what the command is for")]
    pub(super) fn print(&self) {
        println!("\n{}", self.markdown());
    }

    /// Puts the table between the markers in a document.
    pub(super) fn write(&self, document: &Path) -> Outcome {
        let text = std::fs::read_to_string(document)?;
        let begin = begin(self.database);
        let missing = || format!("{} has no markers {begin} and {END}", document.display());
        let (before, rest) = text.split_once(begin).ok_or_else(missing)?;
        let (_, after) = rest.split_once(END).ok_or_else(missing)?;
        std::fs::write(document, format!("{before}{begin}\n\n{}\n{END}{after}", self.markdown()))?;
        Ok(())
    }

    fn markdown(&self) -> String {
        let (one, other) = (self.names[0], self.names[1]);
        let mut out = format!(
            "| CPU µs a request | {one} | {other} | ratio | req/s | | p50 / p99 ms | | bytes | |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        );
        for (workload, rounds) in &self.rows {
            // A ratio within a round, then the median: what slows the machine for a while slows both.
            let ratios: Vec<f64> =
                rounds[0].iter().zip(&rounds[1]).map(|(a, b)| a.cpu_us / b.cpu_us).collect();
            let middle = |which: usize, of: fn(&Measure) -> f64| {
                median(&rounds[which].iter().map(of).collect::<Vec<_>>())
            };
            let _ = write!(out, "| {} ", workload.title);
            let _ = write!(out, "| {:.1} | {:.1} ", middle(0, |m| m.cpu_us), middle(1, |m| m.cpu_us));
            let _ = write!(out, "| **{:.2}** ", median(&ratios));
            for which in 0..2 {
                let _ = write!(out, "| {:.0} ", middle(which, |m| m.per_second));
            }
            for which in 0..2 {
                let _ =
                    write!(out, "| {:.2} / {:.2} ", middle(which, |m| m.p50_ms), middle(which, |m| m.p99_ms));
            }
            let _ = writeln!(out, "| {:.0} | {:.0} |", middle(0, |m| m.bytes), middle(1, |m| m.bytes));
        }
        let _ = write!(out, "\n| | {one} | {other} |\n|---|--:|--:|\n");
        let [first, second] = &self.standings[..] else { return out };
        let mebibytes = |bytes: u64| bytes as f64 / (1 << 20) as f64;
        let mut line = |title: &str, of: &dyn Fn(&Standing) -> f64| {
            let _ = writeln!(out, "| {title} | {:.1} | {:.1} |", of(first), of(second));
        };
        line("memory when idle, MiB", &|standing| mebibytes(standing.idle_bytes));
        line("memory after the load, MiB", &|standing| mebibytes(standing.loaded_bytes));
        line("start to first answer, ms", &|standing| standing.start_ms);
        out
    }
}

/// Says what goes on, apart from the table.
#[expect(clippy::print_stderr, reason = "a command speaks to its terminal")]
pub(super) fn progress(message: &str) {
    eprintln!("{message}");
}

/// The middle one, or the mean of the two; nothing has no middle.
pub(super) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::workloads::WORKLOADS;
    use super::*;

    fn measure(cpu_us: f64) -> Measure {
        Measure { cpu_us, per_second: 1000.0, p50_ms: 0.5, p99_ms: 2.0, bytes: 10.0 }
    }

    fn report() -> Report<'static> {
        let rounds = vec![
            vec![measure(30.0), measure(90.0), measure(22.0)],
            vec![measure(20.0), measure(60.0), measure(20.0)],
        ];
        let standing = |start_ms| Standing { start_ms, idle_bytes: 1 << 20, loaded_bytes: 3 << 19 };
        let standings = vec![standing(12.0), standing(9.0)];
        let (names, rows) = (vec!["Purlin", "ceiling"], vec![(&WORKLOADS[0], rounds)]);
        Report { database: Database::Postgres, names, rows, standings }
    }

    #[test]
    fn a_slow_round_changes_no_ratio() {
        let table = report().markdown();
        let row = "| one record as JSON | 30.0 | 20.0 | **1.50** | 1000 | 1000 | 0.50 / 2.00 | 0.50 / 2.00 | 10 | 10 |";
        assert!(table.contains(row), "{table}");
        assert!(table.contains("| memory after the load, MiB | 1.5 | 1.5 |"), "{table}");
    }

    #[test]
    fn writing_replaces_what_is_between_the_markers() {
        let document = std::env::temp_dir().join(format!("purlin-bench-report-{}.md", std::process::id()));
        let (first, begin) = (begin(Database::Sqlite), begin(Database::Postgres));
        let old = format!("before\n{first}\nother\n{END}\n{begin}\nold\n{END}\nafter\n");
        std::fs::write(&document, old).unwrap();
        report().write(&document).unwrap();
        report().write(&document).unwrap();
        let text = std::fs::read_to_string(&document).unwrap();
        std::fs::write(&document, "no markers").unwrap();
        let refused = report().write(&document);
        std::fs::remove_file(&document).unwrap();
        let new = report().markdown();
        let wanted = format!("before\n{first}\nother\n{END}\n{begin}\n\n{new}\n{END}\nafter\n");
        assert_eq!(text, wanted, "the other table stays");
        assert!(refused.unwrap_err().to_string().contains("has no markers"));
    }
}
