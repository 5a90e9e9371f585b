//! `purlin secrets`, and that nothing which is secret is ever printed.

use crate::site::{Run, Site};

#[test]
fn a_secret_is_kept_encrypted_and_used() {
    let site = Site::new("blank");
    let toml = "[site]\nurl = \"https://example.com\"\n[mail]\nfrom = \"a@example.com\"\nurl = \"smtp://127.0.0.1:1\"\nuser = \"u\"\n\
                password = { secret = \"smtp\" }\n";
    site.write("site.toml", toml);
    let unset = site.run(&["check"]);
    assert_eq!(unset.code, 1);
    assert!(
        unset.err.contains("purlin secrets set smtp") && unset.err.contains("site.toml:7:23"),
        "{}",
        unset.err
    );
    let set = site.run_with(&["secrets", "set", "smtp", "--stdin"], "hunter2\n");
    assert_eq!(set.code, 0, "{}", set.err);
    assert!(set.out.contains("data/secrets.key"), "{}", set.out);
    site.done(&["check"]);
    assert_eq!(site.done(&["secrets", "list"]).out, "smtp\n");
    let kept = site.read("secrets.toml");
    assert!(kept.contains("smtp = \"") && !kept.contains("hunter2"), "{kept}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode =
            |path: &str| std::fs::metadata(site.path().join(path)).expect("a file").permissions().mode();
        assert_eq!(mode("data/secrets.key") & 0o777, 0o600);
        assert_eq!(mode("secrets.toml") & 0o044, 0o044, "whoever serves the site reads it");
    }
    // A second one takes the key that is there; another key takes the place of it in both.
    let key = site.read("data/secrets.key");
    assert_eq!(site.run_with(&["secrets", "set", "other", "--stdin"], "x").code, 0);
    assert_eq!(site.read("data/secrets.key"), key);
    site.done(&["secrets", "rekey"]);
    assert_ne!(site.read("data/secrets.key"), key);
    site.done(&["check"]);
    // Elsewhere, as in a commit on another machine: the key is not there, or another.
    std::fs::remove_file(site.path().join("data/secrets.key")).expect("it was there");
    let locked = site.run(&["check"]);
    assert!(
        locked.err.contains("there is no key") && locked.err.contains("PURLIN_SECRETS_KEY"),
        "{}",
        locked.err
    );
    site.write("data/secrets.key", &key);
    let locked = site.run(&["check"]);
    assert!(locked.err.contains("encrypted with another key"), "{}", locked.err);
    assert_eq!(site.run_with(&["secrets", "set", "third", "--stdin"], "x").code, 1);
    site.done(&["secrets", "remove", "smtp"]);
    assert_eq!(site.done(&["secrets", "list"]).out, "other\n");
    assert_eq!(site.run(&["secrets", "remove", "smtp"]).code, 1);
    assert_eq!(site.run_with(&["secrets", "set", "no name", "--stdin"], "x").code, 2);
    assert_eq!(site.run_with(&["secrets", "set", "empty", "--stdin"], "\n").code, 1);
}

#[test]
fn what_the_old_signing_key_signed_is_believed_after_a_rotation() {
    let site = Site::new("blog");
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    site.done(&["seed"]);
    let first = site.start("serve");
    let cursor = first.get("/api/posts?per_page=1").json()["next"].as_str().expect("a cursor").to_owned();
    let path = format!("/api/posts?per_page=1&cursor={cursor}");
    let page = first.get(&path);
    assert_eq!(page.status, 200);
    assert_eq!(first.stop(), 0);
    site.done(&["secrets", "rotate"]);
    let second = site.start("serve");
    assert_eq!(second.get(&path).json()["items"], page.json()["items"]);
    assert_eq!(second.stop(), 0);
    site.done(&["secrets", "rotate", "--days", "0"]);
    std::fs::remove_file(site.path().join("data/secret.old")).expect("it is there");
    assert_eq!(site.start("serve").get(&path).status, 400, "nobody believes it any more");
}

#[test]
fn keys_of_statements_are_replaced_with_the_signing_key_and_published_beside_it() {
    let site = Site::new("blank");
    site.write(
        "site.toml",
        "[site]\nurl = \"http://127.0.0.1:8080\"\n[server]\nhosts = [\"127.0.0.1\"]\n\
         [accounts.jwt]\naudience = \"https://app.example\"\n",
    );
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    let names = || -> Vec<String> {
        let server = site.start("serve");
        let keys = server.get("/.well-known/jwks.json").json();
        assert_eq!(server.stop(), 0);
        let keys = keys["keys"].as_array().expect("a list").clone();
        keys.iter().map(|key| key["kid"].as_str().expect("a name").to_owned()).collect()
    };
    let first = names();
    assert_eq!((first.len(), names()), (1, first.clone()), "they are kept");
    site.done(&["secrets", "rotate"]);
    let both = names();
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    assert_ne!(both[0], first[0]);
}

