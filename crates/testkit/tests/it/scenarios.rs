//! The corpus of `scenarios/`.

use std::path::Path;
use std::time::Instant;

#[test]
fn scenarios() {
    let started = Instant::now();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let count = purlin_testkit::scenario::run_all(&folder);
    #[expect(clippy::print_stderr, reason = "how many there were is worth knowing")]
    {
        eprintln!("{count} scenarios in {:.1?}", started.elapsed());
    }
}
