-- a list with what comes along, Sqlite
SELECT t1."id", t3."id", (SELECT count(*) FROM "comments" AS t5 WHERE t5."post" = t1."id"), t1."published_at" FROM (SELECT t0."id" AS c0 FROM "posts" AS t0 WHERE (t0."status" = ?1) ORDER BY t0."published_at" DESC, t0."id" DESC LIMIT ?2) AS p CROSS JOIN "posts" AS t1 LEFT JOIN "users" AS t3 ON t3."id" = t1."author" WHERE t1."id" = p.c0;
SELECT count(*) FROM "posts" AS t0 WHERE (t0."status" = ?1);
SELECT lt1."source", lt1."target" FROM (VALUES (?1),(?2)) AS p CROSS JOIN "posts__tags" AS lt1 JOIN "tags" AS t1 ON t1."id" = lt1."target" WHERE lt1."source" = p.column1 ORDER BY lt1."target" LIMIT ?3;
SELECT c0, c1 FROM (SELECT t1."post" AS c0, t1."id" AS c1, row_number() OVER (PARTITION BY t1."post" ORDER BY t1."id") AS n FROM (VALUES (?1),(?2)) AS p CROSS JOIN "comments" AS t1 WHERE t1."post" = p.column1) AS q WHERE n <= ?3 ORDER BY n;

-- a list with what comes along, Postgres
SELECT p.c0, t2."id", (SELECT count(*) FROM "comments" AS t4 WHERE t4."post" = p.c0), p.c2 FROM (SELECT t0."id" AS c0, t0."author" AS c1, t0."published_at" AS c2 FROM "posts" AS t0 WHERE (t0."status" = $1::text COLLATE "C") ORDER BY t0."published_at" DESC NULLS LAST, t0."id" DESC LIMIT $2::bigint) AS p LEFT JOIN "users" AS t2 ON t2."id" = p.c1 ORDER BY p.c2 DESC NULLS LAST, p.c0 DESC;
SELECT count(*) FROM "posts" AS t0 WHERE (t0."status" = $1::text COLLATE "C");
SELECT lt1."source", lt1."target" FROM "posts__tags" AS lt1 JOIN "tags" AS t1 ON t1."id" = lt1."target" WHERE lt1."source" = ANY($1::bigint[]) ORDER BY lt1."target" LIMIT $2::bigint;
SELECT c0, c1 FROM (SELECT t1."post" AS c0, t1."id" AS c1, row_number() OVER (PARTITION BY t1."post" ORDER BY t1."id") AS n FROM "comments" AS t1 WHERE t1."post" = ANY($1::bigint[])) AS q WHERE n <= $2::bigint ORDER BY n;

-- a list with what comes along, MariaDb
SELECT p.c0, t2.`id`, (SELECT count(*) FROM `comments` AS t4 WHERE t4.`post` = p.c0), p.c2 FROM (SELECT t0.`id` AS c0, t0.`author` AS c1, t0.`published_at` AS c2 FROM `posts` AS t0 WHERE (t0.`status` = ? COLLATE utf8mb4_nopad_bin) ORDER BY t0.`published_at` DESC, t0.`id` DESC LIMIT ?) AS p LEFT JOIN `users` AS t2 ON t2.`id` = p.c1 ORDER BY p.c2 DESC, p.c0 DESC;
SELECT count(*) FROM `posts` AS t0 WHERE (t0.`status` = ? COLLATE utf8mb4_nopad_bin);
SELECT lt1.`source`, lt1.`target` FROM `posts__tags` AS lt1 JOIN `tags` AS t1 ON t1.`id` = lt1.`target` WHERE lt1.`source` IN (?,?) ORDER BY lt1.`target` LIMIT ?;
SELECT c0, c1 FROM (SELECT t1.`post` AS c0, t1.`id` AS c1, row_number() OVER (PARTITION BY t1.`post` ORDER BY t1.`id`) AS n FROM `comments` AS t1 WHERE t1.`post` IN (?,?)) AS q WHERE n <= ? ORDER BY n;

