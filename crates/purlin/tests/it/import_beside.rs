//! `purlin import` into tables that others made: by the rules of both, and never twice.

use std::path::PathBuf;

use purlin_store::testing::{Fresh, rows_of_file, run_in_file};

use crate::site::{Run, Site};

const TABLES: &[&str] = &[
    "CREATE TABLE team (id KEY, name varchar(20) NOT NULL UNIQUE)",
    "CREATE TABLE person (id KEY, email varchar(40) NOT NULL UNIQUE, name varchar(80) NOT NULL, team_id int, joined date, \
     salary numeric(10,2) NOT NULL DEFAULT 1000, FOREIGN KEY (team_id) REFERENCES team (id), CHECK (salary > 0))",
    "CREATE TABLE line (order_no int NOT NULL, line_no int NOT NULL, what varchar(40) NOT NULL, PRIMARY KEY (order_no, line_no))",
    "CREATE TABLE entry (id KEY, said varchar(40) NOT NULL)",
    "INSERT INTO team (name) VALUES ('Core')",
];

/// What others have, on each database that answers.
enum Theirs {
    File(tempfile::TempDir),
    Server(Fresh),
}

impl Theirs {
    fn everywhere() -> Vec<Theirs> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = std::iter::once(Theirs::File(folder));
        let all: Vec<Theirs> = file.chain(Fresh::on_servers().into_iter().map(Theirs::Server)).collect();
        for theirs in &all {
            let key = match theirs {
                Theirs::File(_) => "INTEGER PRIMARY KEY",
                Theirs::Server(fresh) if fresh.is_postgres() => "serial PRIMARY KEY",
                Theirs::Server(_) => "int AUTO_INCREMENT PRIMARY KEY",
            };
            TABLES.iter().for_each(|sql| theirs.run(&sql.replace("KEY,", &format!("{key},"))));
        }
        all
    }

    fn place(folder: &tempfile::TempDir) -> PathBuf {
        folder.path().join("shop.db")
    }

    fn run(&self, sql: &str) {
        match self {
            Theirs::File(folder) => run_in_file(&Theirs::place(folder), sql),
            Theirs::Server(fresh) => fresh.run_within(sql),
        }
    }

    /// What plain SQL says, a row a line.
    fn rows(&self, sql: &str) -> Vec<String> {
        let rows = match self {
            Theirs::File(folder) => rows_of_file(&Theirs::place(folder), sql),
            Theirs::Server(fresh) => fresh.rows(sql),
        };
        let text = |row: Vec<Option<String>>| {
            let cells: Vec<String> = row.into_iter().map(|cell| cell.unwrap_or("-".to_owned())).collect();
            cells.join("|")
        };
        rows.into_iter().map(text).collect()
    }

    /// A site over them, whose own tables are there.
    fn site(&self) -> Site {
        let url = match self {
            Theirs::File(folder) => format!("sqlite:{}", Theirs::place(folder).display()),
            Theirs::Server(fresh) => fresh.url.clone(),
        };
        let site = Site::empty();
        site.done(&["inspect", &url, "--into", "."]);
        drop(site.start("dev"));
        site
    }
}

fn refused(site: &Site, arguments: &[&str]) -> Run {
    let run = site.run(arguments);
    assert_eq!(run.code, 1, "{arguments:?}: {}", run.err);
    run
}

/// The only journal of a site.
fn journal(site: &Site) -> PathBuf {
    let files = std::fs::read_dir(site.path().join("data/imports")).expect("journals").flatten();
    let mut found =
        files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "json"));
    found.next().expect("a journal")
}

