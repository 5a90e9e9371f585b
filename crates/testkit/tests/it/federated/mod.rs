//! Signing in by somebody else's word: a provider that is honest here, and such as lie beside.

mod hostile;
mod provider;
mod real;

use purlin_testkit::{Client, Reply, Running};
use serde_json::{Value, json};

use provider::{Ask, Provider};

const MAIL: &str = "[mail]\nurl = \"terminal\"\nfrom = \"site@example.org\"\n";
const PAGE: &str = "<p>hello</p>";
const PASSWORD: &str = "correct horse battery";

async fn open(provider: &Provider, more: &str) -> Running {
    Running::from_files(&[("site.toml", &provider.settings(more)), ("pages/index.html", PAGE)]).await
}

fn ann(more: Value) -> Value {
    let mut claims =
        json!({ "sub": "ann-1", "email": "ann@example.org", "email_verified": true, "name": "Ann" });
    if let (Value::Object(claims), Value::Object(more)) = (&mut claims, more) {
        claims.extend(more);
    }
    claims
}

/// Makes an account by a mail, as a stranger does: its address is shown to be its owner's.
async fn sign_up(running: &Running, email: &str) -> Client {
    let mut client = running.client();
    let reply = client.post("/signup", &[("email", email), ("password", PASSWORD)]).await;
    assert_eq!(reply.header("location"), "/verify", "{}", reply.text());
    let mail = running.mails().await.pop().expect("a mail");
    let token = token_of(&mail.text);
    let reply = client.post("/verify", &[("token", &token), ("password", PASSWORD)]).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    client
}

/// The token of the link in a mail.
fn token_of(text: &str) -> String {
    let (_, rest) = text.split_once("token=").expect("a link");
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').collect()
}

/// Whose page of the account somebody sees; empty where he is not signed in.
async fn who(client: &mut Client) -> String {
    let reply = client.get("/api/auth/me").await;
    if reply.status == 401 {
        return String::new();
    }
    reply.json()["email"].as_str().unwrap_or_default().to_owned()
}

async fn users(running: &Running) -> usize {
    let list = running.engine.site().models.users().id;
    let mut count = 0;
    for id in 1..20 {
        let found =
            running.engine.get(&purlin_engine::Actor::Owner, list, purlin_schema::Id::Int(id), &[]).await;
        count += usize::from(found.is_ok());
    }
    count
}

fn is_refused(reply: &Reply, status: u16, part: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert!(reply.text().contains(part), "{part}: {}", reply.text());
    assert_eq!(reply.header("cache-control"), "no-store");
    assert!(!reply.headers.get_all("set-cookie").iter().any(|cookie| {
        cookie.to_str().is_ok_and(|text| text.starts_with("purlin_session=") && !text.contains("Max-Age=0"))
    }));
}

#[tokio::test]
async fn a_stranger_signs_up_and_in_by_a_provider() {
    let provider = Provider::start().await;
    let running = open(&provider, MAIL).await;
    let mut client = running.client();
    for path in ["/login?next=/account", "/signup"] {
        let page = client.get(path).await.text();
        assert!(
            page.contains("Continue with Example ID") && page.contains("action=\"/login/with/idp\""),
            "{page}"
        );
    }
    let leaving = client.post("/login/with/idp", &[("next", "/account?a=b")]).await;
    let ask = Ask::of(&leaving);
    assert_eq!(ask.place, format!("{}/authorize", provider.issuer));
    let of = |name: &str| ask.query.get(name).map_or("", String::as_str);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "site"),
        ("redirect_uri", "http://127.0.0.1:8080/login/with/idp/callback"),
        ("scope", "openid email"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(of(name), value);
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(of(name).len(), 43, "{name}");
    }
    assert!(
        leaving.text().contains("Continue to Example ID") && leaving.header("cache-control") == "no-store"
    );
    let cookie = leaving.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let back = client.get(&provider.grant(&ask, &ann(json!({})))).await;
    assert_eq!((back.status.as_u16(), back.header("location")), (303, "/account?a=b"), "{}", back.text());
    assert!(!client.cookies().contains_key("purlin_trip"), "it is over");
    assert_eq!(who(&mut client).await, "ann@example.org");
    assert!(running.mails().await.is_empty(), "the provider has confirmed the address");
    // Again, with another address there: the identity is who it is.
    let mut other = running.client();
    let reply = provider.sign_in(&mut other, &ann(json!({ "email": "new@example.org" }))).await;
    assert_eq!(reply.header("location"), "/account", "{}", reply.text());
    assert_eq!(who(&mut other).await, "ann@example.org");
    assert_eq!(users(&running).await, 1);
    let discoveries = provider.asked().iter().filter(|asked| asked.contains("well-known")).count();
    assert_eq!(discoveries, 1, "what is known is not asked for again");
}