-- a list with what comes along, Mysql
SELECT p.c0, t2.`id`, (SELECT count(*) FROM `comments` AS t4 WHERE t4.`post` = p.c0), p.c2 FROM (SELECT t0.`id` AS c0, t0.`author` AS c1, t0.`published_at` AS c2 FROM `posts` AS t0 WHERE (t0.`status` = ? COLLATE utf8mb4_0900_bin) ORDER BY t0.`published_at` DESC, t0.`id` DESC LIMIT ?) AS p LEFT JOIN `users` AS t2 ON t2.`id` = p.c1 ORDER BY p.c2 DESC, p.c0 DESC;
SELECT count(*) FROM `posts` AS t0 WHERE (t0.`status` = ? COLLATE utf8mb4_0900_bin);
SELECT lt1.`source`, lt1.`target` FROM `posts__tags` AS lt1 JOIN `tags` AS t1 ON t1.`id` = lt1.`target` WHERE lt1.`source` IN (?,?) ORDER BY lt1.`target` LIMIT ?;
SELECT c0, c1 FROM (SELECT t1.`post` AS c0, t1.`id` AS c1, row_number() OVER (PARTITION BY t1.`post` ORDER BY t1.`id`) AS n FROM `comments` AS t1 WHERE t1.`post` IN (?,?)) AS q WHERE n <= ? ORDER BY n;

-- null or not, Sqlite
SELECT t0."id" FROM "posts" AS t0 WHERE (((t0."views" IS ?1) AND NOT (?2)) OR (t0."slug" IS NOT t0."title")) ORDER BY t0."id" LIMIT ?3;

-- null or not, Postgres
SELECT t0."id" FROM "posts" AS t0 WHERE (((t0."views" = $1::bigint OR (t0."views" IS NULL AND $1::bigint IS NULL)) AND NOT ($2::boolean)) OR (t0."slug" IS DISTINCT FROM t0."title")) ORDER BY t0."id" LIMIT $3::bigint;

-- null or not, MariaDb
SELECT t0.`id` FROM `posts` AS t0 WHERE (((t0.`views` <=> ?) AND NOT (?)) OR (NOT t0.`slug` <=> t0.`title`)) ORDER BY t0.`id` LIMIT ?;

-- null or not, Mysql
SELECT t0.`id` FROM `posts` AS t0 WHERE (((t0.`views` <=> ?) AND NOT (?)) OR (NOT t0.`slug` <=> t0.`title`)) ORDER BY t0.`id` LIMIT ?;

-- of related rows, Sqlite
SELECT t0."id" FROM "posts" AS t0 LEFT JOIN "users" AS t2 ON t2."id" = t0."author" LEFT JOIN "teams" AS t3 ON t3."id" = t2."team" WHERE (EXISTS (SELECT 1 FROM "posts__tags" AS lt1 WHERE lt1."source" = t0."id" AND lt1."target" IN (SELECT t1."id" FROM "tags" AS t1 WHERE ((t1."slug" IS ?1) AND NOT (?2)))) AND (t3."name" = ?3)) ORDER BY t0."id" LIMIT ?4;

-- of related rows, Postgres
SELECT t0."id" FROM "posts" AS t0 LEFT JOIN "users" AS t2 ON t2."id" = t0."author" LEFT JOIN "teams" AS t3 ON t3."id" = t2."team" WHERE (EXISTS (SELECT 1 FROM "posts__tags" AS lt1 WHERE lt1."source" = t0."id" AND lt1."target" IN (SELECT t1."id" FROM "tags" AS t1 WHERE ((t1."slug" = $1::text COLLATE "C" OR (t1."slug" IS NULL AND $1::text COLLATE "C" IS NULL)) AND NOT ($2::boolean)))) AND (t3."name" = $3::text COLLATE "C")) ORDER BY t0."id" LIMIT $4::bigint;