#[test]
fn rows_come_into_tables_of_others_by_the_rules_of_both() {
    for theirs in Theirs::everywhere() {
        let site = theirs.site();
        site.write(
            "rows.ndjson",
            "{\"email\":\"a@x.org\",\"name\":\"Ann\",\"team\":\"Core\",\"joined\":\"2020-02-29\",\"salary\":\"1234.50\"}\n\
             {\"email\":\"b@x.org\",\"name\":\"Bo 🎵\",\"team\":\"New\"}\n\
             {\"email\":\"c@x.org\",\"name\":\"Cy\",\"salary\":\"-1\"}\n\
             {\"email\":\"a@x.org\",\"name\":\"Again\"}\n\
             {\"email\":\"d@x.org\",\"name\":\"Di\",\"joined\":\"nonsense\"}\n\
             {\"email\":\"f@x.org\",\"name\":\"Fo\"}\n",
        );
        let import = ["import", "person", "rows.ndjson", "--link", "team.name"];
        refused(&site, &[&import[..], &["--dry-run"]].concat());
        assert_eq!(theirs.rows("SELECT count(*) FROM person"), ["0"], "nothing was written");
        let run = refused(&site, &import);
        for told in
            ["line 3: ", "line 4: `email` is already taken", "line 5: `joined` is not a date", "1 new team"]
        {
            assert!(run.err.contains(told), "{told}: {}", run.err);
        }
        assert!(run.err.contains("6 rows into person: 3 created, 3 refused"), "{}", run.err);
        let people = "SELECT email, p.name, t.name, joined, salary FROM person p LEFT JOIN team t ON t.id = team_id ORDER BY email";
        let text = |row: &str| match theirs {
            // A number, as it keeps them.
            Theirs::File(_) => row.replace("1234.50", "1234.5").replace("1000.00", "1000"),
            Theirs::Server(_) => row.to_owned(),
        };
        let rows =
            ["a@x.org|Ann|Core|2020-02-29|1234.50", "b@x.org|Bo 🎵|New|-|1000.00", "f@x.org|Fo|-|-|1000.00"];
        assert_eq!(theirs.rows(people), rows.map(text));

        site.write("more.csv", "email,name,salary\na@x.org,Anna,\ng@x.org,Gil,7\n");
        let run = site.done(&["import", "person", "more.csv", "--key", "email", "--skip", "salary"]);
        assert!(run.err.contains("1 created, 1 updated"), "{}", run.err);
        assert_eq!(theirs.rows("SELECT name FROM person ORDER BY email"), ["Anna", "Bo 🎵", "Fo", "Gil"]);

        // A key of several columns.
        site.write("lines.csv", "order_no,line_no,what\n1,1,bolt\n1,2,nut\n1,1,again\n2,1,nail\n");
        let run = refused(&site, &["import", "line", "lines.csv"]);
        assert!(run.err.contains("line 4: `order_no` is already taken"), "{}", run.err);
        let run = site.done(&["import", "line", "lines.csv", "--key", "order_no,line_no"]);
        assert!(run.err.contains("4 rows into line: 4 updated"), "{}", run.err);
        assert_eq!(theirs.rows("SELECT what FROM line ORDER BY order_no, line_no"), ["again", "nut", "nail"]);
    }
}

/// Their tables do not say by which run a row was written: where nothing else tells, nothing is guessed.
#[test]
fn a_batch_of_which_nobody_knows_is_not_written_twice() {
    for theirs in Theirs::everywhere() {
        let site = theirs.site();
        site.write("entries.csv", "said\none\ntwo\nthree\n");
        site.done(&["import", "entry", "entries.csv"]);
        let pending =
            "{\"done\":1,\"pending\":{\"done\":3,\"id\":null,\"now\":1700000000000000},\"finished\":false}";
        std::fs::write(journal(&site), pending).expect("a journal");
        let run = refused(&site, &["import", "entry", "entries.csv", "--resume"]);
        assert!(run.err.contains("whether the rows 2 to 3 were written is not known"), "{}", run.err);
        assert_eq!(theirs.rows("SELECT count(*) FROM entry"), ["3"], "nothing was written");

        // A key tells.
        site.write("lines.csv", "order_no,line_no,what\n1,1,bolt\n1,2,nut\n");
        let import = ["import", "line", "lines.csv", "--key", "order_no,line_no"];
        std::fs::remove_file(journal(&site)).expect("a journal");
        site.done(&import);
        std::fs::write(
            journal(&site),
            pending.replace("\"done\":1,", "\"done\":0,").replace("\"done\":3", "\"done\":2"),
        )
        .expect("a journal");
        let run = site.done(&[&import[..], &["--resume"]].concat());
        assert!(run.err.contains("2 rows into line: 2 updated"), "{}", run.err);
        assert_eq!(theirs.rows("SELECT what FROM line ORDER BY line_no"), ["bolt", "nut"]);
    }
}
