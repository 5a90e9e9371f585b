//! Providers that lie, and strangers who would have somebody come back with what is theirs.

use purlin_testkit::running::pass;
use purlin_testkit::{Client, Running};
use serde_json::{Value, json};

use super::provider::{Ask, NOW, Provider, SECRET, Signing};
use super::{MAIL, PAGE, ann, is_refused, open, users, who};

#[tokio::test]
async fn attack_29_no_id_token_but_a_right_one_signs_anybody_in() {
    let provider = Provider::start().await;
    let running = open(&provider, MAIL).await;
    for (what, signing) in [
        ("another key", Signing::Foreign),
        ("alg none", Signing::Unsigned),
        ("HS256 with the public key", Signing::PublicKey),
        ("HS256 with the site's secret", Signing::ClientSecret),
    ] {
        provider.behave(|manner| manner.signing = signing);
        let mut client = running.client();
        client.peer = Some([203, 0, 113, 1].into());
        is_refused(&provider.sign_in(&mut client, &ann(json!({}))).await, 422, "cannot be believed");
        assert_eq!(who(&mut client).await, "", "{what}");
    }
    provider.behave(|manner| manner.signing = Signing::Right);
    for (at, (name, value)) in [
        ("iss", json!("https://accounts.example")),
        ("aud", json!("another-site")),
        ("aud", json!(["site", "another-site"])),
        ("azp", json!("another-site")),
        ("nonce", json!("of-another-sign-in")),
        ("nonce", Value::Null),
        ("exp", json!(NOW - 61)),
        ("iat", json!(NOW + 3600)),
        ("sub", json!("")),
    ]
    .into_iter()
    .enumerate()
    {
        let own = value.clone();
        provider.behave(|manner| manner.claims = Some(Box::new(move |claims| claims[name] = own.clone())));
        let mut client = running.client();
        client.peer = Some([203, 0, 113, u8::try_from(at).expect("few") + 2].into());
        is_refused(&provider.sign_in(&mut client, &ann(json!({}))).await, 422, "cannot be believed");
        assert_eq!(who(&mut client).await, "", "{name} {value}");
    }
    assert_eq!(users(&running).await, 0);
    provider.behave(|manner| manner.claims = None);
    assert_eq!(provider.sign_in(&mut running.client(), &ann(json!({}))).await.status, 303, "and one is");
}

#[tokio::test]
async fn attack_32_a_sign_in_comes_back_once_and_to_its_own_browser() {
    let provider = Provider::start().await;
    let running = open(&provider, MAIL).await;
    let mut victim = running.client();
    // Another's way back: his code and state in somebody's address bar sign nobody in to his account.
    let mut eve = running.client();
    let eves = Ask::of(&eve.post("/login/with/idp", &[]).await);
    let eves_back = provider.grant(&eves, &ann(json!({ "sub": "eve-1", "email": "eve@example.org" })));
    is_refused(&victim.get(&eves_back).await, 422, "not begun in this browser");
    let own = Ask::of(&victim.post("/login/with/idp", &[]).await);
    is_refused(&victim.get(&eves_back).await, 422, "not begun in this browser");
    // Her code with the victim's state: the code is for her verifier.
    let code = eves_back.split("code=").nth(1).and_then(|rest| rest.split('&').next()).expect("a code");
    let mixed = format!("/login/with/idp/callback?code={code}&state={}", own.query["state"]);
    is_refused(&victim.get(&mixed).await, 422, "cannot be believed");
    assert_eq!((who(&mut victim).await, users(&running).await), (String::new(), 0));
    // Twice at the same instant, with the same cookie: once.
    let ask = Ask::of(&victim.post("/login/with/idp", &[]).await);
    let back = provider.grant(&ask, &ann(json!({})));
    let (mut one, mut two) = (victim.clone(), victim.clone());
    let (one, two) = tokio::join!(one.get(&back), two.get(&back));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422], "{} {}", one.text(), two.text());
    let before = provider.asked().len();
    is_refused(&victim.get(&back).await, 422, "was used already");
    assert_eq!(provider.asked().len(), before, "the provider is not asked again");
    // Too late, garbage, a cookie of ours for something else.
    let ask = Ask::of(&victim.post("/login/with/idp", &[]).await);
    let late = provider.grant(&ask, &ann(json!({})));
    pass(601 * 1_000_000);
    is_refused(&victim.get(&late).await, 422, "not begun in this browser");
    let state = ask.query["state"].clone();
    for planted in
        ["", "x", &running.engine.seal("flash", b"{}"), &running.engine.seal("sign-in trip", b"{}")]
    {
        let mut client = running.client();
        client.plant("purlin_trip", planted);
        let reply = client.get(&format!("/login/with/idp/callback?code=a&state={state}")).await;
        is_refused(&reply, 422, "not begun in this browser");
    }
    for query in [
        "",
        "?state=",
        "?code=a",
        "?state=a&state=b&code=c",
        "?error=access_denied",
        "?error=%1b%5b31m%3Csvg%3E",
    ] {
        let reply = victim.get(&format!("/login/with/idp/callback{query}")).await;
        assert_eq!(reply.status, 422, "{query}: {}", reply.text());
    }
}