-- of related rows, MariaDb
SELECT t0.`id` FROM `posts` AS t0 LEFT JOIN `users` AS t2 ON t2.`id` = t0.`author` LEFT JOIN `teams` AS t3 ON t3.`id` = t2.`team` WHERE (EXISTS (SELECT 1 FROM `posts__tags` AS lt1 WHERE lt1.`source` = t0.`id` AND lt1.`target` IN (SELECT t1.`id` FROM `tags` AS t1 WHERE ((t1.`slug` <=> ? COLLATE utf8mb4_nopad_bin) AND NOT (?)))) AND (t3.`name` = ? COLLATE utf8mb4_nopad_bin)) ORDER BY t0.`id` LIMIT ?;

-- of related rows, Mysql
SELECT t0.`id` FROM `posts` AS t0 LEFT JOIN `users` AS t2 ON t2.`id` = t0.`author` LEFT JOIN `teams` AS t3 ON t3.`id` = t2.`team` WHERE (EXISTS (SELECT 1 FROM `posts__tags` AS lt1 WHERE lt1.`source` = t0.`id` AND lt1.`target` IN (SELECT t1.`id` FROM `tags` AS t1 WHERE ((t1.`slug` <=> ? COLLATE utf8mb4_0900_bin) AND NOT (?)))) AND (t3.`name` = ? COLLATE utf8mb4_0900_bin)) ORDER BY t0.`id` LIMIT ?;

-- all of them, Sqlite
SELECT t0."id" FROM "posts" AS t0 WHERE ((SELECT CASE min(CASE WHEN t1."post" IS NULL THEN NULL ELSE CASE (t1."score" > ?1) WHEN 1 THEN 2 WHEN 0 THEN 0 ELSE 1 END END) WHEN 0 THEN 0 WHEN 1 THEN NULL ELSE 1 END FROM "comments" AS t1 WHERE t1."post" = t0."id") = 1) ORDER BY t0."id" LIMIT ?2;

-- all of them, Postgres
SELECT t0."id" FROM "posts" AS t0 WHERE ((SELECT CASE min(CASE WHEN t1."post" IS NULL THEN NULL ELSE CASE (t1."score" > $1::bigint) WHEN TRUE THEN 2 WHEN FALSE THEN 0 ELSE 1 END END) WHEN 0 THEN FALSE WHEN 1 THEN NULL::boolean ELSE TRUE END FROM "comments" AS t1 WHERE t1."post" = t0."id") = TRUE) ORDER BY t0."id" LIMIT $2::bigint;

-- all of them, MariaDb
SELECT t0.`id` FROM `posts` AS t0 WHERE ((SELECT CASE min(CASE WHEN t1.`post` IS NULL THEN NULL ELSE CASE (t1.`score` > ?) WHEN 1 THEN 2 WHEN 0 THEN 0 ELSE 1 END END) WHEN 0 THEN 0 WHEN 1 THEN NULL ELSE 1 END FROM `comments` AS t1 WHERE t1.`post` = t0.`id`) = 1) ORDER BY t0.`id` LIMIT ?;

-- all of them, Mysql
SELECT t0.`id` FROM `posts` AS t0 WHERE ((SELECT CASE min(CASE WHEN t1.`post` IS NULL THEN NULL ELSE CASE (t1.`score` > ?) WHEN 1 THEN 2 WHEN 0 THEN 0 ELSE 1 END END) WHEN 0 THEN 0 WHEN 1 THEN NULL ELSE 1 END FROM `comments` AS t1 WHERE t1.`post` = t0.`id`) = 1) ORDER BY t0.`id` LIMIT ?;

-- texts, Sqlite
SELECT t0."id" FROM "posts" AS t0 WHERE ((t0."title" >= ?1 AND t0."title" < ?2) AND (instr(t0."title", ?3) > 0) AND (substr(t0."title", -length(t0."slug"), length(t0."slug")) = t0."slug")) ORDER BY t0."id" LIMIT ?4;

