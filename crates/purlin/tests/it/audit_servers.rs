//! The log of who did what, on servers, where most records are made by one statement alone.

use purlin_store::testing::Fresh;
use serde_json::json;

use crate::site::Site;

const NOTES: &str =
    "[fields]\ntitle = { type = \"text\", required = true }\n[access]\nread = 'true'\ncreate = 'true'\n";

#[test]
fn a_record_that_is_made_is_written_down_where_the_log_wants_it() {
    for fresh in Fresh::on_servers() {
        for (log, rows) in [("off", 0), ("all", 2)] {
            let settings = format!("[database]\nurl = \"{}\"\n[audit]\nlog = \"{log}\"\n", fresh.url);
            let site = Site::of(&[("models/notes.toml", NOTES)]);
            site.write("site.toml", &settings);
            let server = site.start("dev");
            for title in ["One", "Two"] {
                let answer = server.post("/api/notes", &json!({ "title": title }));
                assert_eq!(answer.status, 201, "{}", answer.body);
            }
            let told = fresh.rows("SELECT event FROM _audit WHERE model = 'notes'");
            assert_eq!(told.len(), rows, "{log}: {told:?}");
        }
    }
}
