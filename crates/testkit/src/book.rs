//! The book's examples: a chapter is a site and what it answers.
//!
//! In `docs/book/*.md` a fenced block that names a file (`toml file=models/posts.toml`) is a file of the chapter's
//! site; a block `http` holds requests, each followed by `→ STATUS` and, where that matters, a text that the
//! answer must have.

use std::fs;
use std::path::Path;

use crate::Running;

/// A chapter's examples.
#[derive(Debug, Default)]
pub struct Chapter {
    /// Files by name.
    pub files: Vec<(String, String)>,
    /// Requests in order.
    pub requests: Vec<Example>,
}

/// A request of the book and what must come of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Example {
    /// The line in the chapter on which the answer stands.
    pub line: usize,
    /// `GET`.
    pub method: String,
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// The status that must come.
    pub status: u16,
    /// What the body must have.
    pub has: String,
}

/// The examples in a chapter's text.
#[must_use]
pub fn read(text: &str) -> Chapter {
    let mut chapter = Chapter::default();
    let mut lines = text.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let block: Vec<(usize, &str)> = lines.by_ref().take_while(|(_, line)| *line != "```").collect();
        if let Some((_, name)) = info.split_once("file=") {
            let text = block.iter().map(|(_, line)| format!("{line}\n")).collect();
            chapter.files.push((name.trim().to_owned(), text));
        } else if info.trim() == "http" {
            chapter.requests.extend(requests(&block));
        }
    }
    chapter
}

fn requests(block: &[(usize, &str)]) -> Vec<Example> {
    let mut found = Vec::new();
    let mut example = Example::default();
    let mut in_body = false;
    for (at, line) in block {
        if let Some(expected) = line.strip_prefix("→ ") {
            let (status, has) = expected.split_once(' ').unwrap_or((expected, ""));
            example.line = at + 1;
            example.status = status.parse().unwrap_or_default();
            example.has = has.to_owned();
            example.body = example.body.trim_end().to_owned();
            found.push(std::mem::take(&mut example));
            in_body = false;
        } else if example.method.is_empty() {
            if let Some((method, path)) = line.split_once(' ') {
                example.method = method.to_owned();
                example.path = path.to_owned();
            }
        } else if in_body {
            example.body.push_str(line);
            example.body.push('\n');
        } else if line.is_empty() {
            in_body = true;
        } else if let Some((name, value)) = line.split_once(": ") {
            example.headers.push((name.to_owned(), value.to_owned()));
        }
    }
    found
}

/// Runs a chapter: gives what is not as it says. A chapter without a site (commands alone) has nothing to run.
///
/// # Panics
/// Where the chapter's site has mistakes, or requests go to no site.
pub async fn run(chapter: &Path) -> Vec<String> {
    let text = fs::read_to_string(chapter).expect("a chapter");
    let Chapter { files, requests } = read(&text);
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    if files.is_empty() {
        assert!(requests.is_empty(), "{}: requests, and no site", chapter.display());
        return Vec::new();
    }
    let running = Running::from_files(&files).await;
    let mut reader = running.client();
    let mut wrong = Vec::new();
    for example in requests {
        let headers: Vec<(&str, &str)> =
            example.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply = reader.send(&example.method, &example.path, &headers, &example.body).await;
        let body = reply.text();
        if reply.status.as_u16() != example.status || !body.contains(&example.has) {
            let place = format!("{}:{}", chapter.display(), example.line);
            wrong.push(format!(
                "{place}: {} {} gave {}, not {} {}\n{body}",
                example.method, example.path, reply.status, example.status, example.has
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_example_of_the_book_does_what_it_says() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/book");
        let mut chapters: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        chapters.sort();
        assert!(chapters.len() >= 7);
        let mut wrong = Vec::new();
        for chapter in chapters {
            wrong.extend(run(&chapter).await);
        }
        assert!(
            wrong.is_empty(),
            "{} examples are not as the book says:\n{}",
            wrong.len(),
            wrong.join("\n\n")
        );
    }

    #[test]
    fn a_chapter_has_files_and_requests() {
        let chapter = read(
            "x\n```toml file=site.toml\n[site]\n```\n```http\nPOST /a\nX: y\n\n{}\n→ 201 made\n\nGET /\n→ 200\n```\n",
        );
        assert_eq!(chapter.files, [("site.toml".to_owned(), "[site]\n".to_owned())]);
        assert_eq!(chapter.requests.len(), 2);
        assert_eq!((chapter.requests[0].status, chapter.requests[0].has.as_str()), (201, "made"));
        assert_eq!((chapter.requests[0].body.as_str(), chapter.requests[1].line), ("{}", 13));
    }
}
