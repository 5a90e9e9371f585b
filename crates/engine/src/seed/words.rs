//! Plausible words for grown sites, drawn in an order that depends on the seed alone.

/// A small generator of random numbers (SplitMix64, Steele et al. 2014): the same on every machine, for ever.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator that gives the same numbers for the same seed and purpose.
    pub(crate) fn new(seed: u64, purpose: &str) -> Random {
        let mut random = Random(seed);
        for byte in purpose.bytes() {
            random.0 = random.next() ^ u64::from(byte);
        }
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to one less than `count`, which is at least 1.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % count).unwrap_or_default()
    }

    /// A number of a closed range.
    pub(crate) fn between(&mut self, least: i64, greatest: i64) -> i64 {
        let span = greatest.wrapping_sub(least).unsigned_abs().saturating_add(1).max(1);
        least.wrapping_add(i64::try_from(self.next() % span).unwrap_or_default())
    }

    /// From 0 to less than 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        let bits = u32::try_from(self.next() >> 32).unwrap_or_default();
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    /// Whether something happens that does so many times in a hundred.
    pub(crate) fn percent(&mut self, times: usize) -> bool {
        self.below(100) < times
    }

    pub(crate) fn pick<'list, T>(&mut self, list: &'list [T]) -> Option<&'list T> {
        list.get(self.below(list.len()))
    }

    /// One of the list, the first ones more often: few authors write most posts.
    pub(crate) fn pick_early<'list, T>(&mut self, list: &'list [T]) -> Option<&'list T> {
        let part = self.fraction();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index may be off by one, and stays below the length"
        )]
        let at = (part * part * list.len() as f64) as usize;
        list.get(at.min(list.len().saturating_sub(1)))
    }

    fn word(&mut self, list: &[&'static str]) -> &'static str {
        self.pick(list).copied().unwrap_or("thing")
    }
}

pub(crate) fn given_name(random: &mut Random) -> &'static str {
    random.word(GIVEN)
}

pub(crate) fn family_name(random: &mut Random) -> &'static str {
    random.word(FAMILY)
}

pub(crate) fn person(random: &mut Random) -> String {
    format!("{} {}", given_name(random), family_name(random))
}

pub(crate) fn city(random: &mut Random) -> &'static str {
    random.word(CITIES)
}

pub(crate) fn noun(random: &mut Random) -> &'static str {
    random.word(NOUNS)
}

/// What a thing might be called: "Copper lantern".
pub(crate) fn thing(random: &mut Random) -> String {
    capital(&format!("{} {}", random.word(ADJECTIVES), random.word(NOUNS)))
}

/// A headline: "How the quiet harbour changed a narrow bridge".
pub(crate) fn title(random: &mut Random) -> String {
    let (first, second) = (random.word(ADJECTIVES), random.word(ADJECTIVES));
    let (one, other) = (random.word(NOUNS), random.word(NOUNS));
    capital(&match random.below(7) {
        0 => format!("how the {first} {one} changed a {second} {other}"),
        1 => format!("notes on a {first} {one}"),
        2 => format!("the {first} {one} and the {second} {other}"),
        3 => format!("why every {one} needs a {second} {other}"),
        4 => format!("what a {first} {one} taught us about the {other}"),
        5 => format!("a {first} {one}, in {} steps", random.between(3, 12)),
        _ => format!("in praise of the {first} {one}"),
    })
}

/// A sentence with its full stop.
pub(crate) fn sentence(random: &mut Random) -> String {
    let (first, second) = (random.word(ADJECTIVES), random.word(ADJECTIVES));
    let (one, other, place) = (random.word(NOUNS), random.word(NOUNS), random.word(NOUNS));
    let (verb, another) = (random.word(VERBS), random.word(VERBS));
    let text = match random.below(8) {
        0 => format!("the {first} {one} {verb} the {other} before anyone noticed"),
        1 => format!("nobody {verb} the {one}, although the {second} {other} was in plain view"),
        2 => format!("we {verb} a {first} {one} near the {place} and {another} it twice"),
        3 => format!("it took the {one} {} days, and the {other} was still {second}", random.between(2, 40)),
        4 => format!("if the {one} is {first}, leave the {other} where it is"),
        5 => format!("somebody had {verb} the {place}; the {second} {one} said so"),
        6 => format!("a {first} {one} costs less than a {second} {other}"),
        _ => format!("most of us {verb} the {one} long before we {another} the {place}"),
    };
    format!("{}.", capital(&text))
}

