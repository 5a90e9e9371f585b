//! `purlin check --deploy`: each finding on a site that has what it looks for, and none on a sound one.

use serde_json::Value;

use crate::site::Site;

const SOUND: &str = "[site]\nurl = \"https://example.com\"\n[mail]\nfrom = \"a@example.com\"\nurl = \"smtps://mail.example.com\"\n\
                     [deploy]\nbackup = \"every night, tried in May\"\n";

const POSTS: &str =
    "[fields]\ntitle = { type = \"text\" }\n[access]\nread = 'true'\ncreate = 'user != null'\n";

fn sound() -> Site {
    let site = Site::of(&[
        ("site.toml", SOUND),
        ("models/posts.toml", POSTS),
        ("pages/index.html", "<p>{{ site.name }}</p>"),
    ]);
    site.done(&["migrate", "new", "--name", "first"]);
    site
}

/// The names of what is found, each with its file, and the exit code.
fn found(site: &Site) -> (Vec<String>, i32) {
    let run = site.run(&["check", "--deploy", "--json"]);
    let json: Value =
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {} {}", run.out, run.err));
    let all = json["findings"].as_array().expect("a list").clone();
    let left = all.iter().filter(|one| one["accepted"] == false);
    let names = left.map(|one| format!("{} {}", one["id"].as_str().unwrap(), one["file"].as_str().unwrap()));
    (names.collect(), run.code)
}

#[test]
fn a_sound_site_has_no_finding() {
    let site = sound();
    assert_eq!(found(&site), (Vec::new(), 0));
    let run = site.done(&["check", "--deploy"]);
    assert!(run.out.contains("Nothing that needs a look"), "{}", run.out);
}

#[test]
fn each_finding_is_found() {
    let settings = |more: &str| format!("{SOUND}{more}");
    let replaced = |from: &str, to: &str| SOUND.replace(from, to);
    let key = "signing_key = \"changeme-changeme-changeme-changeme\"";
    for (id, toml) in [
        (
            "PUR-S002",
            replaced("url = \"https://example.com\"\n", "\n[mail]\n")
                .replace("[mail]\nfrom", "from")
                .replace("\nurl = \"smtps://mail.example.com\"", ""),
        ),
        ("PUR-S003", replaced("https://", "http://")),
        ("PUR-S004", settings("[server]\nlisten = \"0.0.0.0:8080\"\n")),
        ("PUR-S005", settings(&format!("[server]\n{key}\n"))),
        ("PUR-S006", settings(&format!("[server]\n{key}\n"))),
        ("PUR-S006", replaced("smtps://mail", "smtps://me:hunter2@mail")),
        ("PUR-S007", settings("[cors]\norigins = [\"*\"]\n")),
        ("PUR-S008", settings("[cors]\norigins = [\"http://app.example.com\"]\ncredentials = true\n")),
        ("PUR-S011", settings("[accounts]\nverify = false\n")),
        ("PUR-S012", replaced("smtps://mail.example.com", "folder:mails")),
        ("PUR-S013", settings("[database]\nurl = \"postgres://u@db.example.com/site\"\n")),
        ("PUR-S014", replaced("backup = \"every night, tried in May\"\n", "")),
        ("PUR-S016", settings("[limits]\nexempt = [\"0.0.0.0/0\"]\n")),
        ("PUR-S016", settings("[limits]\nwrong_passwords = \"1000/1m\"\n")),
        ("PUR-S018", settings("[server]\ntrusted_proxies = [\"0.0.0.0/0\"]\n")),
        ("PUR-S020", settings("[audit]\nlog = \"off\"\n")),
        ("PUR-S024", settings("[accounts]\nsession_days = 365\n")),
    ] {
        let site = sound();
        site.write("site.toml", &toml);
        let (names, code) = found(&site);
        assert!(names.iter().any(|name| name.starts_with(id)), "{id}: {names:?}");
        assert_eq!(code, i32::from(id != "PUR-S024"), "{id}: {names:?}");
    }
    for (id, file, text) in [
        ("PUR-S001", ".env", "PURLIN_LOG=debug\n"),
        (
            "PUR-S009",
            "models/posts.toml",
            "[fields]\ntitle = { type = \"text\" }\n[access]\nread = 'true'\ncreate = 'true'\n",
        ),
        (
            "PUR-S009",
            "models/posts.toml",
            "[fields]\ntitle = { type = \"text\" }\n[access]\nread = 'true'\ndelete = 'title == \"\"'\n",
        ),
        ("PUR-S019", "models/more.toml", "[fields]\ntitle = { type = \"text\" }\n"),
        ("PUR-S021", "pages/raw.html", "{{ site.description|safe }}"),
        (
            "PUR-S022",
            "pages/all.html",
            "+++\n[data.all]\nfrom = \"users\"\nrules = false\n+++\n{{ all|length }}",
        ),
    ] {
        let site = sound();
        site.write(file, text);
        let (names, code) = found(&site);
        assert!(names.iter().any(|name| name.starts_with(id)), "{id}: {names:?}");
        assert_eq!(code, i32::from(!matches!(id, "PUR-S021" | "PUR-S022")), "{id}: {names:?}");
    }
}

