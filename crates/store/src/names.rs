//! Names that databases cut off.

use sha2::{Digest, Sha256};

/// Bytes of a name on PostgreSQL.
pub(crate) const POSTGRES_NAME: usize = 63;

/// A name that is no longer than a database admits; what is cut off is told apart by a hash of the whole.
pub(crate) fn fitting(name: &str, limit: usize) -> String {
    if name.len() <= limit {
        return name.to_owned();
    }
    let hash = Sha256::digest(name);
    let hash: String = hash.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    let mut end = limit - hash.len() - 1;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}~{hash}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn long_names_are_cut_to_what_fits_and_stay_apart() {
        assert_eq!(fitting("posts(slug) unique", 63), "posts(slug) unique");
        let long = |end: &str| fitting(&format!("{}{end}", "ä".repeat(40)), 63);
        assert!(long("a").len() <= 63 && long("a").starts_with("ääää"), "{}", long("a"));
        assert_ne!(long("a"), long("b"));
        assert_eq!(long("a"), long("a"));
    }
}
