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