#[test]
fn roles_are_looked_at() {
    let site = sound();
    let roles = "[roles]\nauthor = {}\neditor = { includes = [\"author\"] }\nuser = { permissions = [\"users.invite\"] }\n";
    site.write("site.toml", &format!("{SOUND}{roles}"));
    site.write(
        "models/posts.toml",
        "[fields]\ntitle = { type = \"text\" }\n[access]\nread = 'true'\ncreate = 'user.role == \"author\"'\nupdate = 'user.role in [\"author\", \"editor\"]'\n",
    );
    let (names, _) = found(&site);
    assert!(names.contains(&"PUR-S010 site.toml".to_owned()), "{names:?}");
    let compared = names.iter().filter(|name| *name == "PUR-S023 models/posts.toml").count();
    assert_eq!(compared, 1, "a list that names all of them says what it means: {names:?}");
}

#[cfg(unix)]
#[test]
fn files_that_others_may_read_and_demo_accounts_are_found() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = sound();
    site.write(
        "seeds/users.json",
        "[{\"email\": \"demo@example.com\", \"password\": \"correct horse battery\"}]",
    );
    assert!(found(&site).0.is_empty(), "a file of seeds is no account");
    site.done(&["migrate", "apply"]);
    site.done(&["user", "create", "--email", "demo@example.com", "--no-password"]);
    let data = site.path().join("data");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).expect("the folder is ours");
    let (names, code) = found(&site);
    assert!(
        names.iter().any(|name| name == "PUR-S015 data")
            && names.iter().any(|name| name == "PUR-S017 seeds/"),
        "{names:?}"
    );
    assert_eq!(code, 1);
}

#[test]
fn what_is_meant_to_be_so_is_accepted_by_name() {
    let site = sound();
    site.write("models/wishes.toml", "[fields]\ntext = { type = \"text\" }\n[access]\ncreate = 'true'\n");
    site.done(&["migrate", "new", "--name", "wishes"]);
    assert_eq!(found(&site).1, 1);
    site.write("site.toml", &format!("{SOUND}accept = [\"PUR-S009:models/wishes.toml\"]\n"));
    assert_eq!(found(&site), (Vec::new(), 0));
    let run = site.done(&["check", "--deploy"]);
    assert!(run.out.contains("1 accepted"), "{}", run.out);
    site.write("site.toml", &format!("{SOUND}accept = [\"PUR-S099\"]\n"));
    let run = site.run(&["check", "--deploy"]);
    assert!(run.code == 1 && run.err.contains("PUR-S099") && run.err.contains("did you mean"), "{}", run.err);
}
