//! Every status that the API's contract names.

use serde_json::json;

use crate::site::Site;

async fn with_post() -> (Site, String, String) {
    let site = Site::new().await;
    let token = site.token("ann@example.org").await;
    let created = site
        .json(
            "POST",
            "/api/posts",
            Some(&token),
            json!({ "title": "One", "status": "published", "price": "1.50" }),
        )
        .await;
    assert_eq!(created.status, 201, "{}", created.body);
    let path = created.header("location").to_owned();
    (site, token, path)
}

#[tokio::test]
async fn a_record_is_made_read_changed_and_deleted() {
    let (site, token, path) = with_post().await;
    assert_eq!(path, "/api/posts/1");
    let read = site.get(&path).await;
    let post = read.value();
    assert_eq!(read.status, 200);
    assert_eq!(read.header("content-type"), "application/json");
    assert_eq!(post["title"], "One");
    assert_eq!(post["slug"], "one");
    assert_eq!(post["price"], "1.50");
    assert_eq!(post["author"], 1);
    assert!(post["created_at"].as_str().unwrap().ends_with('Z'));
    for never in ["_version", "secret", "password"] {
        assert!(post.get(never).is_none(), "{never}");
    }
    let changed = site.json("PATCH", &path, Some(&token), json!({ "body": "text" })).await;
    assert_eq!((changed.status.as_u16(), &changed.value()["body"]), (200, &json!("text")));
    let replaced =
        site.json("PUT", &path, Some(&token), json!({ "title": "Two", "status": "published" })).await;
    assert_eq!(replaced.status, 200, "{}", replaced.body);
    assert_eq!(replaced.value()["body"], json!(null));
    assert_eq!(replaced.value()["author"], 1);
    let deleted = site.json("DELETE", &path, Some(&token), json!(null)).await;
    assert_eq!((deleted.status.as_u16(), deleted.body.as_str()), (204, ""));
    site.get(&path).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn a_list_has_items_and_a_cursor() {
    let (site, token, _) = with_post().await;
    for title in ["Two", "Three"] {
        site.json("POST", "/api/posts", Some(&token), json!({ "title": title, "status": "published" })).await;
    }
    let first = site.get("/api/posts?per_page=2&total=true&sort=-id").await;
    assert_eq!(first.status, 200, "{}", first.body);
    let page = first.value();
    assert_eq!(page["total"], 3);
    assert_eq!(page["items"][0]["title"], "Three");
    let next = page["next"].as_str().unwrap();
    let second = site.get(&format!("/api/posts?per_page=2&sort=-id&cursor={next}")).await.value();
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(second["next"], json!(null));
    assert!(second.get("total").is_none());
}

#[tokio::test]
async fn an_included_author_is_an_object() {
    let (site, token, path) = with_post().await;
    let own = site.get_as(&format!("{path}?include=author"), &token).await;
    assert_eq!(own.status, 200, "{}", own.body);
    assert_eq!(own.value()["author"]["email"], "ann@example.org");
    assert!(own.value()["author"].get("password").is_none());
    let strange = site.get(&format!("{path}?include=author")).await;
    assert_eq!(strange.value()["author"], json!(null));
}

#[tokio::test]
async fn what_one_may_not_read_does_not_exist() {
    let (site, token, _) = with_post().await;
    let other = site.token("bob@example.org").await;
    let draft = site.json("POST", "/api/posts", Some(&token), json!({ "title": "Draft" })).await;
    let path = draft.header("location");
    for (method, body) in [
        ("GET", json!(null)),
        ("PATCH", json!({})),
        ("PUT", json!({ "title": "x" })),
        ("DELETE", json!(null)),
    ] {
        site.json(method, path, Some(&other), body.clone()).await.is_problem(404, "not_found");
        site.json(method, path, None, body).await.is_problem(404, "not_found");
    }
    assert_eq!(site.get_as(path, &token).await.status, 200);
}

#[tokio::test]
async fn readable_but_not_writable_is_401_or_403() {
    let (site, _, path) = with_post().await;
    let other = site.token("bob@example.org").await;
    for (method, body) in
        [("PATCH", json!({ "title": "x" })), ("PUT", json!({ "title": "x" })), ("DELETE", json!(null))]
    {
        site.json(method, &path, None, body.clone()).await.is_problem(401, "unauthenticated");
        site.json(method, &path, Some(&other), body).await.is_problem(403, "forbidden");
    }
    let plain = site.token("cem@example.org").await;
    site.json("POST", "/api/posts", None, json!({ "title": "x" })).await.is_problem(401, "unauthenticated");
    site.json("POST", "/api/posts", Some(&plain), json!({ "title": "x" })).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn wrong_input_is_told_field_by_field() {
    let (site, token, _) = with_post().await;
    let reply = site
        .json("POST", "/api/posts", Some(&token), json!({ "title": "", "status": "gone", "nothing": 1 }))
        .await;
    reply.is_problem(422, "invalid");
    let errors = reply.value()["errors"].clone();
    let mut fields: Vec<&str> =
        errors.as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["nothing", "status", "title"]);
    assert!(errors[0]["code"].is_string() && errors[0]["message"].is_string());
}

#[tokio::test]
async fn only_open_models_have_an_api() {
    let site = Site::new().await;
    for path in [
        "/api/notes",
        "/api/closed",
        "/api/_sessions",
        "/api/nothing",
        "/api",
        "/api/posts/1/x",
        "/api/posts/",
    ] {
        site.get(path).await.is_problem(404, "not_found");
    }
    for id in ["0", "01", "-1", "+1", "1.0", "99999999999999999999", "x", "9"] {
        site.get(&format!("/api/posts/{id}")).await.is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn methods_are_told() {
    let (site, _, path) = with_post().await;
    for (route, allow) in [
        ("/api/posts", "GET, HEAD, POST, OPTIONS"),
        (path.as_str(), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ("/api/auth/login", "POST, OPTIONS"),
        ("/api/auth/me", "GET, HEAD, DELETE, OPTIONS"),
    ] {
        let options = site.ask("OPTIONS", route, &[], "").await;
        assert_eq!((options.status.as_u16(), options.header("allow")), (204, allow));
        let refused = site.ask("PURGE", route, &[], "").await;
        refused.is_problem(405, "method_not_allowed");
        assert_eq!(refused.header("allow"), allow);
    }
    let page = site.ask("PUT", "/", &[], "").await;
    assert_eq!((page.status.as_u16(), page.header("allow")), (405, "GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let (site, _, path) = with_post().await;
    for route in [path.as_str(), "/api/posts", "/", "/style.css", "/nothing"] {
        let get = site.get(route).await;
        let head = site.ask("HEAD", route, &[], "").await;
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{route}");
        assert_eq!(head.header("etag"), get.header("etag"));
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{route}");
    }
}

#[tokio::test]
async fn types_are_negotiated() {
    let (site, token, path) = with_post().await;
    let bearer = format!("Bearer {token}");
    let send = async |method: &str, route: &str, ty: &str| {
        let headers = [("authorization", bearer.as_str()), ("content-type", ty)];
        site.ask(method, route, &headers, "{\"title\":\"x\"}").await
    };
    for ty in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "application/xml",
    ] {
        send("POST", "/api/posts", ty).await.is_problem(415, "unsupported_media_type");
    }
    assert_eq!(send("PATCH", &path, "application/merge-patch+json").await.status, 200);
    send("PUT", &path, "application/merge-patch+json").await.is_problem(415, "unsupported_media_type");
    let refused = site.ask("GET", &path, &[("accept", "text/html")], "").await;
    refused.is_problem(406, "not_acceptable");
}

#[tokio::test]
async fn conditions_are_held() {
    let (site, token, path) = with_post().await;
    let bearer = format!("Bearer {token}");
    let tag = site.get(&path).await.header("etag").to_owned();
    let known = site.ask("GET", &path, &[("if-none-match", &tag)], "").await;
    assert_eq!((known.status.as_u16(), known.body.as_str(), known.header("etag")), (304, "", tag.as_str()));
    let list = site.get("/api/posts").await.header("etag").to_owned();
    assert_eq!(site.ask("GET", "/api/posts", &[("if-none-match", &list)], "").await.status, 304);

    let patch = async |condition: &str| {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("if-match", condition),
        ];
        // A change that changes nothing makes no version.
        let fresh = site.engine.now();
        site.ask("PATCH", &path, &headers, &format!("{{\"body\":\"{fresh}\"}}")).await
    };
    let changed = patch(&tag).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_ne!(changed.header("etag"), tag);
    patch(&tag).await.is_problem(412, "version_mismatch");
    patch("junk").await.is_problem(412, "version_mismatch");
    assert_eq!(patch(&format!("{tag}, {}", changed.header("etag"))).await.status, 200);
    assert_eq!(patch("*").await.status, 200);
    // Another representation of the same version has another tag, and `If-Match` takes both.
    let part = site.get(&format!("{path}?fields=title")).await.header("etag").to_owned();
    let whole = site.get(&path).await.header("etag").to_owned();
    assert_ne!(part, whole);
    assert_eq!(patch(&part).await.status, 200);
    let headers = [("authorization", bearer.as_str()), ("if-match", whole.as_str())];
    site.ask("DELETE", &path, &headers, "").await.is_problem(412, "version_mismatch");
}

#[tokio::test]
async fn no_parameter_is_ignored() {
    let (site, token, path) = with_post().await;
    for route in
        ["/api/posts?nothing=1", &format!("{path}?nothing=1"), "/api/posts?a%00b=1", "/api/posts?per_page=x"]
    {
        assert_eq!(site.get(route).await.status, 400, "{route}");
    }
    site.json("POST", "/api/posts?x=1", Some(&token), json!({ "title": "x" }))
        .await
        .is_problem(400, "unknown_parameter");
    site.json("DELETE", &format!("{path}?x=1"), Some(&token), json!(null))
        .await
        .is_problem(400, "unknown_parameter");
}

#[tokio::test]
async fn the_path_can_be_moved() {
    let files = [("site.toml", "[api]\npath = \"/v1\"\n[accounts]\nroles = [\"author\"]\n")];
    let site = Site::with(purlin_server::Config::default(), &files).await;
    assert_eq!(site.get("/v1/posts").await.status, 200);
    let gone = site.get("/api/posts").await;
    assert_eq!((gone.status.as_u16(), gone.header("content-type")), (404, "text/html; charset=utf-8"));
}