/// RFC 9207, RFC 9700 §4.4: what one provider sends is not taken for another's.
#[tokio::test]
async fn a_provider_answers_for_itself_alone() {
    let (honest, evil) = (Provider::start().await, Provider::start().await);
    let settings = format!(
        "{}[accounts.providers.evil]\nlabel = \"Evil\"\nissuer = \"{}\"\nclient_id = \"site\"\nclient_secret = \"{SECRET}\"\n",
        honest
            .settings(MAIL)
            .replace("allow = [", &format!("allow = [\"{}\", ", evil.issuer.trim_start_matches("http://"))),
        evil.issuer
    );
    let running = Running::from_files(&[("site.toml", &settings), ("pages/index.html", PAGE)]).await;
    let mut client = running.client();
    let ask = Ask::of(&client.post("/login/with/idp", &[]).await);
    let back = honest.grant(&ask, &ann(json!({})));
    is_refused(
        &client.get(&back.replace("/with/idp/", "/with/evil/")).await,
        422,
        "not begun in this browser",
    );
    assert!(evil.asked().is_empty(), "no code and no secret goes there: {:?}", evil.asked());
    let named = format!("{back}&iss={}", evil.issuer);
    is_refused(&client.get(&named).await, 422, "cannot be believed");
    assert!(!honest.asked().iter().any(|asked| asked.contains("/token")), "{:?}", honest.asked());
    // One that says that it names itself must.
    let strict = Provider::start().await;
    strict.behave(|manner| {
        manner.document = Some(Box::new(|document| {
            document["authorization_response_iss_parameter_supported"] = json!(true);
        }));
    });
    let running = open(&strict, MAIL).await;
    let mut client = running.client();
    is_refused(&strict.sign_in(&mut client, &ann(json!({}))).await, 422, "cannot be believed");
    let ask = Ask::of(&client.post("/login/with/idp", &[]).await);
    let back = strict.grant(&ask, &ann(json!({})));
    assert_eq!(client.get(&format!("{back}&iss={}", strict.issuer)).await.status, 303);
    // Two providers may call different people the same.
    let mut other = running.client();
    assert_eq!(who(&mut other).await, "");
}

#[tokio::test]
async fn attack_38_a_provider_leads_nowhere_else() {
    // What is discovered is believed only of the issuer itself, and leads to no address that is not let through.
    let inner = Provider::start().await;
    let place = inner.issuer.clone();
    let lies: Vec<(&str, Value)> = vec![
        ("issuer", json!("https://accounts.example")),
        ("issuer", Value::Null),
        ("jwks_uri", json!(format!("{place}/jwks"))),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("authorization_endpoint", json!("https://user:password@accounts.example/")),
        ("authorization_endpoint", Value::Null),
        ("token_endpoint", Value::Null),
        ("response_types_supported", json!(["id_token"])),
    ];
    for (name, value) in lies {
        let provider = Provider::start().await;
        let own = value.clone();
        provider
            .behave(|manner| manner.document = Some(Box::new(move |document| document[name] = own.clone())));
        let running = open(&provider, MAIL).await;
        let reply = running.client().post("/login/with/idp", &[]).await;
        is_refused(&reply, 502, "cannot be reached now");
        assert!(reply.headers.get("refresh").is_none(), "{name} {value}");
        // It is not asked again at once, however often somebody tries.
        let before = provider.asked().len();
        running.client().post("/login/with/idp", &[]).await;
        assert_eq!(provider.asked().len(), before, "{name}");
    }
    let provider = Provider::start().await;
    let token = format!("{place}/token");
    provider.behave(|manner| {
        manner.document = Some(Box::new(move |document| document["token_endpoint"] = json!(token)));
    });
    let running = open(&provider, MAIL).await;
    is_refused(&provider.sign_in(&mut running.client(), &ann(json!({}))).await, 422, "cannot be believed");
    // Nothing is let through by itself.
    let settings = provider.settings(MAIL).replace("allow = [", "allow = [] #");
    let running = Running::from_files(&[("site.toml", &settings), ("pages/index.html", PAGE)]).await;
    is_refused(&running.client().post("/login/with/idp", &[]).await, 502, "cannot be reached now");
    assert!(inner.asked().is_empty(), "{:?}", inner.asked());
}

#[tokio::test]
async fn attack_14_a_sign_in_by_a_provider_leads_to_a_page_of_this_site() {
    let provider = Provider::start().await;
    let running = open(&provider, MAIL).await;
    for next in
        ["//evil.example", "/\\evil.example", "https:evil.example", "javascript:alert(1)", "/\t/evil.example"]
    {
        let mut client = running.client();
        let ask = Ask::of(&client.post("/login/with/idp", &[("next", next)]).await);
        let reply = client.get(&provider.grant(&ask, &ann(json!({})))).await;
        assert_eq!(reply.header("location"), "/", "{next}");
    }
    let mut client = running.client();
    let long = format!("/{}", "a".repeat(5_000));
    let ask = Ask::of(&client.post("/login/with/idp", &[("next", &long)]).await);
    assert_eq!(client.get(&provider.grant(&ask, &ann(json!({})))).await.header("location"), "/");
}

#[tokio::test]
async fn attack_31_a_provider_is_not_asked_without_end() {
    let provider = Provider::start().await;
    let running = open(&provider, MAIL).await;
    let mut last = 0;
    for _ in 0..60 {
        let mut client: Client = running.client();
        let ask = Ask::of(&client.post("/login/with/idp", &[]).await);
        let reply =
            client.get(&format!("/login/with/idp/callback?code=guess&state={}", ask.query["state"])).await;
        last = reply.status.as_u16();
        if last == 429 {
            break;
        }
        assert_eq!(last, 422, "{}", reply.text());
    }
    assert_eq!(last, 429);
    // Who is let in is not counted.
    let mut client = running.client();
    client.peer = Some([203, 0, 113, 9].into());
    for _ in 0..30 {
        assert_eq!(provider.sign_in(&mut client, &ann(json!({}))).await.status, 303);
    }
}
