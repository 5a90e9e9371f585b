//! The mail room against a mail server that takes, refuses, hangs, or is not there.

use std::path::Path;

use purlin_testkit::running::pass;
use purlin_testkit::smtp::{MailServer, Manner};
use purlin_testkit::{Client, Running};

const MINUTE: i64 = 60 * 1_000_000;

async fn open(url: &str) -> Running {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/sites/journal");
    let more = format!(
        "\n[mail]\nurl = \"{url}\"\nfrom = \"Journal <hello@journal.example>\"\nuser = \"ann\"\npassword = \"s3cret\"\n"
    );
    Running::with_settings(&site, &more).await
}

async fn ask_for_reset(client: &mut Client) {
    assert_eq!(client.post("/reset", &[("email", "ann@example.org")]).await.status, 303);
}

/// The last mail's state, what was wrong with it, and its text.
async fn last(running: &Running) -> (String, String, String) {
    let mail = running.engine.posted().await.expect("the outbox").into_iter().next().expect("a mail");
    (mail.state, mail.error, mail.letter.text)
}

#[tokio::test]
async fn a_mail_goes_to_its_server_and_its_links_are_forgotten() {
    let server = MailServer::start(0, Manner::Takes).await;
    let running = open(&format!("smtp://{}", server.address)).await;
    ask_for_reset(&mut running.client()).await;
    assert!(server.received().is_empty(), "nothing is sent in a request");
    assert_eq!(running.engine.send_due().await.expect("it is tried"), 1);
    let [mail] = &server.received()[..] else { panic!("one mail") };
    assert!(
        mail.from.contains("<hello@journal.example>") && mail.to.contains("<ann@example.org>"),
        "{mail:?}"
    );
    assert_eq!(mail.auth, "AUTH PLAIN AGFubgBzM2NyZXQ=");
    for part in [
        "From: Journal <hello@journal.example>",
        "To: ann@example.org",
        "Subject: A new password for Journal",
        "Auto-Submitted: auto-generated",
        "multipart/alternative",
        "http://127.0.0.1:8080/reset?token",
    ] {
        assert!(mail.message.contains(part), "{part}: {}", mail.message);
    }
    assert_eq!(last(&running).await, ("sent".to_owned(), String::new(), String::new()));
    assert_eq!(running.engine.send_due().await.expect("nothing is due"), 0);
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again_later() {
    let gone = MailServer::start(0, Manner::Takes).await.address;
    let running = open(&format!("smtp://{gone}")).await;
    ask_for_reset(&mut running.client()).await;
    assert_eq!(running.engine.send_due().await.expect("it is tried"), 1);
    let (state, error, _) = last(&running).await;
    assert!(state == "waiting" && !error.is_empty() && !error.contains("s3cret"), "{state}: {error}");
    assert_eq!(running.engine.send_due().await.expect("it waits"), 0);
    let server = MailServer::start(gone.port(), Manner::Refuses(451)).await;
    pass(MINUTE);
    assert_eq!(running.engine.send_due().await.expect("it is tried"), 1);
    assert_eq!(last(&running).await.0, "waiting");
    server.behave(Manner::Takes);
    pass(4 * MINUTE);
    assert_eq!(running.engine.send_due().await.expect("it waits longer"), 0);
    pass(MINUTE);
    assert_eq!(running.engine.send_due().await.expect("it is tried"), 1);
    assert_eq!((last(&running).await.0.as_str(), server.received().len()), ("sent", 1));
}

#[tokio::test]
async fn what_is_refused_for_good_or_too_old_is_given_up() {
    let server = MailServer::start(0, Manner::Refuses(550)).await;
    let running = open(&format!("smtp://{}", server.address)).await;
    ask_for_reset(&mut running.client()).await;
    running.engine.send_due().await.expect("it is tried");
    let (state, error, _) = last(&running).await;
    assert!(state == "dead" && error.contains("550"), "{state}: {error}");
    // A link that has ended is not sent at all.
    server.behave(Manner::Takes);
    ask_for_reset(&mut running.client()).await;
    pass(61 * MINUTE);
    running.engine.send_due().await.expect("it is looked at");
    assert_eq!((last(&running).await.0.as_str(), server.received().len()), ("dead", 0));
}

#[tokio::test]
async fn two_processes_send_each_mail_once() {
    let server = MailServer::start(0, Manner::Takes).await;
    let running = open(&format!("smtp://{}", server.address)).await;
    let other = running.another();
    for at in 0..5_u8 {
        let mut client = running.client();
        client.peer = Some([203, 0, 113, at].into());
        ask_for_reset(&mut client).await;
    }
    for _ in 0..3 {
        let (here, there) = tokio::join!(running.engine.send_due(), other.send_due());
        here.and(there).expect("they are tried");
    }
    let mut ids: Vec<String> = server.received().iter().map(|mail| id_of(&mail.message)).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), server.received().len()), (5, 5));
}

#[tokio::test]
async fn a_sender_that_dies_midway_leaves_the_mail_to_another_once() {
    let server = MailServer::start(0, Manner::Hangs).await;
    let running = open(&format!("smtp://{}", server.address)).await;
    let other = running.another();
    ask_for_reset(&mut running.client()).await;
    let dying = running.engine.clone();
    let sending = tokio::spawn(async move { dying.send_due().await });
    server.came().await;
    sending.abort();
    server.behave(Manner::Takes);
    assert_eq!(other.send_due().await.expect("it is leased"), 0);
    pass(5 * MINUTE);
    assert_eq!(other.send_due().await.expect("the lease is over"), 1);
    pass(60 * MINUTE);
    assert_eq!(other.send_due().await.expect("nothing is due"), 0);
    let received = server.received();
    assert_eq!(received.len(), 2, "at least once, and once more at most");
    assert_eq!(id_of(&received[0].message), id_of(&received[1].message), "by which receivers know it");
}

#[tokio::test]
async fn what_is_over_is_cleared_out() {
    let running = open("folder:data/mail").await;
    ask_for_reset(&mut running.client()).await;
    running.client().sign_in("ann@example.org", "correct horse battery").await;
    running.engine.send_due().await.expect("it is written");
    let files = std::fs::read_dir(running.root().join("data/mail")).expect("the folder").flatten();
    let names: Vec<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    assert!(names.len() == 1 && names[0].ends_with(".eml"), "{names:?}");
    assert_eq!(running.engine.clear_out().await.expect("nothing is over"), 0);
    pass(61 * MINUTE);
    assert_eq!(running.engine.clear_out().await.expect("the token is"), 1);
    pass(31 * 24 * 60 * MINUTE);
    assert_eq!(running.engine.clear_out().await.expect("session and mail are"), 2);
}

fn id_of(message: &str) -> String {
    let line = message.lines().find(|line| line.starts_with("Message-ID:"));
    line.expect("each mail has one").to_owned()
}