/// Sentences with spaces between.
pub(crate) fn sentences(random: &mut Random, count: usize) -> String {
    (0..count).map(|_| sentence(random)).collect::<Vec<_>>().join(" ")
}

/// A text in Markdown: paragraphs, here and there a heading, a list or a quotation.
pub(crate) fn markdown(random: &mut Random, paragraphs: usize) -> String {
    let mut parts = Vec::new();
    for number in 0..paragraphs {
        if number > 1 && random.percent(20) {
            parts.push(format!("## {}", thing(random)));
        }
        match random.below(10) {
            0 if number > 0 => {
                let items = random.between(2, 5);
                parts.push((0..items).map(|_| format!("- {}", thing(random))).collect::<Vec<_>>().join("\n"));
            }
            1 if number > 0 => parts.push(format!("> {}", sentence(random))),
            _ => {
                let count = 2 + random.below(4);
                parts.push(sentences(random, count));
            }
        }
    }
    parts.join("\n\n")
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

const GIVEN: &[&str] = &[
    "Ada", "Agnes", "Amir", "Ana", "Ansel", "Astrid", "Aya", "Bao", "Beatriz", "Bela", "Bruno", "Carmen",
    "Chidi", "Clara", "Dalia", "Daniel", "Dara", "Edith", "Elif", "Emeka", "Emil", "Esther", "Farah",
    "Felix", "Fiona", "Gita", "Hana", "Hugo", "Ida", "Imani", "Ines", "Ivan", "Jana", "Jonas", "Josef",
    "Juno", "Kaito", "Karin", "Kofi", "Lana", "Leila", "Leo", "Lina", "Luca", "Maeve", "Malik", "Mara",
    "Marta", "Mei", "Milan", "Mina", "Nadia", "Nia", "Noor", "Nora", "Odile", "Oskar", "Otto", "Paula",
    "Pia", "Priya", "Ravi", "Rosa", "Ruth", "Sami", "Sana", "Selma", "Silas", "Sofia", "Stefan", "Tariq",
    "Tessa", "Theo", "Tomas", "Uma", "Vera", "Viktor", "Wanda", "Wren", "Yara", "Yusuf", "Zofia",
];

const FAMILY: &[&str] = &[
    "Abara",
    "Adeyemi",
    "Alvarez",
    "Andersen",
    "Baptiste",
    "Bauer",
    "Becker",
    "Bell",
    "Castellane",
    "Chen",
    "Cohen",
    "Costa",
    "Dahl",
    "Davies",
    "Diallo",
    "Dubois",
    "Eriksen",
    "Evans",
    "Farouk",
    "Ferrari",
    "Fischer",
    "Flores",
    "Garcia",
    "Grant",
    "Gupta",
    "Haddad",
    "Hansen",
    "Hughes",
    "Ivanova",
    "Jansen",
    "Joshi",
    "Kaya",
    "Keller",
    "Khan",
    "Kim",
    "Kovac",
    "Kowalski",
    "Kruger",
    "Larsen",
    "Lindqvist",
    "Lopez",
    "Mahmoud",
    "Marino",
    "Mbeki",
    "Meyer",
    "Moreau",
    "Murphy",
    "Nakamura",
    "Nguyen",
    "Novak",
    "Okafor",
    "Olsen",
    "Osei",
    "Park",
    "Patel",
    "Pereira",
    "Petrov",
    "Quinn",
    "Rossi",
    "Roy",
    "Saito",
    "Santos",
    "Schmidt",
    "Silva",
    "Singh",
    "Sokolov",
    "Svensson",
    "Tanaka",
    "Torres",
    "Tully",
    "Usman",
    "Varga",
    "Vogel",
    "Walsh",
    "Weber",
    "Wolf",
    "Yilmaz",
    "Young",
    "Zhang",
    "Zimmer",
];

const CITIES: &[&str] = &[
    "Aarhus", "Accra", "Bergen", "Bologna", "Bristol", "Cork", "Dakar", "Essen", "Faro", "Fukuoka", "Ghent",
    "Haifa", "Izmir", "Jaipur", "Kazan", "Leeds", "Lima", "Lyon", "Malaga", "Nairobi", "Odense", "Oslo",
    "Porto", "Quito", "Riga", "Seville", "Tallinn", "Turin", "Utrecht", "Valencia", "Vilnius", "Wexford",
    "York", "Zagreb",
];

const ADJECTIVES: &[&str] = &[
    "ancient",
    "bare",
    "blue",
    "borrowed",
    "bright",
    "broken",
    "careful",
    "cheap",
    "clever",
    "cold",
    "copper",
    "crooked",
    "curious",
    "distant",
    "dry",
    "early",
    "empty",
    "familiar",
    "fast",
    "forgotten",
    "fragile",
    "gentle",
    "golden",
    "green",
    "heavy",
    "hidden",
    "honest",
    "humble",
    "idle",
    "late",
    "little",
    "lonely",
    "long",
    "loud",
    "modest",
    "narrow",
    "northern",
    "odd",
    "old",
    "open",
    "ordinary",
    "painted",
    "patient",
    "plain",
    "polite",
    "quick",
    "quiet",
    "rare",
    "restless",
    "rough",
    "rusty",
    "second-hand",
    "secret",
    "sharp",
    "silver",
    "simple",
    "slow",
    "small",
    "spare",
    "steady",
    "strange",
    "stubborn",
    "tall",
    "thin",
    "tidy",
    "tired",
    "unlikely",
    "useful",
    "warm",
    "wild",
    "wooden",
    "young",
];

const NOUNS: &[&str] = &[
    "anchor",
    "archive",
    "atlas",
    "barn",
    "bell",
    "bicycle",
    "boat",
    "book",
    "bottle",
    "bridge",
    "broom",
    "camera",
    "candle",
    "canal",
    "chair",
    "chimney",
    "clock",
    "cloud",
    "compass",
    "cup",
    "desk",
    "door",
    "drawer",
    "engine",
    "envelope",
    "fence",
    "ferry",
    "field",
    "garden",
    "gate",
    "glass",
    "guitar",
    "hammer",
    "harbour",
    "hat",
    "hill",
    "island",
    "jacket",
    "kettle",
    "kitchen",
    "ladder",
    "lake",
    "lamp",
    "lantern",
    "letter",
    "library",
    "lighthouse",
    "map",
    "market",
    "meadow",
    "mirror",
    "mountain",
    "needle",
    "notebook",
    "oven",
    "paddle",
    "paper",
    "pencil",
    "piano",
    "pier",
    "radio",
    "railway",
    "recipe",
    "river",
    "road",
    "roof",
    "rope",
    "school",
    "shelf",
    "ship",
    "signal",
    "spoon",
    "stair",
    "station",
    "stone",
    "stove",
    "street",
    "suitcase",
    "table",
    "tide",
    "timber",
    "tower",
    "train",
    "umbrella",
    "valley",
    "violin",
    "wall",
    "watch",
    "well",
    "wheel",
    "window",
    "workshop",
];

const VERBS: &[&str] = &[
    "borrowed",
    "bought",
    "built",
    "carried",
    "changed",
    "cleaned",
    "described",
    "drew",
    "fixed",
    "followed",
    "found",
    "heard",
    "kept",
    "learned",
    "left",
    "lost",
    "made",
    "measured",
    "mended",
    "missed",
    "moved",
    "named",
    "opened",
    "painted",
    "photographed",
    "praised",
    "remembered",
    "repaired",
    "returned",
    "sketched",
    "sold",
    "trusted",
    "watched",
    "weighed",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_words() {
        let text = |seed| markdown(&mut Random::new(seed, "posts"), 4);
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
        assert_ne!(Random::new(1, "posts").next(), Random::new(1, "users").next());
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut random = Random::new(7, "");
        for _ in 0..1_000 {
            assert!((-3..=3).contains(&random.between(-3, 3)));
            assert!((0.0..1.0).contains(&random.fraction()));
            assert!(random.pick_early(&[1, 2, 3]).is_some());
            let _ = random.between(i64::MIN, i64::MAX);
        }
        assert_eq!(random.pick::<u8>(&[]), None);
    }
}
