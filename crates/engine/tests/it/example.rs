//! The example site is right.

use std::path::Path;

use purlin_schema::Site;
use purlin_schema::load::Layers;

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
