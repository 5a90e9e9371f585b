//! 12, 13: what a proxy says, and what somebody says who would like to be one.

use std::path::Path;

use purlin_testkit::{Client, Running};

use super::{PASSWORD, concrete};

#[tokio::test]
async fn attack_13_a_trusted_proxy_is_believed_and_nobody_else() {
    let running = behind_a_proxy().await;
    let wrong = r#"{"email":"una@example.org","password":"wrong"}"#;
    let login = |address: &'static str, through: &'static str| {
        let mut client = at(&running, through);
        async move {
            // Nobody has to wait for the one before.
            purlin_testkit::running::pass(40_000_000);
            let headers =
                [("content-type", "application/json"), ("x-forwarded-for", address), ("origin", "-")];
            client.send("POST", "/api/auth/login", &headers, wrong).await.status.as_u16()
        }
    };
    // One who sends a new address each time has one all the same, and waits.
    let mut statuses = Vec::new();
    for _ in 0..10 {
        statuses.push(login("198.51.100.1", "10.0.0.1").await);
    }
    assert_eq!(statuses, [401; 10]);
    assert_eq!(login("198.51.100.1", "10.0.0.1").await, 429);
    assert_eq!(login("203.0.113.5, 198.51.100.1", "10.0.0.1").await, 429);
    assert_eq!(login("10.0.0.9, 198.51.100.1, 10.0.0.2", "10.0.0.1").await, 429);
    assert_eq!(login("198.51.100.2", "10.0.0.1").await, 401, "another asker of the same proxy does not");
    // Whoever is no proxy of the owner's is himself.
    for at in 0..10 {
        let address = ["198.51.100.3", "198.51.100.4"][at % 2];
        assert_eq!(login(address, "192.0.2.66").await, 401);
    }
    assert_eq!(login("198.51.100.5", "192.0.2.66").await, 429);
    assert_eq!(login("198.51.100.5", "10.0.0.1").await, 401);
}

#[tokio::test]
async fn attack_12_13_a_proxy_names_hosts_that_are_expected() {
    let running = behind_a_proxy().await;
    for route in running.app.routes() {
        let path = concrete(&route);
        let mut inside = at(&running, "10.0.0.1");
        let mut ask = async |host| {
            let headers = [("host", "inner:3000"), ("x-forwarded-host", host)];
            inside.send("GET", &path, &headers, "").await.status.as_u16()
        };
        assert_ne!(ask("localhost").await, 400, "{path}");
        for host in
            ["evil.example", "localhost.evil.example", "evil@localhost", "localhost/evil", "localhost:x"]
        {
            let health = matches!(path.as_str(), "/healthz" | "/readyz") && host.ends_with("evil.example");
            assert_eq!(ask(host).await, if health { 200 } else { 400 }, "{path} {host}");
        }
        let mut outside = at(&running, "192.0.2.66");
        let headers = [("host", "evil.example"), ("x-forwarded-host", "localhost")];
        let reply = outside.send("GET", &path, &headers, "").await;
        assert!(reply.status == 400 || path.ends_with('z'), "{path} {}", reply.status);
    }
}

#[tokio::test]
async fn attack_13_a_proxy_that_was_asked_over_https_makes_cookies_secure() {
    let running = behind_a_proxy().await;
    let login = format!(r#"{{"email":"una@example.org","password":"{PASSWORD}"}}"#);
    for (through, proto, is_secure) in [
        ("10.0.0.1", "https", true),
        ("10.0.0.1", "http", false),
        ("10.0.0.1", "https;evil", false),
        ("192.0.2.66", "https", false),
    ] {
        let mut client = at(&running, through);
        let headers = [("content-type", "application/json"), ("x-forwarded-proto", proto), ("origin", "-")];
        let reply = client.send("POST", "/api/auth/login", &headers, &login).await;
        assert_eq!(reply.status, 200);
        let cookie = reply.header("set-cookie");
        assert_eq!(cookie.starts_with("__Host-purlin_session="), is_secure, "{through} {proto}: {cookie}");
        assert_eq!(cookie.ends_with("; Secure"), is_secure, "{cookie}");
        assert_eq!(!reply.header("strict-transport-security").is_empty(), is_secure);
        // A page of plain http of the same host is not the site's own where that is known to be on https.
        let headers = [
            ("content-type", "application/json"),
            ("x-forwarded-proto", proto),
            ("origin", "http://127.0.0.1:8080"),
        ];
        let reply = client.send("POST", "/api/auth/login", &headers, &login).await;
        assert_eq!(reply.status, if is_secure { 403 } else { 200 });
    }
}

async fn behind_a_proxy() -> Running {
    let sites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/sites");
    let more = "\n[env.development.server]\ntrusted_proxies = [\"10.0.0.0/8\"]\n";
    Running::with_settings(&sites.join("journal"), more).await
}

/// Somebody whose connection comes from an address.
fn at(running: &Running, address: &str) -> Client {
    let mut client = running.client();
    client.peer = Some(address.parse().expect("an address"));
    client
}