/// What stands in each place where a secret may stand; no command may print any of them.
const CANARIES: &[&str] =
    &["canary-db", "canary-vault", "canary-env", "canary-dotenv", "canary-signing-key-0123456789abcdef"];

#[track_caller]
fn assert_silent(what: &str, run: &Run) {
    for canary in CANARIES {
        assert!(!run.out.contains(canary) && !run.err.contains(canary), "{what}: {}{}", run.out, run.err);
    }
}

#[test]
fn no_command_prints_a_secret() {
    let site = Site::new("blank");
    let set = site.run_with(&["secrets", "set", "vault", "--stdin"], "canary-vault");
    assert_silent("secrets set", &set);
    site.write(".env", "PURLIN_MAIL_USER=canary-dotenv\nPURLIN_MAIL_PASWORD=canary-dotenv\n");
    let toml = |database: &str| {
        format!(
            "[server]\nsigning_key = \"canary-signing-key-0123456789abcdef\"\n[database]\nurl = \"{database}\"\n\
             pool_timeout = \"1s\"\n[mail]\npassword = {{ secret = \"vault\" }}\n"
        )
    };
    let refused = [
        "postgres://u:canary-db@127.0.0.1:1/db",
        "mysql://u:canary-db@127.0.0.1:1/db",
        "postgres://u:canary-db@127.0.0.1:1/db?sslmode=never",
        "postgres://u:canary-db@@@[::1/db",
        "mysql://u:canary-db@",
        "oracle://u:canary-db@host/db",
    ];
    let run = |arguments: &[&str]| assert_silent(&format!("{arguments:?}"), &site.run(arguments));
    for database in refused {
        site.write("site.toml", &toml(database));
        run(&["check"]);
        run(&["check", "--json"]);
        // The slip in `.env` is told without its value, and then mended.
        site.write(".env", "PURLIN_MAIL_USER=canary-dotenv\n");
        run(&["check", "--deploy"]);
        run(&["routes"]);
        run(&["migrate", "status"]);
        run(&["migrate", "plan"]);
        run(&["migrate", "apply"]);
        run(&["serve", "--listen", "127.0.0.1:0"]);
        run(&["user", "list"]);
        run(&["query", "users"]);
        run(&["export", "users"]);
        run(&["inspect", database, "--into", "inspected"]);
        site.write("site.toml", "[site]\nname = \"x\"\n");
        run(&["move", "--to", database]);
        run(&["serve", "--set", &format!("database.url={database}"), "--listen", "127.0.0.1:0"]);
    }
    site.write(
        "site.toml",
        "[mail]\npassword = [\"canary-db\"]\n[server]\nsigning_key = \"canary-db\"\nlisten = 7\n",
    );
    run(&["check"]);
    run(&["check", "--json"]);
    site.write("site.toml", "[mail]\npassword = \"canary-db\n");
    run(&["check"]);
}

#[test]
fn no_server_writes_a_secret_into_its_log() {
    let site = Site::new("blank");
    site.write(".env", "PURLIN_MAIL_PASSWORD=canary-dotenv\n");
    let toml = "[site]\nurl = \"https://example.com\"\n[server]\nhosts = [\"127.0.0.1\"]\n\
                signing_key = \"canary-signing-key-0123456789abcdef\"\n[mail]\nfrom = \"a@example.com\"\n\
                url = \"smtp://canary-db:canary-env@127.0.0.1:1\"\n";
    site.write("site.toml", toml);
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    let user = ["user", "create", "--email", "ada@example.com", "--password-stdin"];
    assert_eq!(site.run_with(&user, "correct horse canary-db").code, 0);
    let mut server = site.start("serve");
    let reset = serde_json::json!({ "email": "ada@example.com" });
    assert_eq!(server.post("/api/auth/reset", &reset).status, 202);
    let login = serde_json::json!({ "email": "ada@example.com", "password": "canary-db canary-env" });
    assert_eq!(server.post("/api/auth/login", &login).status, 401);
    assert_eq!(
        server.post_form("/login?token=canary-db", "email=ada%40example.com&password=canary-db").status,
        422
    );
    let login = serde_json::json!({ "email": "ada@example.com", "password": "correct horse canary-db" });
    assert_eq!(server.post("/api/auth/login", &login).status, 200);
    server.wait_for("mail not sent");
    let log = server.rest();
    for canary in CANARIES {
        assert!(!log.contains(canary), "{log}");
    }
    assert!(log.contains("/api/auth/login"), "{log}");
}
