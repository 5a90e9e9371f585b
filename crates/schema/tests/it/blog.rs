//! The example blog, which is what people copy from.

use std::path::Path;

use purlin_schema::Site;
use purlin_schema::load::Layers;

#[test]
fn the_example_loads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/blog");
    let (site, warnings) = match Site::load(&root, &Layers::default()) {
        Ok(loaded) => loaded,
        Err(diagnostics) => panic!("\n{}", diagnostics.draw(false)),
    };
    assert_eq!(warnings.draw(false), "");
    let posts = site.models.named("posts").expect("the blog has posts");
    assert_eq!(posts.field(posts.label).name, "title");
    assert!(posts.relation_named("comments").is_some());
    assert!(
        site.pages.contains_key("posts/[slug].html") || site.pages.contains_key("posts/[slug]/index.html")
    );
    assert!(site.pages["404.html"].route.is_none());
}
