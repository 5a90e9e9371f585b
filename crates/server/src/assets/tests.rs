//! Static files as clients ask for them: fingerprints, encodings, ranges, conditions, and paths that are no files.

use http_body_util::BodyExt;
use purlin_engine::Assets as _;

use super::*;

fn site() -> (tempfile::TempDir, Arc<Assets>) {
    let folder = tempfile::tempdir().unwrap();
    let public = folder.path().join("public");
    std::fs::create_dir_all(public.join("css")).unwrap();
    std::fs::create_dir_all(public.join(".git")).unwrap();
    std::fs::write(public.join("css/style.css"), "body { color: black }\n".repeat(200)).unwrap();
    std::fs::write(public.join(".git/config"), "secret").unwrap();
    std::fs::write(public.join("big.bin"), vec![7_u8; 600_000]).unwrap();
    std::fs::write(folder.path().join("site.toml"), "secret").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("site.toml"), public.join("out.txt")).unwrap();
    let assets = Assets::open(&public, false).unwrap();
    assets.pack();
    (folder, assets)
}

async fn get(assets: &Assets, path: &str, headers: &[(&'static str, &str)]) -> (Response<()>, Bytes) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let response = assets.find(path).unwrap().answer(&Method::GET, &map).await.unwrap();
    let (parts, body) = response.into_parts();
    (Response::from_parts(parts, ()), body.collect().await.unwrap().to_bytes())
}

#[test]
fn attack_18_only_what_lies_in_public_is_served() {
    let (_folder, assets) = site();
    assert_eq!(assets.paths(), ["/_purlin/purlin.css", "/big.bin", "/css/style.css"]);
    for path in ["/out.txt", "/.git/config", "/site.toml", "/../site.toml", "/css", "/css/", "/CSS/style.css"]
    {
        assert!(assets.find(path).is_none(), "{path}");
    }
}

#[tokio::test]
async fn encodings_are_negotiated() {
    let (_folder, assets) = site();
    let (plain, text) = get(&assets, "/css/style.css", &[]).await;
    assert!(!plain.headers().contains_key("content-encoding"));
    for (accept, name) in [("gzip, br", "br"), ("gzip", "gzip")] {
        let (packed, body) = get(&assets, "/css/style.css", &[("accept-encoding", accept)]).await;
        assert_eq!(packed.headers()["content-encoding"], name);
        assert_eq!(packed.headers()["vary"], "accept-encoding");
        assert!(body.len() < text.len() / 10);
        assert_ne!(packed.headers()["etag"], plain.headers()["etag"]);
    }
}

#[tokio::test]
async fn a_known_tag_is_not_answered_again() {
    let (_folder, assets) = site();
    let (first, _) = get(&assets, "/css/style.css", &[]).await;
    let tag = first.headers()["etag"].to_str().unwrap();
    let (second, body) = get(&assets, "/css/style.css", &[("if-none-match", tag)]).await;
    assert_eq!((second.status(), body.len()), (StatusCode::NOT_MODIFIED, 0));
}

#[tokio::test]
async fn fingerprinted_urls_live_for_good() {
    let (_folder, assets) = site();
    let url = assets.url("css/style.css").unwrap();
    assert!(url.starts_with("/css/style.") && url.len() == "/css/style..css".len() + 12);
    let (response, _) = get(&assets, &url, &[]).await;
    assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(assets.url("nothing.css"), None);
}

#[tokio::test]
async fn parts_come_from_memory_and_disk() {
    let (_folder, assets) = site();
    for path in ["/big.bin", "/css/style.css"] {
        let (part, body) = get(&assets, path, &[("range", "bytes=1-4"), ("accept-encoding", "br")]).await;
        assert_eq!((part.status(), body.len()), (StatusCode::PARTIAL_CONTENT, 4));
        assert!(part.headers()["content-range"].to_str().unwrap().starts_with("bytes 1-4/"));
        let (none, _) = get(&assets, path, &[("range", "bytes=9999999-")]).await;
        assert_eq!(none.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        let (stale, _) = get(&assets, path, &[("range", "bytes=1-4"), ("if-range", "\"old\"")]).await;
        assert_eq!(stale.status(), StatusCode::OK);
    }
    let (whole, body) = get(&assets, "/big.bin", &[]).await;
    assert_eq!((whole.status(), body.len()), (StatusCode::OK, 600_000));
}

#[tokio::test]
async fn dev_sees_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let assets = Assets::open(folder.path(), true).unwrap();
    assert!(assets.find("/a.txt").is_none());
    std::fs::write(folder.path().join("a.txt"), "one").unwrap();
    assert_eq!(get(&assets, "/a.txt", &[]).await.1, "one");
    std::fs::remove_file(folder.path().join("a.txt")).unwrap();
    assert!(assets.find("/a.txt").is_none());
}