#[tokio::test]
async fn attack_33_an_account_is_joined_by_itself_only_where_both_have_shown_the_address() {
    let provider = Provider::start().await;
    let running = open(&provider, MAIL).await;
    // Whoever the provider has not confirmed learns nothing, not even whether there is an account.
    sign_up(&running, "ann@example.org").await;
    let mut answers = Vec::new();
    for email in ["ann@example.org", "nobody@example.org"] {
        let claims = ann(json!({ "sub": email, "email": email, "email_verified": false }));
        let reply = provider.sign_in(&mut running.client(), &claims).await;
        is_refused(&reply, 403, "has not confirmed your address");
        answers.push(reply.text());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(users(&running).await, 1);
    // Both have: joined, and told.
    let mut client = running.client();
    let reply = provider.sign_in(&mut client, &ann(json!({ "email": "ANN@example.org" }))).await;
    assert_eq!(reply.header("location"), "/account", "{}", reply.text());
    assert_eq!(who(&mut client).await, "ann@example.org");
    let mails = running.mails().await;
    assert_eq!((mails.len(), mails[0].template.as_str()), (1, "identity_linked"));
    assert!(mails[0].subject.contains("Example ID"), "{}", mails[0].subject);
    // An account that somebody made in another's name captures nobody: its address was never shown.
    let user = json!({ "email": "bob@example.org", "password": PASSWORD });
    let users = running.engine.site().models.users().id;
    let fields = purlin_engine::records::Fields::Json(user.as_object().expect("an object"));
    running.engine.create(&purlin_engine::Actor::Owner, users, fields).await.expect("bob");
    let bob = ann(json!({ "sub": "bob-1", "email": "bob@example.org" }));
    let mut client = running.client();
    is_refused(
        &provider.sign_in(&mut client, &bob).await,
        403,
        "There is an account with this address already",
    );
    assert_eq!(who(&mut client).await, "");
    // He shows it by a new password, and is let in from then on.
    client.post("/reset", &[("email", "bob@example.org")]).await;
    let mail = running.mails().await.pop().expect("a mail");
    let token = token_of(&mail.text);
    let reply = client.post("/reset", &[("token", &token), ("password", "another horse battery")]).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    assert_eq!(provider.sign_in(&mut client, &bob).await.status, 303);
    assert_eq!(who(&mut client).await, "bob@example.org");
}

#[tokio::test]
async fn who_may_sign_up_is_the_site_s_to_say() {
    let provider = Provider::start().await;
    for (settings, claims, status, part) in [
        ("[accounts]\nsignup = \"closed\"\n", ann(json!({})), 403, "new accounts are not made"),
        (
            "[accounts]\nsignup = [\"corp.example\"]\n",
            ann(json!({})),
            403,
            "must be an address at corp.example",
        ),
        ("[accounts]\nsignup = [\"example.org\"]\n", ann(json!({})), 303, ""),
        ("", ann(json!({ "email": null })), 403, "does not tell your address"),
        ("", ann(json!({ "email": "no address" })), 403, "does not tell your address"),
        ("", ann(json!({ "email_verified": "true" })), 303, ""),
        ("", ann(json!({ "email_verified": 1 })), 403, "has not confirmed"),
        ("", ann(json!({ "email_verified": "yes" })), 403, "has not confirmed"),
    ] {
        provider.behave(|manner| manner.user = json!({ "sub": "ann-1" }));
        let running = open(&provider, &format!("{MAIL}{settings}")).await;
        let mut client = running.client();
        let reply = provider.sign_in(&mut client, &claims).await;
        assert_eq!(reply.status, status, "{settings} {claims}: {}", reply.text());
        if status != 303 {
            is_refused(&reply, status, part);
        }
        assert_eq!(users(&running).await, usize::from(status == 303), "{settings} {claims}");
    }
    // Where a site confirms no addresses, it takes them as sign-up does.
    let running = open(&provider, "[mail]\nurl = \"none\"\n").await;
    let mut client = running.client();
    let reply = provider.sign_in(&mut client, &ann(json!({ "email_verified": false }))).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    // But joins nothing by them.
    let other = ann(json!({ "sub": "eve-1" }));
    is_refused(&provider.sign_in(&mut running.client(), &other).await, 403, "already");
}

#[tokio::test]
async fn what_a_provider_does_not_say_is_asked_for() {
    let provider = Provider::start().await;
    let settings = provider.settings(&format!("{MAIL}[accounts]\nsignup_fields = [\"name\", \"nick\"]\n"));
    let model = "[fields]\nname = { type = \"text\", required = true }\nnick = { type = \"text\", required = true, unique = true }\n";
    let running = Running::from_files(&[
        ("site.toml", &settings),
        ("models/users.toml", model),
        ("pages/index.html", PAGE),
    ])
    .await;
    let mut client = running.client();
    let reply = provider.sign_in(&mut client, &ann(json!({ "name": "Ann <b>" }))).await;
    assert_eq!(reply.header("location"), "/login/with", "{}", reply.text());
    assert_eq!((who(&mut client).await, users(&running).await), (String::new(), 0));
    let page = client.get("/login/with").await;
    for part in
        ["One more thing", "Example ID", "ann@example.org", "value=\"Ann &lt;b&gt;\"", "name=\"nick\""]
    {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    assert!(
        !page.text().contains("name=\"password\"") && !page.text().contains("name=\"email\""),
        "{}",
        page.text()
    );
    let reply = client.post("/login/with", &[("name", "Ann"), ("nick", "")]).await;
    assert_eq!(reply.status, 422, "{}", reply.text());
    let before = client.clone();
    // Another address or a role of one's own is not taken.
    let forged = [("name", "Ann"), ("nick", "ann"), ("email", "max@example.org"), ("password", "x")];
    let reply = client.post("/login/with", &[forged.as_slice(), &[("role", "admin")]].concat()).await;
    assert_eq!(reply.status, 422, "{}", reply.text());
    let reply = client.post("/login/with", &forged).await;
    assert_eq!(reply.header("location"), "/account", "{}", reply.text());
    assert_eq!(who(&mut client).await, "ann@example.org");
    // The same form again makes no second account and signs nobody in.
    let mut again = before.clone();
    let reply = again.post("/login/with", &[("name", "Ann"), ("nick", "other")]).await;
    assert!([409, 422].contains(&reply.status.as_u16()), "{}: {}", reply.status, reply.text());
    assert_eq!((who(&mut again).await, users(&running).await), (String::new(), 1));
    assert_eq!(running.client().get("/login/with").await.header("location"), "/login");
}

#[tokio::test]
async fn providers_are_linked_and_unlinked_on_the_account_s_page() {
    let provider = Provider::start().await;
    let running = open(&provider, MAIL).await;
    let mut ann_here = sign_up(&running, "ann@example.org").await;
    assert!(ann_here.get("/account").await.text().contains("/account/identities"));
    let reply = ann_here.post("/account/identities", &[("link", "idp"), ("password", "wrong")]).await;
    assert_eq!(reply.status, 422, "{}", reply.text());
    let ask =
        Ask::of(&ann_here.post("/account/identities", &[("link", "idp"), ("password", PASSWORD)]).await);
    // An address of its own is no matter: she is signed in at both.
    let theirs = ann(json!({ "email": "ann@elsewhere.example", "email_verified": false }));
    let back = provider.grant(&ask, &theirs);
    // What one has begun is no other's to end.
    let mut bob = sign_up(&running, "bob@example.org").await;
    bob.plant("purlin_trip", &ann_here.cookies()["purlin_trip"]);
    assert_eq!(bob.get(&back).await.header("location").split('?').next(), Some("/login"));
    let ask =
        Ask::of(&ann_here.post("/account/identities", &[("link", "idp"), ("password", PASSWORD)]).await);
    let reply = ann_here.get(&provider.grant(&ask, &theirs)).await;
    assert_eq!(reply.header("location"), "/account/identities", "{}", reply.text());
    let page = ann_here.get("/account/identities").await.text();
    assert!(page.contains("Example ID is linked.") && page.contains("ann@elsewhere.example"), "{page}");
    assert!(running.mails().await.iter().any(|mail| mail.template == "identity_linked"));
    // It signs in to her account from now on, and is nobody else's.
    let mut elsewhere = running.client();
    assert_eq!(provider.sign_in(&mut elsewhere, &theirs).await.status, 303);
    assert_eq!(who(&mut elsewhere).await, "ann@example.org");
    let ask = Ask::of(&bob.post("/account/identities", &[("link", "idp"), ("password", PASSWORD)]).await);
    let reply = bob.get(&provider.grant(&ask, &theirs)).await;
    assert_eq!(reply.status, 409, "{}", reply.text());
    // Nobody unlinks another's.
    let id = page
        .split("name=\"unlink\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a button");
    let reply = bob.post("/account/identities", &[("unlink", id), ("password", PASSWORD)]).await;
    assert_eq!(reply.status, 404, "{}", reply.text());
    let reply = ann_here.post("/account/identities", &[("unlink", id), ("password", PASSWORD)]).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    assert!(ann_here.get("/account/identities").await.text().contains("None is linked"));
    is_refused(&provider.sign_in(&mut running.client(), &theirs).await, 403, "has not confirmed");
    for path in ["/account/identities"] {
        assert_eq!(
            running.client().get(path).await.header("location"),
            "/login?next=%2Faccount%2Fidentities"
        );
    }
}

#[tokio::test]
async fn the_last_way_in_is_not_unlinked() {
    let provider = Provider::start().await;
    let running = open(&provider, MAIL).await;
    let mut client = running.client();
    provider.sign_in(&mut client, &ann(json!({}))).await;
    let page = client.get("/account/identities").await.text();
    assert!(!page.contains("name=\"password\""), "there is none to ask for: {page}");
    let ids = |page: &str| -> Vec<String> {
        let parts = page.split("name=\"unlink\" value=\"").skip(1);
        parts.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    };
    let first = ids(&page);
    let reply = client.post("/account/identities", &[("unlink", first[0].as_str())]).await;
    assert_eq!(reply.status, 409, "{}", reply.text());
    assert!(reply.text().contains("last way to sign in"), "{}", reply.text());
    // With another there, either goes, but not both at the same time.
    let ask = Ask::of(&client.post("/account/identities", &[("link", "idp")]).await);
    let reply = client.get(&provider.grant(&ask, &ann(json!({ "sub": "ann-2" })))).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    let both = ids(&client.get("/account/identities").await.text());
    assert_eq!(both.len(), 2);
    let (mut one, mut two) = (client.clone(), client.clone());
    let (fields_one, fields_two) = ([("unlink", both[0].as_str())], [("unlink", both[1].as_str())]);
    let (one, two) = tokio::join!(
        one.post("/account/identities", &fields_one),
        two.post("/account/identities", &fields_two)
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409], "{} {}", one.text(), two.text());
    assert_eq!(ids(&client.get("/account/identities").await.text()).len(), 1);
    // Whoever has been in for long shows again that it is he.
    purlin_testkit::running::pass(11 * 60 * 1_000_000);
    let reply = client.post("/account/identities", &[("link", "idp")]).await;
    assert_eq!(reply.status, 409, "{}", reply.text());
    assert!(reply.text().contains("Sign out and in again"), "{}", reply.text());
}

/// GitHub and those like it: no id token, a list of addresses, a number for a subject.
#[tokio::test]
async fn plain_oauth_asks_who_it_is() {
    let provider = Provider::start().await;
    let at = &provider.issuer;
    let settings = format!(
        "[site]\nname = \"Site\"\nurl = \"http://127.0.0.1:8080\"\n{MAIL}[outgoing]\nallow = [\"127.0.0.1\"]\n\
         [accounts.providers.idp]\npreset = \"github\"\nclient_id = \"site\"\nclient_secret = \"{}\"\n\
         authorize_url = \"{at}/authorize\"\ntoken_url = \"{at}/token\"\nuser_url = \"{at}/user\"\nemails_url = \"{at}/emails\"\n",
        provider::SECRET
    );
    let running = Running::from_files(&[("site.toml", &settings), ("pages/index.html", PAGE)]).await;
    let emails = |verified: bool| {
        json!([
            { "email": "other@example.org", "primary": false, "verified": true },
            { "email": "ann@example.org", "primary": true, "verified": verified },
        ])
    };
    let user = json!({ "id": 583_231, "name": "Ann", "email": "public@example.org" });
    let nobody = json!({ "sub": "not looked at" });
    provider.behave(|manner| (manner.user, manner.emails) = (user.clone(), emails(false)));
    is_refused(&provider.sign_in(&mut running.client(), &nobody).await, 403, "has not confirmed");
    provider.behave(|manner| manner.emails = emails(true));
    let mut client = running.client();
    let ask = Ask::of(&client.post("/login/with/idp", &[]).await);
    assert!(!ask.query.contains_key("nonce") && ask.query["scope"] == "read:user user:email");
    let reply = client.get(&provider.grant(&ask, &nobody)).await;
    assert_eq!(reply.header("location"), "/", "{}", reply.text());
    assert_eq!(who(&mut client).await, "ann@example.org");
    for strange in [
        json!({}),
        json!({ "id": null }),
        json!({ "id": "" }),
        json!({ "id": 1.5 }),
        json!({ "id": ["1"] }),
        json!([]),
    ] {
        provider.behave(|manner| manner.user = strange.clone());
        let reply = provider.sign_in(&mut running.client(), &nobody).await;
        is_refused(&reply, 422, "cannot be believed");
    }
}

/// Apple answers by a form that its own page posts, without our cookies.
#[tokio::test]
async fn an_answer_that_is_posted_comes_back_as_an_address() {
    let provider = Provider::start().await;
    let settings = format!("{}form_post = true\n", provider.settings(MAIL));
    let running = Running::from_files(&[("site.toml", &settings), ("pages/index.html", PAGE)]).await;
    let mut client = running.client();
    let ask = Ask::of(&client.post("/login/with/idp", &[("next", "/account")]).await);
    assert_eq!(ask.query["response_mode"], "form_post");
    let back = provider.grant(&ask, &ann(json!({})));
    let (path, query) = back.split_once('?').expect("a query");
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", "https://id.example"),
        ("sec-fetch-site", "cross-site"),
        ("cookie", "-"),
    ];
    let user = format!("{query}&user=%7B%7D&next=//evil.example");
    let reply = client.send("POST", path, &form, &user).await;
    assert_eq!(reply.status, 303, "{}", reply.text());
    assert!(reply.headers.get("set-cookie").is_none());
    let to = reply.header("location").to_owned();
    assert!(to.starts_with("/login/with/idp/callback?") && !to.contains("evil"), "{to}");
    let reply = client.send("GET", &to, &[("sec-fetch-site", "cross-site")], "").await;
    assert_eq!(reply.header("location"), "/account", "{}", reply.text());
    // No other provider's answer is posted, and a form leads to a provider from our own pages alone.
    let plain = open(&provider, MAIL).await;
    assert_eq!(plain.client().send("POST", path, &form, &user).await.status, 403);
    assert_eq!(plain.client().send("POST", "/login/with/idp", &form, "").await.status, 403);
}
