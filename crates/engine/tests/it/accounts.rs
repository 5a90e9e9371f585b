//! Signing in, staying signed in, and not.

use purlin_engine::{Actor, Failure};
use serde_json::json;

use crate::support::{Fixture, codes, from};

#[tokio::test]
async fn a_session_begins_and_ends() {
    let site = Fixture::new().await;
    site.user("ada", "author").await;
    let signed_in = site
        .engine
        .sign_in("ADA@example.com ", "correct horse battery", from("10.0.0.1"))
        .await
        .unwrap()
        .whole()
        .expect("no second factor is owed");
    assert_eq!(signed_in.token.len(), 43);
    let Some(Actor::User(user)) = site.engine.resume(&signed_in.token).await.unwrap() else {
        panic!("not signed in")
    };
    assert_eq!(&*user.role, "author");
    let password = site.engine.site().models.users().field_named("password").unwrap().id;
    assert_eq!(user.value(password), None, "the hash is not carried along");
    site.engine.sign_out(&signed_in.token).await.unwrap();
    assert!(site.engine.resume(&signed_in.token).await.unwrap().is_none());
    site.engine.sign_out(&signed_in.token).await.unwrap();
    assert!(site.engine.resume("nonsense").await.unwrap().is_none());
}

#[tokio::test]
async fn attack_31_twenty_wrong_passwords_are_too_many() {
    let site = Fixture::new().await;
    site.user("ada", "author").await;
    let mut refused = None;
    for attempt in 0..20 {
        match site.engine.sign_in("ada@example.com", "wrong", from("10.0.0.1")).await {
            Err(Failure::Unauthenticated) => {}
            Err(Failure::TooMany(seconds)) => {
                refused = Some((attempt, seconds));
                break;
            }
            _ => panic!("neither wrong nor too many"),
        }
    }
    let (attempt, seconds) = refused.expect("twenty are too many");
    assert!(attempt >= 5, "an honest mistake is no attack");
    assert!(seconds > 0 && seconds <= 15 * 60 + 1);
    let right = site.engine.sign_in("ada@example.com", "correct horse battery", from("10.0.0.1")).await;
    assert!(matches!(right, Err(Failure::TooMany(_))), "the right one waits too, or it would be told apart");
    site.engine.sign_in("ada@example.com", "correct horse battery", from("10.0.0.9")).await.unwrap();
}

#[tokio::test]
async fn a_user_changes_himself_but_not_his_role() {
    let site = Fixture::new().await;
    let (ada, bob) = (site.user("ada", "author").await, site.user("bob", "author").await);
    let id = ada.user().unwrap().id;
    site.update(&ada, "users", id, &json!({"name": "Ada L."})).await.unwrap();
    let failure = site.update(&ada, "users", id, &json!({"role": "admin"})).await.err().unwrap();
    assert_eq!(codes(&failure), ["role: read_only"]);
    assert!(matches!(site.update(&bob, "users", id, &json!({"name": "x"})).await, Err(Failure::Forbidden)));
    // What signs one in is changed with the password alone.
    for (field, value) in
        [("password", "short"), ("password", "another long one"), ("email", "eve@example.com")]
    {
        let failure = site.update(&ada, "users", id, &json!({field: value})).await.err().unwrap();
        assert_eq!(codes(&failure), [format!("{field}: needs_password")]);
    }
    let same = json!({"email": "ada@example.com"});
    site.update(&ada, "users", id, &same).await.unwrap();
}

/// A hash of `correct horse` that Django made, of one round.
const DJANGOS: &str = "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=";

struct Nobody;

impl purlin_engine::import::Watcher for Nobody {
    fn refused(&mut self, refused: &purlin_engine::import::Refused) {
        panic!("{refused}");
    }
    fn written(&mut self, _: &purlin_engine::import::Summary, _: &purlin_engine::import::Source) {}
}

async fn import(site: &Fixture, rows: &str, password_hashes: bool) {
    use purlin_engine::import::{Format, Options, Source};
    let source = Source::of(std::io::Cursor::new(rows.to_owned()), Format::Ndjson, None).unwrap();
    let options = Options { password_hashes, ..Options::default() };
    site.engine.import(site.model("users"), source, &options, None, &mut Nobody).await.unwrap();
}

#[tokio::test]
async fn a_hash_that_was_brought_along_is_replaced_at_the_next_sign_in() {
    let site = Fixture::new().await;
    let row = |name: &str| json!({"email": format!("{name}@example.com"), "name": name, "password": DJANGOS});
    import(&site, &format!("{}\n", row("ada")), true).await;
    // Where it is not said that they are hashes, that text is the password.
    import(&site, &format!("{}\n", row("bob")), false).await;
    let sign_in = async |email: &str, password: &str| {
        site.engine.sign_in(email, password, from("10.0.0.1")).await.map(|entry| entry.whole().is_some())
    };
    assert!(sign_in("ada@example.com", "correct horsf").await.is_err());
    assert!(site.hash_of("ada@example.com").await.starts_with("pbkdf2_sha256$"));
    // Two at once: both are let in, whoever replaces the hash.
    let (one, other) = tokio::join!(
        sign_in("ada@example.com", "correct horse"),
        sign_in("ada@example.com", "correct horse")
    );
    assert!(one.unwrap() && other.unwrap());
    let hash = site.hash_of("ada@example.com").await;
    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    assert!(sign_in("ada@example.com", "correct horse").await.unwrap());
    assert_eq!(site.hash_of("ada@example.com").await, hash, "it is replaced once");
    assert!(sign_in("bob@example.com", "correct horse").await.is_err());
    assert!(sign_in("bob@example.com", DJANGOS).await.unwrap());
    // And no other way takes a hash for one.
    let fields = json!({"email": "cem@example.com", "name": "Cem", "password": DJANGOS});
    site.create(&Actor::Owner, "users", &fields).await.unwrap();
    assert!(sign_in("cem@example.com", "correct horse").await.is_err());
}

#[tokio::test]
async fn who_chooses_a_password_chooses_a_good_one() {
    let site = Fixture::with(&[(
        "site.toml",
        "[site]\nname = \"Test\"\n[accounts]\nroles = [\"author\", \"editor\"]\n[accounts.passwords]\nmin = 10\nstrength = 3\n",
    )])
    .await;
    let ada = site.user("ada", "author").await;
    let told = async |new: &str| {
        codes(&site.engine.change_password(&ada, "correct horse battery", new, "10.0.0.1").await.unwrap_err())
    };
    assert_eq!(told("tiny").await, ["new_password: too_short"]);
    assert_eq!(told("qwertyuiop").await, ["new_password: too_weak"]);
    assert_eq!(told("ada@example.com").await, ["new_password: too_weak"], "one's own address");
    site.engine
        .change_password(&ada, "correct horse battery", "sorrel glacier 41", "10.0.0.1")
        .await
        .unwrap();
    let map = json!({"email": "eve@example.com", "name": "Eve", "password": "password1234"});
    let refused = site.engine.sign_up_by_api(map.as_object().unwrap(), "10.0.0.1", "test").await;
    assert_eq!(codes(&refused.err().unwrap()), ["password: too_weak"]);
}
