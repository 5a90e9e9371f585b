//! A real Chromium uses the example blog: signs up, comments, meets an error, writes, reads the feed.
//!
//! Pictures of what it saw are in `target/screenshots`, for people to look at.

use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use purlin_engine::mail::Letter;
use purlin_testkit::Running;
use purlin_testkit::webdriver::{self, Browser, Screen};
use tokio::net::TcpListener;

/// Pages whose pictures are taken, with who looks.
const PAGES: &[(&str, &str)] = &[
    ("index", "/"),
    ("posts", "/posts"),
    ("search", "/posts?q=lime"),
    ("tags", "/tags"),
    ("archive", "/archive"),
    ("authors", "/authors"),
    ("about", "/about"),
    ("contact", "/contact"),
    ("post", "/posts/why-we-are-writing-this-down"),
    ("login", "/login"),
    ("signup", "/signup"),
    ("nothing", "/nothing"),
];

#[tokio::test]
async fn a_browser_uses_the_blog() {
    if let Some(why) = webdriver::absent() {
        #[expect(clippy::print_stderr, reason = "what was left out is worth knowing")]
        {
            eprintln!("left out: {why}");
        }
        return;
    }
    let running = Arc::new(Running::of(&root().join("examples/blog")).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(purlin_server::serve(running.app.clone(), listener, 100, pending()));
    let post = running.clone();
    let runtime = tokio::runtime::Handle::current();
    let visit = tokio::task::spawn_blocking(move || {
        let browser = Browser::start(&root().join("target/screenshots"));
        look_around(&browser, &origin);
        sign_up(&browser, &origin, || runtime.block_on(post.mails()));
        comment(&browser, &origin);
        meet_an_error(&browser, &origin);
        write_a_post(&browser, &origin);
        read_the_feed(&browser, &origin);
    });
    let came = visit.await;
    server.abort();
    if let Err(error) = came {
        std::panic::resume_unwind(error.into_panic());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every page fits its screen, and breaks no rule that it set for itself.
fn look_around(browser: &Browser, origin: &str) {
    for (name, path) in PAGES {
        for (screen, width) in [(Screen::Desktop, "desktop"), (Screen::Phone, "phone")] {
            browser.look(screen, false);
            browser.go(&format!("{origin}{path}"));
            assert_page(browser, &format!("{name}-{width}"));
        }
    }
    browser.look(Screen::Desktop, true);
    for (name, path) in [PAGES[0], PAGES[8], PAGES[9]] {
        browser.go(&format!("{origin}{path}"));
        assert_page(browser, &format!("{name}-dark"));
    }
    browser.look(Screen::Desktop, false);
}

fn assert_page(browser: &Browser, name: &str) {
    browser.screenshot(name);
    assert!(browser.overflow() <= 0, "{name} is {} points too wide", browser.overflow());
    let refused =
        |message: &String| message.contains("Content Security Policy") || message.contains("Refused");
    let complaints: Vec<String> = browser.complaints().into_iter().filter(refused).collect();
    assert_eq!(complaints, Vec::<String>::new(), "{name}");
}

/// Signs up, and follows the link in the mail.
fn sign_up(browser: &Browser, origin: &str, mails: impl Fn() -> Vec<Letter>) {
    browser.go(&format!("{origin}/signup"));
    browser.find("#signup-name").type_in("Nora Quill");
    browser.find("#signup-email").type_in("nora@example.com");
    browser.find("#signup-password").type_in("correct horse battery");
    browser.find("#form-signup button").submit();
    assert_eq!(browser.url(), format!("{origin}/verify"));
    assert_page(browser, "verify");
    let mails = mails();
    let text = &mails.last().expect("a mail").text;
    let link = text.split_whitespace().find_map(|word| word.split_once("/verify?")).expect("a link").1;
    browser.go(&format!("{origin}/verify?{}", link.trim_end_matches('>')));
    assert_page(browser, "verify-link");
    browser.find("#verify-password").type_in("correct horse battery");
    browser.find("#form-verify button").submit();
    assert_eq!(browser.url(), format!("{origin}/"));
    assert!(browser.find(".account").text().contains("Nora Quill"));
}

fn comment(browser: &Browser, origin: &str) {
    browser.go(&format!("{origin}/posts/why-we-are-writing-this-down"));
    browser.find("#form-comment textarea").type_in("I came by browser.\n\nIt *works* <b>here</b>.");
    browser.find("#form-comment button").submit();
    assert!(browser.find(".flash").text().contains("waits for an editor"));
    let comment = browser.find(".comment:last-of-type").text();
    assert!(comment.contains("I came by browser.") && comment.contains("Nora Quill"), "{comment}");
    assert_page(browser, "commented");
}

/// A form with mistakes comes back with what was written, and each message is tied to its input.
fn meet_an_error(browser: &Browser, origin: &str) {
    browser.go(&format!("{origin}/contact"));
    // A browser would keep the form from being sent; the server has to say it too.
    let _ = browser.run("document.querySelector('#form-contact').noValidate = true");
    browser.find("#contact-name").type_in("Nora");
    browser.find("#contact-email").type_in("nobody");
    browser.find("#form-contact button").submit();
    assert_eq!(browser.status(), 422);
    let email = browser.find("#contact-email");
    assert_eq!(email.attribute("value"), "nobody");
    assert_eq!(email.attribute("aria-invalid"), "true");
    let message = browser.find(&format!("#{}", email.attribute("aria-describedby"))).text();
    assert!(message.contains("e-mail"), "{message}");
    assert_eq!(browser.find("#contact-name").attribute("value"), "Nora");
    assert!(browser.find(".form-messages").text().contains("need your attention"));
    // The list of mistakes leads to the inputs.
    browser.find(".form-messages a[href='#contact-email']").click();
    assert_eq!(browser.run("return document.activeElement.id"), "contact-email");
    assert_page(browser, "mistakes-desktop");
    browser.look(Screen::Phone, false);
    assert_page(browser, "mistakes-phone");
    browser.look(Screen::Desktop, false);
}

fn write_a_post(browser: &Browser, origin: &str) {
    browser.find("form[action='/logout'] button").submit();
    browser.go(&format!("{origin}/login?next=/write/new"));
    browser.find("#login-email").type_in("ada@example.com");
    browser.find("#login-password").type_in("longmend-demo");
    browser.find("#form-login button").submit();
    assert_eq!(browser.url(), format!("{origin}/write/new"));
    browser.find("#post-title").type_in("Written in a browser");
    browser.find("#post-summary").type_in("By somebody who was not there.");
    browser.find("#post-body").type_in("# One\n\nA paragraph with `code` and a [link](https://example.com).");
    browser.find("#post-tags option:first-child").click();
    browser.find("#post-status option[value=published]").click();
    // Keys for a date depend on the browser's language.
    let _ = browser.run("document.querySelector('#post-published_at').value = '2026-10-31T10:00'");
    assert_page(browser, "writing-desktop");
    browser.find("#form-post button").submit();
    assert_eq!(browser.url(), format!("{origin}/posts/written-in-a-browser"));
    let text = browser.text();
    assert!(text.contains("Your post is saved.") && text.contains("By Ada"), "{text}");
    assert_eq!(browser.find(".prose a").attribute("href"), "https://example.com");
    for (name, path) in
        [("desk", "/write"), ("edit", "/posts/written-in-a-browser/edit"), ("account", "/account")]
    {
        browser.go(&format!("{origin}{path}"));
        assert_page(browser, &format!("{name}-desktop"));
        browser.look(Screen::Phone, false);
        assert_page(browser, &format!("{name}-phone"));
        browser.look(Screen::Desktop, false);
    }
    // What an author may not see is a page of its own.
    browser.go(&format!("{origin}/moderate"));
    assert_eq!(browser.status(), 403);
    assert_page(browser, "forbidden-desktop");
}

fn read_the_feed(browser: &Browser, origin: &str) {
    browser.go(&format!("{origin}/feed.xml"));
    let feed = browser.source();
    assert!(feed.contains("Written in a browser") && feed.contains("The Long Mend"), "{feed:.400}");
    assert!(!feed.contains("parsererror"), "{feed:.400}");
}