-- texts, Postgres
SELECT t0."id" FROM "posts" AS t0 WHERE ((t0."title" >= $1::text COLLATE "C" AND (t0."title" < $2::text COLLATE "C" OR $2::text COLLATE "C" IS NULL)) AND (strpos(t0."title", $3::text COLLATE "C") > 0) AND (right(t0."title", length(t0."slug")) = t0."slug")) ORDER BY t0."id" LIMIT $4::bigint;

-- texts, MariaDb
SELECT t0.`id` FROM `posts` AS t0 WHERE ((t0.`title` >= ? COLLATE utf8mb4_nopad_bin AND (t0.`title` < ? COLLATE utf8mb4_nopad_bin OR ? COLLATE utf8mb4_nopad_bin IS NULL)) AND (LOCATE(? COLLATE utf8mb4_nopad_bin, t0.`title`) > 0) AND (RIGHT(t0.`title`, CHAR_LENGTH(t0.`slug`)) = t0.`slug`)) ORDER BY t0.`id` LIMIT ?;

-- texts, Mysql
SELECT t0.`id` FROM `posts` AS t0 WHERE ((t0.`title` >= ? COLLATE utf8mb4_0900_bin AND (t0.`title` < ? COLLATE utf8mb4_0900_bin OR ? COLLATE utf8mb4_0900_bin IS NULL)) AND (LOCATE(? COLLATE utf8mb4_0900_bin, t0.`title`) > 0) AND (RIGHT(t0.`title`, CHAR_LENGTH(t0.`slug`)) = t0.`slug`)) ORDER BY t0.`id` LIMIT ?;

-- numbers, Sqlite
SELECT t0."id" FROM "posts" AS t0 WHERE ((purlin_call(131648, t0."views", ?1) > purlin_call(131650, t0."views", ?2)) AND (purlin_call(131651, t0."views", t0."views") = ?1) AND (t0."rating" < t0."views")) ORDER BY t0."id" LIMIT ?3;

-- numbers, Postgres
SELECT t0."id" FROM "posts" AS t0 WHERE ((NULLIF(NULLIF(GREATEST(LEAST((t0."views")::numeric + ($1::bigint)::numeric, 9223372036854775808), -9223372036854775809), 9223372036854775808), -9223372036854775809)::bigint > NULLIF(NULLIF(GREATEST(LEAST((t0."views")::numeric * ($2::bigint)::numeric, 9223372036854775808), -9223372036854775809), 9223372036854775808), -9223372036854775809)::bigint) AND (((CASE t0."views" WHEN -1 THEN NULLIF(t0."views", '-9223372036854775808'::bigint) ELSE t0."views" END) / NULLIF(t0."views", 0)) = $1::bigint) AND (CASE WHEN t0."rating" >= 9223372036854775808 THEN 9223372036854775808 WHEN t0."rating" < -9223372036854775808 THEN -9223372036854775809 ELSE trunc(t0."rating")::bigint + sign(t0."rating" - trunc(t0."rating"))::numeric * 0.5 END < (t0."views")::numeric)) ORDER BY t0."id" LIMIT $3::bigint;

-- numbers, MariaDb
SELECT t0.`id` FROM `posts` AS t0 WHERE ((CAST(NULLIF(NULLIF(GREATEST(LEAST(CAST(t0.`views` AS DECIMAL(20,0)) + CAST(? AS DECIMAL(20,0)), 9223372036854775808), -9223372036854775809), 9223372036854775808), -9223372036854775809) AS SIGNED) > CAST(NULLIF(NULLIF(GREATEST(LEAST(CAST(t0.`views` AS DECIMAL(20,0)) * CAST(? AS DECIMAL(20,0)), 9223372036854775808), -9223372036854775809), 9223372036854775808), -9223372036854775809) AS SIGNED)) AND (((CASE t0.`views` WHEN -1 THEN NULLIF(t0.`views`, -9223372036854775808) ELSE t0.`views` END) DIV NULLIF(t0.`views`, 0)) = ?) AND (CASE WHEN t0.`rating` >= 9.223372036854775808e18 THEN 9223372036854775808 WHEN t0.`rating` < -9.223372036854775808e18 THEN -9223372036854775809 ELSE CAST(TRUNCATE(t0.`rating`, 0) AS SIGNED) + SIGN(t0.`rating` - TRUNCATE(t0.`rating`, 0)) * 0.5 END < t0.`views`)) ORDER BY t0.`id` LIMIT ?;

