//! Hashes of other systems, verified and replaced.

use purlin_schema::settings::Secret;

use super::*;

/// Each hash of `correct horse` was made by the program that it is named after.
const BROUGHT: &[(&str, &str)] = &[
    (
        "Django, PBKDF2 with SHA-256",
        "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=",
    ),
    ("Django, PBKDF2 with SHA-1", "pbkdf2_sha1$1000$seasalt$iQvkNOF1wEL4Khh8eogJ8rUhipM="),
    (
        "Django, scrypt",
        "scrypt$1024$seasalt$8$1$b9vqOe0B5HZh2f10Q9RPN9OFNPtmb+ezp5YOlnZsJQ0vQ5I3eq8Zt7GFMuqQ58xCxTIvVL1QCL/PTXEWr+RNHA==",
    ),
    (
        "Django, bcrypt after SHA-256",
        "bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuuIvyWZlBcE3WoQXKqRnwrLYJ6nenE0Bq",
    ),
    ("Django, bcrypt", "bcrypt$$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"),
    ("bcrypt, $2a$", "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"),
    ("bcrypt, $2b$", "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"),
    ("bcrypt, $2y$", "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"),
    (
        "Werkzeug, pbkdf2",
        "pbkdf2:sha256:1000$rJDtEgTvhwVvE0ds$d718ee088f075fba4e873b4c87b279615e47a1fde5db9f560af867091068ade1",
    ),
    (
        "Werkzeug, pbkdf2",
        "pbkdf2:sha512:1000$zEGWrmhcCiUdBisY$c2265b9da49ce2092cba5a6c7bb6c33d60a133d2d8f8b238abe55beb6b647da0a6819d0679ab27f83a4b1beb1a66dbba1815c77a99023efedb0976d416870f72",
    ),
    ("Werkzeug, pbkdf2", "pbkdf2:sha1:1000$2AO4W1xQoQzAmvAn$c53ee1f45448477d9ef5b4050fb3388ad47b97a3"),
    (
        "Werkzeug, scrypt",
        "scrypt:1024:8:1$ZaBmutBPIS2DIfxW$af0da1c977668c6220249c7ed0f966ff0b297daabff84a459ed51661b38967c3620b524cac8238d14f21ccfff72a26133644deb57fe432e5ce5879856328807a",
    ),
    (
        "Passlib, PBKDF2 with SHA-256",
        "$pbkdf2-sha256$1000$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
    ),
    (
        "Passlib, PBKDF2 with SHA-512",
        "$pbkdf2-sha512$1000$AAECAwQFBgcICQoLDA0ODw$Xpx07WjVx4vCIvrmBRj8uOoVVtGqJqtUv2J5bhizSQs7osCteF7W4A61dZDqSIqQjO.dxO6p5FT/Uy7QRBXSXA",
    ),
    (
        "PHC, PBKDF2",
        "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
    ),
    (
        "PHC, scrypt",
        "$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$nfkj3u1fRTHCea+fVr03sWV770kp5wLOLoEakziKhqE",
    ),
];

fn cheap() -> Passwords {
    Passwords::new(Cost::CHEAP, &PasswordSettings::default()).unwrap()
}

fn with(memory_kib: u32, pepper: Option<&str>, old: &[&str]) -> Passwords {
    let secret = |text: &&str| Secret::new((*text).to_owned());
    let settings = PasswordSettings {
        memory_kib: Some(memory_kib),
        pepper: pepper.as_ref().map(secret),
        old_peppers: old.iter().map(secret).collect(),
        ..PasswordSettings::default()
    };
    Passwords::new(Cost::CHEAP, &settings).unwrap()
}

#[tokio::test]
async fn a_password_is_recognised_and_no_other() {
    let passwords = cheap();
    let hash = passwords.hash("correct horse").await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    assert_eq!(passwords.verify("correct horse", Some(&hash)).await.unwrap(), Verdict::Right);
    for (wrong, hash) in [
        ("wrong horse", Some(hash.as_str())),
        ("nobody's", None),
        ("x", Some("not a hash")),
        ("nobody's", Some("no")),
    ] {
        assert_eq!(passwords.verify(wrong, hash).await.unwrap(), Verdict::Wrong, "{wrong}");
    }
    assert_ne!(hash, passwords.hash("correct horse").await.unwrap());
}

