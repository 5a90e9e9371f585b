//! `purlin serve`: production.

use crate::site::Site;

#[test]
fn a_database_that_is_behind_is_refused_with_the_way_out() {
    let site = Site::new("blank");
    let run = site.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("purlin migrate new --name NAME"), "{}", run.err);
    site.done(&["migrate", "new", "--name", "first"]);
    let run = site.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("0001_first") && run.err.contains("run `purlin migrate apply`"), "{}", run.err);
}

#[test]
fn it_serves_logs_json_and_ends_when_told() {
    let site = Site::new("blank");
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    site.write("site.toml", "[site]\nname = \"One\"\n[env.production.site]\nname = \"Two\"\n");
    let mut server = site.start("serve");
    assert!(server.get("/").body.contains("Two is up"));
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(server.get("/_purlin/live").status, 404);
    // No file is read twice: a page that changes under a server that runs does not show.
    site.edit("pages/index.html", "is up", "is down");
    assert!(server.get("/").body.contains("Two is up"));
    let line = server.wait_for("\"path\":\"/\"");
    let json: serde_json::Value = serde_json::from_str(&line).expect("a line of JSON");
    assert_eq!(json["status"], 200);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = std::fs::metadata(site.path().join("data/secret.key")).expect("the secret");
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn an_address_that_is_taken_is_told() {
    let site = Site::new("blank");
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let run = site.run(&["serve", "--listen", &address]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("something else listens there"), "{}", run.err);
}
