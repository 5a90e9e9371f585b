//! Texts and what they become, and texts and what is wrong with them.

use super::Site;

/// Texts that are right.
pub(super) const RIGHT: &[&str] = &[
    "status == \"published\"",
    "this.status == 'published' || author == user",
    "user != null && user.role in [\"author\", \"editor\"]",
    "author.team.name == \"Core\"",
    "author.team.lead == user",
    "tags.exists(t, t.slug == query.tag)",
    "tags.exists(t, t.posts.exists(p, p.author == author && p.id != id))",
    "comments.all(c, c.status == \"approved\")",
    "size(comments) > 3",
    "comments.size() >= 1",
    "comments.filter(c, c.score > 0).size() == 0",
    "size(comments.filter(c, c.author == user)) == 0",
    "user in editors",
    "user in author.team.members",
    "data.post in user.posts",
    "this in user.posts",
    "user.team.name == title",
    "user.team.lead.team.name.startsWith(\"a\")",
    "user.posts.exists(p, p.title == title)",
    "user.team.members.all(m, m.age > 3 && m == author)",
    "size(user.posts.filter(p, p.views > user.age)) > 2",
    "size(user.team.lead.posts) == views",
    "author in user.team.members",
    "data.post.author.team == user.team",
    "data.post.author.name == title",
    "old.author.name != author.name",
    "form.author.name == \"x\"",
    "has(user.team.motto)",
    "author in data.team.members",
    "published_at <= now",
    "published_at > timestamp(\"2026-01-01T00:00:00Z\")",
    "published_at + duration(\"36h\") < now",
    "now - published_at > duration(\"1h30m\")",
    "day == today",
    "day >= date(\"2026-01-31\")",
    "day + duration(\"24h\") < today",
    "day - today == duration(\"48h\")",
    "published_at.getFullYear() == int(params.year)",
    "day.getMonth() == 0 && day.getDate() == 1",
    "views > rating",
    "rating > 5",
    "double(views) * 1.5 > rating",
    "price > 9.99 && price <= 10 && price * 3 > 1.005",
    "views / 2 * 3 % 4 == -5",
    "title.lowerAscii().contains(\"rust\") && title.startsWith(\"A\") && title.endsWith(\"!\")",
    "size(title) > 3 || title.size() == 0",
    "title.matches(r\"^[A-Z]\")",
    "has(this.published_at) && has(author.team)",
    "featured ? views > 3 : views > 5",
    "(featured ? title : slug) == params.slug",
    "params.slug == slug",
    "params.id == author",
    "id == params.id",
    "query.page > 3",
    "old.status != status",
    "old.author == author",
    "form.title == title",
    "data.post.author == user",
    "cover == \"018f0000-0000-7000-8000-000000000000\"",
    "token == \"018f0000-0000-7000-8000-000000000000\"",
    "meta == null",
    "this.visitor == \"x\" && this.package == 'y'",
    "live",
    "both || !live",
    "author == 7",
    "author.id == 7",
    "!featured && !(views > 3)",
    "string(views) + \" \" + string(price) == \"x\"",
    "bool(\"true\") == featured",
    "featured == true",
    "status in [\"draft\"]",
    "author in [1, 2, user]",
    "user == null",
    "length > duration(\"1h\")",
    "-views < 3",
    "tags.exists(tags, tags.name == \"x\")",
    "// a comment\nfeatured",
];

#[test]
fn what_is_right_is_taken() {
    let site = Site::new();
    let mut wrong = Vec::new();
    for text in RIGHT {
        if let Err(mistakes) = site.check(text) {
            let drawn: Vec<String> = mistakes.iter().map(|mistake| mistake.draw(text)).collect();
            wrong.push(drawn.join("\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
