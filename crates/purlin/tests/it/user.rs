//! `purlin user`, and what can then be done over HTTP.

use serde_json::json;

use crate::site::Site;

fn migrated() -> Site {
    let site = Site::new("blank");
    site.done(&["migrate", "new", "--name", "first"]);
    site.done(&["migrate", "apply"]);
    site
}

#[test]
fn whoever_was_created_can_sign_in() {
    let site = migrated();
    let create = ["user", "create", "--email", "Ada@example.com", "--role", "admin", "--password-stdin"];
    let run = site.run_with(&create, "correct horse\n");
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(site.done(&["user", "list"]).out.contains("ada@example.com  admin"));

    let server = site.start("serve");
    let login = |password: &str| {
        server.post("/api/auth/login", &json!({"email": "ada@example.com", "password": password}))
    };
    let answer = login("correct horse");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["user"]["email"], "ada@example.com");
    assert_eq!(login("wrong horse").status, 401);

    let token = answer.json()["token"].as_str().expect("a token").to_owned();
    let me = |token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        purlin_testkit::http::request(server.address, "GET", "/api/auth/me", &headers, "").expect("an answer")
    };
    assert_eq!(me(&token).status, 200);
    let change = ["user", "password", "--email", "ada@example.com", "--password-stdin"];
    let run = site.run_with(&change, "another horse\n");
    assert!(run.out.contains("ended 1 session"), "{}{}", run.out, run.err);
    assert_eq!(me(&token).status, 401);
    assert_eq!(login("another horse").status, 200);
}

#[test]
fn roles_are_given_and_mistakes_told() {
    let site = migrated();
    let create = |email: &str, role: &str, password: &str| {
        site.run_with(&["user", "create", "--email", email, "--role", role, "--password-stdin"], password)
    };
    assert_eq!(create("bo@example.com", "user", "correct horse").code, 0);
    for (email, role, password, told) in [
        ("bo@example.com", "user", "correct horse", "email"),
        ("cy@example.com", "king", "correct horse", "role"),
        ("cy@example.com", "user", "short", "password"),
        ("cy", "user", "correct horse", "email"),
        ("cy@example.com", "user", "", "standard input is empty"),
    ] {
        let run = create(email, role, password);
        assert_eq!(run.code, 1);
        assert!(run.err.contains(told), "{told}: {}", run.err);
    }
    site.done(&["user", "role", "--email", "BO@example.com", "--role", "editor"]);
    assert!(site.done(&["user", "list", "--role", "editor"]).out.contains("bo@example.com"));
    assert!(!site.done(&["user", "list", "--role", "admin"]).out.contains("bo@example.com"));
    assert_eq!(site.run(&["user", "role", "--email", "nobody@example.com", "--role", "editor"]).code, 1);
    // What is wrong besides is told before the password is asked for, which there is nobody to ask for here.
    let taken = site.run(&["user", "create", "--email", "Bo@Example.com"]);
    assert!(taken.err.contains("there is an account with the email Bo@Example.com already"), "{}", taken.err);
    let asked = site.run(&["user", "create", "--email", "dee@example.com"]);
    assert!(asked.err.contains("--password-stdin"), "{}", asked.err);
}

#[test]
fn a_program_gets_an_account_and_a_token() {
    let site = migrated();
    site.done(&["user", "create", "--email", "robot@example.com", "--no-password"]);
    let make =
        ["token", "create", "--email", "robot@example.com", "--name", "deploy", "--scopes", "users:read"];
    let run = site.done(&make);
    let token = run.out.trim().to_owned();
    assert!(token.starts_with("pur_") && !token.contains(char::is_whitespace), "{}", run.out);
    let listed = site.done(&["token", "list", "--email", "robot@example.com"]).out;
    assert!(listed.contains("deploy  users:read") && !listed.contains("pur_"), "{listed}");

    let server = site.start("serve");
    let me = || {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        purlin_testkit::http::request(server.address, "GET", "/api/auth/me", &headers, "").expect("an answer")
    };
    assert_eq!(me().json()["email"], "robot@example.com");
    let login = server.post("/api/auth/login", &json!({"email": "robot@example.com", "password": ""}));
    assert_eq!(login.status, 401);
    let id = listed.lines().nth(1).and_then(|line| line.split_whitespace().next()).expect("an id").to_owned();
    site.done(&["token", "end", "--email", "robot@example.com", "--id", &id]);
    assert_eq!(me().status, 401);

    let run = site.run(&[
        "token",
        "create",
        "--email",
        "robot@example.com",
        "--name",
        "x",
        "--scopes",
        "users:fly",
    ]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("`scopes` has the verb `fly`"), "{}", run.err);
}