-- numbers, Mysql
SELECT t0.`id` FROM `posts` AS t0 WHERE ((CAST(NULLIF(NULLIF(GREATEST(LEAST(CAST(t0.`views` AS DECIMAL(20,0)) + CAST(? AS DECIMAL(20,0)), 9223372036854775808), -9223372036854775809), 9223372036854775808), -9223372036854775809) AS SIGNED) > CAST(NULLIF(NULLIF(GREATEST(LEAST(CAST(t0.`views` AS DECIMAL(20,0)) * CAST(? AS DECIMAL(20,0)), 9223372036854775808), -9223372036854775809), 9223372036854775808), -9223372036854775809) AS SIGNED)) AND (((CASE t0.`views` WHEN -1 THEN NULLIF(t0.`views`, -9223372036854775808) ELSE t0.`views` END) DIV NULLIF(t0.`views`, 0)) = ?) AND (CASE WHEN t0.`rating` >= 9.223372036854775808e18 THEN 9223372036854775808 WHEN t0.`rating` < -9.223372036854775808e18 THEN -9223372036854775809 ELSE CAST(TRUNCATE(t0.`rating`, 0) AS SIGNED) + SIGN(t0.`rating` - TRUNCATE(t0.`rating`, 0)) * 0.5 END < t0.`views`)) ORDER BY t0.`id` LIMIT ?;

-- times, Sqlite
SELECT t0."id" FROM "posts" AS t0 WHERE ((purlin_call(460352, t0."published_at", ?1) < ?2) AND (purlin_call(1542, t0."published_at") = ?3)) ORDER BY t0."id" LIMIT ?4;

-- times, Postgres
SELECT t0."id" FROM "posts" AS t0 WHERE (((SELECT timestamptz 'epoch' + v.a / 3600000000 * interval '1 hour' + v.a % 3600000000 * interval '1 microsecond' FROM (SELECT NULLIF(NULLIF(GREATEST(LEAST((round(extract(epoch FROM t0."published_at") * 1000000)::bigint)::numeric + ($1::bigint)::numeric, 253402207201000000), -62135596800000001), 253402207201000000), -62135596800000001)::bigint AS a OFFSET 0) AS v) < $2::timestamptz) AND (extract(year FROM t0."published_at" AT TIME ZONE 'UTC')::bigint = $3::bigint)) ORDER BY t0."id" LIMIT $4::bigint;

-- times, MariaDb
SELECT t0.`id` FROM `posts` AS t0 WHERE ((TIMESTAMPADD(MICROSECOND, CAST(NULLIF(NULLIF(GREATEST(LEAST(CAST(TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', t0.`published_at`) AS DECIMAL(20,0)) + CAST(? AS DECIMAL(20,0)), 253402207201000000), -62135596800000001), 253402207201000000), -62135596800000001) AS SIGNED), TIMESTAMP'1970-01-01 00:00:00') < CAST(? AS DATETIME(6))) AND (YEAR(t0.`published_at`) = ?)) ORDER BY t0.`id` LIMIT ?;

-- times, Mysql
SELECT t0.`id` FROM `posts` AS t0 WHERE ((TIMESTAMPADD(MICROSECOND, CAST(NULLIF(NULLIF(GREATEST(LEAST(CAST(TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', t0.`published_at`) AS DECIMAL(20,0)) + CAST(? AS DECIMAL(20,0)), 253402207201000000), -62135596800000001), 253402207201000000), -62135596800000001) AS SIGNED), TIMESTAMP'1970-01-01 00:00:00') < CAST(? AS DATETIME(6))) AND (YEAR(t0.`published_at`) = ?)) ORDER BY t0.`id` LIMIT ?;