#[tokio::test]
async fn a_cheaper_hash_is_stale_and_a_dearer_one_is_not() {
    let (cheap, dear) = (with(64, None, &[]), with(128, None, &[]));
    let hash = cheap.hash("correct horse").await.unwrap();
    assert_eq!(dear.verify("correct horse", Some(&hash)).await.unwrap(), Verdict::RightAndStale);
    assert_eq!(dear.verify("wrong horse", Some(&hash)).await.unwrap(), Verdict::Wrong);
    let hash = dear.hash("correct horse").await.unwrap();
    assert_eq!(cheap.verify("correct horse", Some(&hash)).await.unwrap(), Verdict::Right);
}

#[tokio::test]
async fn a_pepper_is_needed_can_be_replaced_and_added() {
    let plain = with(64, None, &[]);
    let (first, second) = ("a pepper of thirty-two characters", "another one of thirty-two letters");
    let peppered = with(64, Some(first), &[]);
    let rotated = with(64, Some(second), &[first]);
    let hash = peppered.hash("correct horse").await.unwrap();
    assert!(hash.contains(",keyid="), "{hash}");
    assert_eq!(peppered.verify("correct horse", Some(&hash)).await.unwrap(), Verdict::Right);
    assert_eq!(rotated.verify("correct horse", Some(&hash)).await.unwrap(), Verdict::RightAndStale);
    assert_eq!(plain.verify("correct horse", Some(&hash)).await.unwrap(), Verdict::Wrong);
    assert_eq!(
        with(64, Some(second), &[]).verify("correct horse", Some(&hash)).await.unwrap(),
        Verdict::Wrong
    );
    let unpeppered = plain.hash("correct horse").await.unwrap();
    assert_eq!(peppered.verify("correct horse", Some(&unpeppered)).await.unwrap(), Verdict::RightAndStale);
}

#[tokio::test]
async fn hashes_of_others_are_recognised_and_stale() {
    let passwords = cheap();
    for (whose, hash) in BROUGHT {
        assert_eq!(Passwords::check_hash(hash), Ok(()), "{whose}");
        let verify = async |password| passwords.verify(password, Some(hash)).await.unwrap();
        assert_eq!(verify("correct horse").await, Verdict::RightAndStale, "{whose}");
        assert_eq!(verify("correct horsf").await, Verdict::Wrong, "{whose}");
        assert_eq!(verify("").await, Verdict::Wrong, "{whose}");
        assert!(hash.starts_with(kind_of(hash)) && kind_of(hash).len() < hash.len(), "{whose}");
        // One letter of the hash changed is another hash.
        let last = if hash.ends_with('0') { "1" } else { "0" };
        let other = format!("{}{last}", &hash[..hash.len() - 1]);
        assert_eq!(passwords.verify("correct horse", Some(&other)).await.unwrap(), Verdict::Wrong, "{whose}");
    }
}

#[test]
fn what_is_no_hash_or_too_dear_is_refused() {
    for bad in [
        "",
        "correct horse",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "pbkdf2_sha256$600000$salt",
        "pbkdf2_sha256$x$salt$dGhpcyBpcyBubyBoYXNoIGF0IGFsbA==",
        "pbkdf2_md5$1$salt$dGhpcyBpcyBubyBoYXNoIGF0IGFsbA==",
        "pbkdf2_sha256$0$salt$dGhpcyBpcyBubyBoYXNoIGF0IGFsbA==",
        "pbkdf2_sha256$4000000000$salt$dGhpcyBpcyBubyBoYXNoIGF0IGFsbA==",
        "$2b$31$abcdefghijklmnopqrstuuWlL9Lp5WcVqYH7dGfZqgDkDZOVhZ0m6",
        "$2b$12$short",
        "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$dGhpcyBpcyBubyBoYXNoIGF0IGFsbA",
        "$scrypt$ln=24,r=8,p=1$c2FsdA$dGhpcyBpcyBubyBoYXNoIGF0IGFsbA",
        "scrypt:30000:8:1$salt$00112233445566778899aabbccddeeff",
        "scrypt:32768:8:1$salt$0011",
    ] {
        assert!(Passwords::check_hash(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn attack_30_the_slowest_kind_sets_the_time() {
    let passwords = cheap();
    passwords.recipe.at_least("a slow kind", Duration::from_millis(60));
    for hash in [None, Some("no hash")] {
        let began = Instant::now();
        passwords.verify("x", hash).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(60), "{hash:?}");
    }
    // A moment of a busy machine does not slow down all others.
    assert_eq!(passwords.recipe.at_least("a slow kind", Duration::from_millis(5)), {
        passwords.recipe.at_least("another", Duration::from_micros(1)).max(Duration::from_millis(5))
    });
}
