//! The example site is right.

use std::path::Path;

use purlin_schema::Site;
use purlin_schema::load::Layers;

use crate::support::Fixture;

#[test]
fn the_example_loads_without_a_warning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/blog");
    match Site::load(&root, &Layers::default()) {
        Ok((site, warnings)) => {
            assert!(site.pages.len() > 10);
            assert!(warnings.list.is_empty(), "{}", warnings.draw(false));
        }
        Err(mistakes) => panic!("{}", mistakes.draw(false)),
    }
}

#[tokio::test]
async fn the_example_compiles_to_the_last_template() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/blog");
    Fixture::of_folder(&root);
}
