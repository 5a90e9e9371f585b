//! `purlin check --deploy`: what is no mistake in a site and unsafe in production all the same.
//!
//! Each finding has a name that stays (`PUR-S001`), what was found where, why that matters and how to mend it; the book
//! explains each. What is meant to be so is named in `[deploy] accept`.

mod findings;

use std::path::Path;
use std::sync::Arc;

use purlin_schema::Site;
use purlin_schema::diagnostics::did_you_mean;
use serde_json::json;

use crate::error::{CommandError, Outcome, counted};
use crate::terminal;
pub(super) use findings::CHECKS;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// A stranger gets what is not his, or data can be lost: the command fails.
    Unsafe,
    /// Somebody should look at it once.
    Review,
}

/// One thing that is looked for.
pub(super) struct Check {
    /// Its name.
    pub(super) id: &'static str,
    pub(super) level: Level,
    /// Why it matters.
    pub(super) why: &'static str,
    /// What to do.
    pub(super) mend: &'static str,
    /// Where it is: a file of the site, and what is there.
    pub(super) look: fn(&Looked<'_>) -> Vec<(String, String)>,
}

/// What is looked at.
pub(super) struct Looked<'site> {
    pub(super) site: &'site Arc<Site>,
    /// How the command line names the site.
    pub(super) argument: &'site str,
    /// Whether the models ask for more than the migrations say.
    pub(super) is_unwritten: bool,
}

struct Finding {
    check: &'static Check,
    file: String,
    what: String,
    accepted: bool,
}

/// Looks, tells, and fails where something is unsafe.
pub(super) fn run(site: &Arc<Site>, folder: &Path, warnings: &serde_json::Value, as_json: bool) -> Outcome {
    let argument = super::as_argument(folder);
    let migrations = purlin_store::migrate::read_all(&site.root)?;
    let is_unwritten = purlin_store::migrate::replay_all(&migrations)
        .map(|snapshot| purlin_store::migrate::Wanted::of(&site.models).snapshot != snapshot)?;
    let looked = Looked { site, argument: &argument, is_unwritten };
    let accepted = &site.settings.deploy.accept;
    for name in accepted {
        let id = name.split(':').next().unwrap_or_default();
        if !CHECKS.iter().any(|check| check.id == id) {
            let ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
            let error = CommandError::new(format_args!(
                "site.toml: `deploy.accept` names {name}, which is nothing that is looked for"
            ));
            return Err(match did_you_mean(id, ids) {
                Some(near) => error.hint(format_args!("did you mean {near}?")),
                None => error,
            });
        }
    }
    let mut found: Vec<Finding> = Vec::new();
    for check in CHECKS {
        for (file, what) in (check.look)(&looked) {
            let accepted =
                accepted.iter().any(|name| name == check.id || *name == format!("{}:{file}", check.id));
            found.push(Finding { check, file, what, accepted });
        }
    }
    if as_json {
        tell_json(warnings, &found);
    } else {
        tell(&found);
    }
    let counts = |level| found.iter().filter(|one| !one.accepted && one.check.level == level).count();
    if counts(Level::Unsafe) > 0 { Err(CommandError::Told) } else { Ok(()) }
}

fn tell(found: &[Finding]) {
    let pen = terminal::out();
    for Finding { check, file, what, .. } in found.iter().filter(|one| !one.accepted) {
        let level = match check.level {
            Level::Unsafe => pen.bad("unsafe"),
            Level::Review => pen.warn("look"),
        };
        pen.line(format_args!("{level} {} {file}: {what}", check.id));
        pen.line(format_args!("    why: {}\n   mend: {}", check.why, check.mend));
    }
    let left = |level| found.iter().filter(|one| !one.accepted && one.check.level == level).count();
    let accepted = found.iter().filter(|one| one.accepted).count();
    let accepted = if accepted > 0 { format!("; {accepted} accepted") } else { String::new() };
    match (left(Level::Unsafe), left(Level::Review)) {
        (0, 0) => pen.line(format_args!("Nothing that needs a look before the site goes out{accepted}.")),
        (bad, look) => {
            pen.line(format_args!("{bad} unsafe, {} to look at{accepted}", counted(look, "thing")));
        }
    }
}

fn tell_json(warnings: &serde_json::Value, found: &[Finding]) {
    let findings = found.iter().map(|Finding { check, file, what, accepted }| {
        json!({
            "id": check.id,
            "level": if check.level == Level::Unsafe { "unsafe" } else { "review" },
            "file": file,
            "message": what,
            "why": check.why,
            "mend": check.mend,
            "accepted": accepted,
        })
    });
    let all = json!({ "mistakes": warnings, "findings": findings.collect::<Vec<_>>() });
    terminal::out().line(serde_json::to_string_pretty(&all).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_in_the_book_and_none_is_there_twice() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/book/16-going-out.md");
        let book = std::fs::read_to_string(path).expect("the chapter is there");
        for (at, check) in CHECKS.iter().enumerate() {
            assert!(book.contains(&format!("### {}", check.id)), "{} is not in the book", check.id);
            assert!(CHECKS[..at].iter().all(|other| other.id != check.id), "{} is there twice", check.id);
        }
        let told = book.lines().filter(|line| line.starts_with("### PUR-S")).count();
        assert_eq!(told, CHECKS.len(), "the book explains what is not looked for");
    }
}
