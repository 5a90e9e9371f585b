//! 5, 6: nobody writes what is not his to write, by API or by form.

use purlin_schema::model::Rule;
use serde_json::json;

use super::{everybody, forms, lists, open, somebody};

#[tokio::test]
async fn attack_05_no_field_is_written_that_may_not_be() {
    for site in ["journal", "library"] {
        let running = open(site).await;
        let schema = running.engine.site().clone();
        let people = if site == "journal" { everybody(&running).await } else { vec![("", running.client())] };
        let mut tried = 0;
        for (who, mut client) in people {
            for (model, path) in lists(&running) {
                let model = schema.models.named(&model).expect("a model").clone();
                let mut admin =
                    if site == "journal" { somebody(&running, "max").await } else { running.client() };
                let before = admin.get(&format!("{path}?total=true&sort=id")).await.body;
                for field in &model.fields {
                    let is_nobodys = field.is_system()
                        || field.computed.is_some()
                        || matches!(field.write, Rule::Nobody)
                        || (field.hidden && field.ty.name() != "password");
                    let is_role = field.name == "role" && who != "max";
                    if !(is_nobodys || is_role) {
                        continue;
                    }
                    for value in
                        [json!(1), json!("admin"), json!(null), json!("2020-01-01T00:00:00Z"), json!(true)]
                    {
                        let body = json!({ field.name.clone(): value });
                        for (method, path) in [
                            ("POST", path.clone()),
                            ("PATCH", format!("{path}/1")),
                            ("PUT", format!("{path}/1")),
                        ] {
                            let reply = client.json(method, &path, &body).await;
                            assert!(
                                matches!(reply.status.as_u16(), 401 | 403 | 404 | 422),
                                "{who} {method} {path} {body}: {} {}",
                                reply.status,
                                reply.text()
                            );
                            tried += 1;
                        }
                    }
                }
                assert_eq!(
                    admin.get(&format!("{path}?total=true&sort=id")).await.body,
                    before,
                    "{who} {path}"
                );
            }
        }
        assert!(tried > 100, "{tried}");
    }
}

#[tokio::test]
async fn attack_06_a_form_takes_what_it_shows() {
    let running = open("journal").await;
    let schema = running.engine.site().clone();
    let mut tried = 0;
    for (who, mut client) in everybody(&running).await {
        for (path, name, form) in forms(&schema) {
            let model = schema.models.get(form.model);
            for field in model.fields.iter().filter(|field| !form.fields.contains(&field.id)) {
                let reply = client.post(&path, &[("_form", name), (field.name.as_str(), "2")]).await;
                let went_in = reply.status == 303 && !reply.header("location").starts_with("/login?next=");
                // A form that deletes takes nothing, and what is sent besides changes nothing in that.
                let deletes = matches!(form.action, purlin_schema::page::FormAction::Delete(_));
                assert!(!went_in || deletes, "{who} {path} {name} {}", field.name);
                tried += 1;
                if went_in {
                    return assert!(who == "eve" || who == "max", "{who} deleted by {name}");
                }
            }
        }
    }
    assert!(tried > 50, "{tried}");
}

#[tokio::test]
async fn attack_06_another_record_is_not_named_by_a_form() {
    let running = open("journal").await;
    let mut bob = somebody(&running, "bob").await;
    // Ids and rows that a form's input might smuggle in.
    for (name, value) in
        [("id", "1"), ("data.post", "1"), ("post_id", "1"), ("post[id]", "1"), ("_method", "DELETE")]
    {
        let reply = bob
            .post(
                "/posts/a-late-train",
                &[("_form", "edit"), ("title", "x"), ("status", "draft"), (name, value)],
            )
            .await;
        assert_eq!(reply.status, 422, "{name}: {}", reply.text());
    }
    let reply =
        bob.post("/posts/a-late-train", &[("_form", "edit"), ("_form", "remove"), ("title", "x")]).await;
    assert!(matches!(reply.status.as_u16(), 303 | 400 | 422), "{}", reply.status);
    let mut visitor = running.client();
    assert_eq!(visitor.get("/api/posts/1?fields=title").await.json()["title"], "Rain again");
}
