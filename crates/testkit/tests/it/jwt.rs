//! What the site states about people, verified by a library that others wrote (PyJWT).

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use purlin_testkit::running::{BEGINNING, pass};
use purlin_testkit::{Running, foreign};
use serde_json::{Value, json};

const SITE: &str = "[site]\nurl = \"https://site.example\"\n[server]\nhosts = [\"127.0.0.1:8080\"]\n\
                    [accounts]\nroles = [\"editor\"]\n[accounts.jwt]\naudience = \"https://app.example\"\nlifetime = \"5m\"\n\
                    claims = [\"role\", \"email\", \"level\"]\n";
const USERS: &str = "[fields]\nlevel = { type = \"int\", default = 3 }\n";
const SEEDS: &str =
    "[[user]]\nemail = \"ann@example.org\"\npassword = \"correct horse battery\"\nrole = \"editor\"\n";
const VERIFY: &str = r#"
import json, sys, jwt
asked = json.load(sys.stdin)
keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(asked["keys"]).keys}
def verified(token, audience):
    try:
        key = keys[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(token, key, algorithms=["EdDSA"], audience=audience, issuer=asked["issuer"],
                          options={"require": ["exp", "iat", "sub", "jti"]})
    except Exception as error:
        return type(error).__name__
print(json.dumps([verified(token, audience) for token, audience in asked["tokens"]]))
"#;

async fn open() -> Running {
    let files = [
        ("site.toml", SITE),
        ("models/users.toml", USERS),
        ("pages/index.html", "<p>hello</p>"),
        ("seeds/users.toml", &SEEDS.replace("[[user]]", "[[users]]")),
    ];
    Running::from_files(&files).await
}

/// What PyJWT says of each token for its audience: the claims, or the name of what is wrong.
fn verified(asked: &Value) -> Option<Value> {
    let python = foreign::python(Path::new(env!("CARGO_TARGET_TMPDIR")), &["pyjwt[crypto]"])?;
    let mut child = Command::new(python)
        .args(["-c", VERIFY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    child.stdin.take().expect("it is piped").write_all(asked.to_string().as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[tokio::test]
async fn a_statement_is_verified_elsewhere() {
    let running = open().await;
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros();
    pass(i64::try_from(now).expect("before 294247") - BEGINNING);
    let mut client = running.client();
    client.headers.push(("x-forwarded-proto".to_owned(), "https".to_owned()));
    let credentials = json!({ "email": "ann@example.org", "password": "correct horse battery" });
    let session = client.json("POST", "/api/auth/login", &credentials).await.json();
    let bearer = format!("Bearer {}", session["token"].as_str().expect("a token"));
    let mut program = running.client();
    let own = [("authorization", bearer.as_str())];
    let reply = program.send("POST", "/api/auth/jwt", &own, "").await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("cache-control")),
        (200, "private, no-store"),
        "{}",
        reply.text()
    );
    let token = reply.json()["token"].as_str().expect("a token").to_owned();
    let keys = program.get("/.well-known/jwks.json").await;
    assert_eq!(keys.header("content-type"), "application/jwk-set+json");
    assert!(keys.header("cache-control").starts_with("public"), "{}", keys.header("cache-control"));
    assert!(!keys.text().contains("\"d\""), "no private part: {}", keys.text());
    // Another of the same person is another.
    let again = program.send("POST", "/api/auth/jwt", &own, "").await.json();
    assert_ne!(again["token"].as_str(), Some(token.as_str()));
    // It is no way in here, and nothing is asked for.
    let as_session = [("authorization", &*format!("Bearer {token}"))];
    assert_eq!(program.send("GET", "/api/auth/me", &as_session, "").await.status, 401);
    let json_type = ("content-type", "application/json");
    let asked = program.send("POST", "/api/auth/jwt", &[own[0], json_type], "{\"role\":\"admin\"}").await;
    assert_eq!(asked.status, 400, "{}", asked.text());
    assert_eq!(running.client().send("POST", "/api/auth/jwt", &[], "").await.status, 401);
    let parts: Vec<&str> = token.split('.').collect();
    let forged = format!(
        "{}.{}.{}",
        parts[0],
        again["token"].as_str().expect("a token").split('.').nth(1).expect("claims"),
        parts[2]
    );
    let checked = verified(&json!({
        "keys": keys.json(),
        "issuer": "https://site.example",
        "tokens": [[token, "https://app.example"], [token, "https://other.example"], [forged, "https://app.example"]],
    }));
    let Some(checked) = checked else { return };
    let claims = &checked[0];
    assert_eq!(
        (&claims["sub"], &claims["role"], &claims["email"], &claims["level"]),
        (&json!("1"), &json!("editor"), &json!("ann@example.org"), &json!(3)),
        "{checked}"
    );
    assert_eq!(claims["exp"].as_i64().expect("a number") - claims["iat"].as_i64().expect("a number"), 300);
    assert_eq!((&checked[1], &checked[2]), (&json!("InvalidAudienceError"), &json!("InvalidSignatureError")));
}

#[tokio::test]
async fn nothing_is_stated_where_the_owner_does_not_say_so() {
    let site = "[site]\nurl = \"http://127.0.0.1:8080\"\n";
    let running = Running::from_files(&[("site.toml", site), ("pages/index.html", "<p>hello</p>")]).await;
    assert_eq!(running.client().get("/.well-known/jwks.json").await.status, 404);
    assert_eq!(running.client().send("POST", "/api/auth/jwt", &[], "").await.status, 404);
    for (claims, part) in [("[\"password\"]", "no field of `users`"), ("[\"nmae\"]", "no field of `users`")] {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!("{site}[accounts.jwt]\naudience = \"https://app.example\"\nclaims = {claims}\n");
        std::fs::write(folder.path().join("site.toml"), text).expect("a file");
        let mistakes = Running::try_of(folder.path()).await.err().expect("it is refused");
        assert!(mistakes.contains(part) && mistakes.contains("site.toml:5:"), "{mistakes}");
    }
}
