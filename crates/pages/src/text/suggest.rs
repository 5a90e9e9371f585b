//! "Did you mean": the nearest of some names to one that is unknown.

/// The name that differs least from `wrong`, where any is near enough to have been meant.
pub(crate) fn nearest<'names>(
    wrong: &str,
    names: impl IntoIterator<Item = &'names str>,
) -> Option<&'names str> {
    let limit = (wrong.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (distance(wrong, name), name))
        .filter(|(far, _)| *far <= limit)
        .min_by_key(|(far, _)| *far)
        .map(|(_, name)| name)
}

/// `did you mean `x`?`, or what there is where nothing is near.
pub(crate) fn hint<'names>(wrong: &str, names: impl IntoIterator<Item = &'names str> + Clone) -> String {
    if let Some(name) = nearest(wrong, names.clone()) {
        return format!("did you mean `{name}`?");
    }
    let mut all: Vec<&str> = names.into_iter().take(20).collect();
    all.sort_unstable();
    if all.is_empty() { "there are none".to_owned() } else { format!("there are: {}", all.join(", ")) }
}

/// As [`hint`], with a sentence instead of all the names where nothing is near.
pub(crate) fn hint_near<'names>(
    wrong: &str,
    names: impl IntoIterator<Item = &'names str>,
    otherwise: &str,
) -> String {
    nearest(wrong, names).map_or_else(|| otherwise.to_owned(), |name| format!("did you mean `{name}`?"))
}

/// Letters to add, drop, replace or swap to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().flat_map(char::to_lowercase).collect();
    let to: Vec<char> = to.chars().flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, other) in to.iter().enumerate() {
            let mut cost = (last[j] + usize::from(letter != other)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == to[j - 1] && from[i - 1] == *other {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_recognised() {
        assert_eq!(nearest("titel", ["body", "title", "slug"]), Some("title"));
        assert_eq!(nearest("trucate", ["truncate", "date"]), Some("truncate"));
        assert_eq!(nearest("zebra", ["title", "slug"]), None);
        assert_eq!(hint("zebra", ["title", "slug"]), "there are: slug, title");
    }
}
