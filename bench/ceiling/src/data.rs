//! The benchmark's data: the same rows at every run and for both servers.
//!
//! A post's slug is `post-ID` and its title begins with `Post ID`, so that whoever drives the load can tell whether
//! an answer is the right one without the data at hand.

/// How many there are of each. Ids are 1 to this.
pub(crate) const USERS: i64 = 1_000;
pub(crate) const POSTS: i64 = 10_000;
pub(crate) const COMMENTS: i64 = 50_000;

/// The Bearer token that `cargo xtask bench` sends, of the user with id 1.
pub(crate) const TOKEN: &str = "bench-token";

/// Until when it is good: 2100-01-01, in microseconds since 1970.
pub(crate) const EXPIRY: i64 = 4_102_444_800_000_000;

const POST_BODY_BYTES: usize = 1_500;
const COMMENT_BYTES: usize = 200;
const HOUR: i64 = 3_600_000_000;

/// 2024-01-01, in microseconds since 1970.
const START: i64 = 1_704_067_200_000_000;

const WORDS: [&str; 40] = [
    "beam",
    "roof",
    "rest",
    "wood",
    "span",
    "load",
    "frame",
    "joint",
    "rafter",
    "ridge",
    "timber",
    "brace",
    "tile",
    "board",
    "nail",
    "plan",
    "measure",
    "cut",
    "raise",
    "hold",
    "under",
    "over",
    "between",
    "against",
    "beside",
    "slowly",
    "twice",
    "never",
    "again",
    "before",
    "old",
    "dry",
    "straight",
    "heavy",
    "plain",
    "north",
    "winter",
    "morning",
    "carpenter",
    "builder",
];
const FIRST_NAMES: [&str; 10] =
    ["Ada", "Benno", "Clara", "Dmitri", "Elif", "Farid", "Grete", "Hugo", "Ines", "Jonas"];
const LAST_NAMES: [&str; 10] =
    ["Abel", "Brandt", "Castro", "Dahl", "Ebner", "Fuchs", "Garcia", "Holm", "Ito", "Jansen"];

/// A value of some row's column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    /// Microseconds since 1970.
    Time(i64),
    Text(String),
}

/// A table's rows, each with its column's names.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) rows: i64,
    pub(crate) row: fn(i64) -> Vec<(&'static str, Cell)>,
}

/// Users, posts and comments, in an order in which each row's references exist.
pub(crate) const TABLES: [Table; 3] = [
    Table { name: "users", rows: USERS, row: user },
    Table { name: "posts", rows: POSTS, row: post },
    Table { name: "comments", rows: COMMENTS, row: comment },
];

fn user(id: i64) -> Vec<(&'static str, Cell)> {
    let mut random = Random::new(1, id);
    let name = format!("{} {}", random.pick(&FIRST_NAMES), random.pick(&LAST_NAMES));
    vec![
        ("id", Cell::Int(id)),
        ("email", Cell::Text(format!("user{id}@example.com"))),
        ("name", Cell::Text(name)),
        ("role", Cell::Text("author".to_owned())),
        ("created_at", Cell::Time(START)),
        ("updated_at", Cell::Time(START)),
        ("_version", Cell::Int(1)),
    ]
}

/// Nine of ten are published, an hour apart.
fn post(id: i64) -> Vec<(&'static str, Cell)> {
    let mut random = Random::new(2, id);
    let title = format!("Post {id}: {}", random.words(4));
    let body = markdown(&mut random);
    let published = id % 10 != 3;
    let at = START + id * HOUR;
    vec![
        ("id", Cell::Int(id)),
        ("title", Cell::Text(title)),
        ("slug", Cell::Text(format!("post-{id}"))),
        ("body", Cell::Text(body)),
        ("status", Cell::Text(if published { "published" } else { "draft" }.to_owned())),
        ("author", Cell::Int(random.id(USERS))),
        ("published_at", if published { Cell::Time(at) } else { Cell::Null }),
        ("created_at", Cell::Time(at - HOUR)),
        ("updated_at", Cell::Time(at)),
        ("_version", Cell::Int(1)),
    ]
}

/// Four of five are approved.
fn comment(id: i64) -> Vec<(&'static str, Cell)> {
    let mut random = Random::new(3, id);
    let mut body = String::new();
    while body.len() < COMMENT_BYTES {
        let count = 6 + random.below(9);
        random.sentence(&mut body, count);
    }
    let at = START + id * HOUR / 5 + HOUR;
    vec![
        ("id", Cell::Int(id)),
        ("post", Cell::Int(random.id(POSTS))),
        ("author", Cell::Int(random.id(USERS))),
        ("body", Cell::Text(body.trim_end().to_owned())),
        ("status", Cell::Text(if id % 5 == 4 { "waiting" } else { "approved" }.to_owned())),
        ("created_at", Cell::Time(at)),
        ("updated_at", Cell::Time(at)),
        ("_version", Cell::Int(1)),
    ]
}

/// A post of headings, paragraphs with emphasis and links, lists and code.
fn markdown(random: &mut Random) -> String {
    let mut body = String::with_capacity(POST_BODY_BYTES + 300);
    while body.len() < POST_BODY_BYTES {
        match random.below(6) {
            0 => body.push_str(&format!("## {}\n\n", random.words(3))),
            1 => {
                for _ in 0..3 {
                    body.push_str(&format!("- {} **{}**\n", random.words(4), random.words(1)));
                }
                body.push('\n');
            }
            2 => body.push_str(&format!("```\nlet {} = \"{}\";\n```\n\n", random.words(1), random.words(2))),
            _ => {
                for _ in 0..3 {
                    let count = 8 + random.below(8);
                    random.sentence(&mut body, count);
                }
                let (text, at) = (random.words(2), random.words(1));
                body.push_str(&format!("See *{text}* and [{at}](https://example.com/{at}).\n\n"));
            }
        }
    }
    body.truncate(body.trim_end().len());
    body
}

/// SplitMix64 (Steele, Lea, Flood 2014), seeded by table and id so that each row stands by itself.
struct Random(u64);

impl Random {
    fn new(table: u64, id: i64) -> Random {
        Random(id.unsigned_abs().wrapping_mul(0x0100_0000_01b3) ^ (table << 56))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn id(&mut self, count: i64) -> i64 {
        1 + (self.next() % count.unsigned_abs()).cast_signed()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<&str> = (0..count).map(|_| self.pick(&WORDS)).collect();
        words.join(" ")
    }

    fn sentence(&mut self, out: &mut String, words: usize) {
        let sentence = self.words(words);
        let (first, rest) = sentence.split_at(1);
        out.push_str(&first.to_ascii_uppercase());
        out.push_str(rest);
        out.push_str(". ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_at_every_run_and_of_the_size_agreed() {
        assert_eq!(post(7), post(7));
        assert_ne!(post(7), post(8));
        let sizes = (1..=1000).map(|id| match &post(id)[3] {
            ("body", Cell::Text(body)) => body.len(),
            other => panic!("{other:?} is no body"),
        });
        let mean = sizes.sum::<usize>() / 1000;
        assert!((1450..1750).contains(&mean), "{mean}");
    }
}
