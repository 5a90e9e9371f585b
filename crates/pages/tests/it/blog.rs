//! The example blog: its templates load without a mistake or a warning.

use std::path::Path;
use std::sync::Arc;

use purlin_pages::{Assets, Templates};
use purlin_schema::Site;
use purlin_schema::load::Layers;

struct Public(std::path::PathBuf);

impl Assets for Public {
    fn url(&self, name: &str) -> Option<String> {
        self.0.join(name).is_file().then(|| format!("/{name}"))
    }
}

#[test]
fn its_templates_are_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/blog");
    let (site, _) = Site::load(&root, &Layers::default()).unwrap_or_else(|found| panic!("{:#?}", found.list));
    let templates = Templates::load(Arc::new(site), Arc::new(Public(root.join("public"))))
        .unwrap_or_else(|found| panic!("{:#?}", found.list));
    assert!(templates.warnings().list.is_empty(), "{:#?}", templates.warnings().list);
    assert!(!templates.uses_nonce("index.html"));
}
