//! Plans as text, as SQL and as a file, for every operation: `plans/*.txt` hold two pictures and what leads
//! from one to the other. `UPDATE_GOLDEN=1 cargo test -p purlin-store` writes them anew.

use std::fs;
use std::path::Path;

use purlin_store::migrate::{Flavour, MigrationFile, MigrationPlan};

use super::support::{picture, wanted};

#[test]
fn plans_are_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/migrate/plans");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut operations = Vec::new();
    let mut wrong = Vec::new();
    let mut paths: Vec<_> =
        fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a case");
        let (before, rest) = text
            .strip_prefix("---- before\n")
            .and_then(|t| t.split_once("---- after\n"))
            .expect("two pictures");
        let after = rest.split("---- plan\n").next().expect("the second picture");
        let plan = MigrationPlan::between(&picture(before), &wanted(after)).expect("a way");
        let file = MigrationFile::new(2, "case", plan.operations.clone()).expect("a name");
        let now = format!(
            "---- before\n{before}---- after\n{after}---- plan\n{plan}---- sqlite\n{}---- postgres\n{}---- mysql\n{}---- file\n{}",
            plan.sql(Flavour::Sqlite).expect("SQL"),
            plan.sql(Flavour::Postgres).expect("SQL"),
            plan.sql(Flavour::MySql).expect("SQL"),
            file.to_toml()
        );
        operations.extend(plan.operations.iter().map(name));
        let again = MigrationFile::parse(2, "case", &file.path, &file.to_toml()).expect("it reads back");
        assert_eq!((again.operations, again.checksum), (file.operations, file.checksum));
        if update {
            fs::write(&path, now).expect("the case is written");
        } else if now != text {
            wrong.push(format!("{}:\n{now}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "these plans are not as written:\n{}", wrong.join("\n"));
    operations.sort();
    operations.dedup();
    assert_eq!(operations.len(), 18, "every operation has a case: {operations:?}");
}

fn name(operation: &purlin_store::migrate::Operation) -> String {
    serde_json::to_value(operation).expect("it is data")["op"].as_str().expect("it has a name").to_owned()
}
