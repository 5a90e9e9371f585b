//! What `purlin dev` shows that `purlin serve` does not.

use std::sync::Arc;

use purlin_server::Config;
use purlin_server::dev::Live;

use crate::site::Site;

async fn under_dev() -> (Site, Arc<Live>) {
    let live = Arc::new(Live::new());
    let site = Site::with(Config { live: Some(live.clone()), ..Config::default() }, &[]).await;
    (site, live)
}

#[tokio::test]
async fn pages_load_the_script_that_listens() {
    let (site, _) = under_dev().await;
    let page = site.get("/").await;
    assert!(page.body.ends_with("<script src=\"/_purlin/live.js\" defer></script></body>"), "{}", page.body);
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert!(!Site::new().await.get("/").await.body.contains("live.js"));
}

#[tokio::test]
async fn a_broken_site_says_what_is_wrong_until_it_is_mended() {
    let (site, live) = under_dev().await;
    live.broken("models/posts.toml:3: unknown <field>".to_owned());
    let page = site.get("/").await;
    assert_eq!(page.status, 500);
    assert!(page.body.contains("unknown &lt;field&gt;") && page.body.contains("live.js"), "{}", page.body);
    assert_eq!(site.get("/api/posts").await.status, 200);
    assert_eq!(site.get("/style.css").await.status, 200);
    live.changed();
    assert_eq!(site.get("/").await.status, 200);
}

#[tokio::test]
async fn attack_09_a_failing_template_is_shown_under_dev_alone() {
    let (site, _) = under_dev().await;
    let shown = site.get("/fails").await;
    assert_eq!(shown.status, 500);
    assert!(shown.body.contains("fails.html"), "{}", shown.body);
    let hidden = Site::new().await.get("/fails").await;
    assert_eq!(hidden.status, 500);
    assert!(!hidden.body.contains("fails.html") && !hidden.body.contains("zero"), "{}", hidden.body);
}

#[tokio::test]
async fn a_site_has_its_own_error_pages() {
    let site = Site::new().await;
    for path in ["/nothing", "/posts/nothing"] {
        let lost = site.get(path).await;
        assert_eq!(lost.status, 404);
        assert!(lost.body.contains("<p>Lost: 404 There is nothing here.</p>"), "{}", lost.body);
    }
}
