//! What the targets in `fuzz/` do with bytes, and the ordinary suite with their seeds. (The expression's is in the schema,
//! beside the expression.)

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Component, Path};

use http::{HeaderMap, HeaderName, HeaderValue};
use purlin_schema::Site;
use purlin_schema::load::{Layers, seeds};
use purlin_schema::settings::{Forwarded, Network};
use purlin_server::door::{Proxies, Sender};

/// Before the name of each file in an input of [`loader`].
const FILE: &str = "=== ";
/// The most files of an input: what many small ones could show, few show too.
const MOST_FILES: usize = 20;

/// Loads bytes as a site: lines `=== name` part the files. It loads or says what is wrong, with every mistake drawn
/// at its place, and does not panic; what it accepts, it accepts again.
///
/// # Panics
/// Where it refuses without a word, or says another thing the second time, which is what fuzzing looks for.
pub fn loader(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    write(&String::from_utf8_lossy(data), folder.path());
    let load = || match Site::load(folder.path(), &Layers::default()) {
        Ok((site, warnings)) => {
            let list = seeds::list(&site.root, &site.models);
            for file in list.into_iter().flatten() {
                if let Ok(rows) = file.rows(&site.models) {
                    rows.take(1_000).for_each(drop);
                }
            }
            warnings.draw(false)
        }
        Err(mistakes) => {
            let drawn = mistakes.draw(false);
            assert!(mistakes.has_errors() && !drawn.is_empty(), "refused without a word");
            drawn
        }
    };
    assert_eq!(load(), load());
}

/// Takes bytes for what a stranger sends to a trusted proxy, which writes its own word behind them: whatever they are,
/// the stranger is never taken for anybody else, but refused where nothing can be read.
///
/// # Panics
/// Where he is.
pub fn forwarded(data: &[u8]) {
    const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));
    let trusted = [Network::v4([10, 0, 0, 0], 8)];
    let sender = |way, headers: &HeaderMap| Proxies::of(&trusted, way).sender(PROXY, headers);
    let is_told_apart = |told: &Sender| told.address == STRANGER || matches!(told.host, Some(Err(_)));
    for (way, name, word) in [
        (Forwarded::Usual, "x-forwarded-for", "192.0.2.9"),
        (Forwarded::Standard, "forwarded", "for=192.0.2.9;proto=https;host=example.org"),
        (Forwarded::Standard, "forwarded", "for=\"192.0.2.9:80\""),
    ] {
        let name = HeaderName::from_static(name);
        // In the stranger's line, and in a line of the proxy's own.
        let in_line = HeaderValue::from_bytes(&[data, b", ", word.as_bytes()].concat());
        let Ok(in_line) = in_line else { return };
        let told = sender(way, &HeaderMap::from_iter([(name.clone(), in_line)]));
        assert!(is_told_apart(&told), "{told:?}");
        let Ok(before) = HeaderValue::from_bytes(data) else { return };
        let mut headers = HeaderMap::new();
        headers.append(name.clone(), before.clone());
        headers.append(name.clone(), HeaderValue::from_static(word));
        let told = sender(way, &headers);
        assert!(is_told_apart(&told), "{told:?}");
        // Whoever is no proxy says nothing.
        let told = Proxies::of(&trusted, way).sender(STRANGER, &headers);
        assert_eq!(told, Sender::plain(STRANGER));
        // And what is taken for a host of the proxy's word is one, or refused.
        let alone = HeaderMap::from_iter([
            (name, before.clone()),
            (HeaderName::from_static("x-forwarded-host"), before),
        ]);
        if let Some(Ok(host)) = sender(way, &alone).host {
            assert!(!host.name.is_empty() && !host.name.contains(['/', '@', ' ', '%', '\\']), "{host:?}");
        }
    }
}

/// Writes the files of an input; a name that leads elsewhere is passed over.
fn write(text: &str, root: &Path) {
    let mut files: Vec<(&str, String)> = vec![("site.toml", String::new())];
    for line in text.split_inclusive('\n') {
        match line.strip_prefix(FILE) {
            Some(name) if files.len() < MOST_FILES => files.push((name.trim(), String::new())),
            _ => files.last_mut().expect("the first is there").1.push_str(line),
        }
    }
    for (name, text) in files {
        let path = Path::new(name);
        let is_inside =
            path.components().all(|part| matches!(part, Component::Normal(_))) && !name.contains('\0');
        if name.is_empty() || !is_inside {
            continue;
        }
        let path = root.join(path);
        // A name may be a folder's as well, or too long for one: then that file is not there.
        let _ = path.parent().map(fs::create_dir_all);
        let _ = fs::write(path, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_the_loader_end() {
        replay("loader", loader);
    }

    #[test]
    fn attack_13_seeds_of_forwarded_headers_deceive_nobody() {
        replay("forwarded", forwarded);
    }

    #[test]
    fn attack_13_random_forwarded_headers_deceive_nobody() {
        // Of what such headers are made of, so that most are nearly right.
        const PARTS: &[&str] = &[
            "for", "=", "\"", "\\", ",", ";", " ", "10.0.0.2", "1.1.1.1", "[::1]", ":80", "host", "evil",
            "proto", "https", "_", "é",
        ];
        let mut state = 1_u64;
        let mut next = |most: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).expect("31 bits") % most
        };
        for _ in 0..20_000 {
            let count = next(16);
            let text: String = (0..count).map(|_| PARTS[next(PARTS.len())]).collect();
            forwarded(text.as_bytes());
        }
    }

    /// Gives a target its seeds, whole, and cut off where a writer might have been interrupted.
    fn replay(target: &str, fuzz: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let mut seeds = 0;
        for entry in fs::read_dir(folder).expect("there are seeds").flatten() {
            let data = fs::read(entry.path()).expect("a seed");
            fuzz(&data);
            for part in 1..8 {
                fuzz(&data[..data.len() * part / 8]);
            }
            seeds += 1;
        }
        assert!(seeds >= 5, "{seeds} seeds");
    }
}
