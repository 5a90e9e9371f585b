SET SESSION sql_mode = '';
CREATE TABLE wp_users (ID bigint(20) unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, user_login varchar(60) NOT NULL DEFAULT '', user_pass varchar(255) NOT NULL DEFAULT '', user_email varchar(100) NOT NULL DEFAULT '', user_registered datetime NOT NULL DEFAULT '0000-00-00 00:00:00', user_status int(11) NOT NULL DEFAULT 0, KEY user_login_key (user_login)) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
CREATE TABLE wp_posts (ID bigint(20) unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, post_author bigint(20) unsigned NOT NULL DEFAULT 0, post_date datetime NOT NULL DEFAULT '0000-00-00 00:00:00', post_content longtext NOT NULL, post_title text NOT NULL, post_excerpt text NOT NULL, post_status varchar(20) NOT NULL DEFAULT 'publish', menu_order int(11) NOT NULL DEFAULT 0, KEY type_status_date (post_status, post_date, ID), KEY post_title (post_title(20))) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
CREATE TABLE wp_term_relationships (object_id bigint(20) unsigned NOT NULL DEFAULT 0, term_taxonomy_id bigint(20) unsigned NOT NULL DEFAULT 0, term_order int(11) NOT NULL DEFAULT 0, PRIMARY KEY (object_id, term_taxonomy_id), KEY term_taxonomy_id (term_taxonomy_id));
CREATE TABLE wp_options (option_id bigint(20) unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, option_name varchar(191) NOT NULL DEFAULT '', option_value longtext NOT NULL, autoload varchar(20) NOT NULL DEFAULT 'yes', UNIQUE KEY option_name (option_name)) DEFAULT CHARSET=latin1;
CREATE TABLE artist (id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(80) NOT NULL, kind enum('band','solo''ist') NOT NULL DEFAULT 'band', flags set('a','b'), mentor int unsigned, active tinyint(1) NOT NULL DEFAULT 1, stars tinyint(1), on_air bit(1), founded year, plays bigint unsigned, fee decimal(10,2) unsigned, ratio float, weight double, opens time, meta json, photo mediumblob, born date, seen timestamp NULL, state varchar(10) CHECK (state in ('in','out')), doubled int AS (stars * 2) STORED, FOREIGN KEY (mentor) REFERENCES artist (id));
CREATE TABLE genre (id smallint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(40) NOT NULL UNIQUE);
CREATE TABLE artist_genre (artist_id int unsigned NOT NULL, genre_id smallint unsigned NOT NULL, PRIMARY KEY (artist_id, genre_id), FOREIGN KEY (artist_id) REFERENCES artist (id), FOREIGN KEY (genre_id) REFERENCES genre (id));
CREATE TABLE country (code char(2) PRIMARY KEY, name varchar(40) NOT NULL);
CREATE TABLE `Gig List` (`Gig Id` mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY, `artist-id` int unsigned NOT NULL, `order` text, FOREIGN KEY (`artist-id`) REFERENCES artist (id));
CREATE VIEW published AS SELECT ID, post_title FROM wp_posts WHERE post_status = 'publish';
INSERT INTO wp_users (ID, user_login, user_pass, user_email) VALUES (1, 'admin', '$P$B', 'a@example.com'), (2, 'Ärla', '', '');
INSERT INTO wp_posts (ID, post_author, post_date, post_content, post_title, post_excerpt) VALUES (1, 1, '2024-02-29 12:30:00', 'Hello 🎵 <b>world</b>', 'Hello', ''), (2, 1, '0000-00-00 00:00:00', '', 'Draft', ''), (3, 1, '2023-00-00 00:00:00', '', '', '');
INSERT INTO wp_term_relationships VALUES (1, 5, 0), (1, 2, 0), (2, 5, 0);
INSERT INTO wp_options (option_name, option_value) VALUES ('siteurl', 'http://example.com'), (_utf8mb4'caf\u00e9', 'x');
UPDATE wp_options SET option_name = CONVERT(_utf8mb4 0x636166C3A9 USING latin1) WHERE option_id = 2;
INSERT INTO artist (id, name, kind, flags, mentor, active, stars, on_air, founded, plays, fee, ratio, weight, opens, meta, photo, born, seen, state) VALUES
  (1, 'Björk', 'solo''ist', 'a,b', NULL, 1, 5, b'1', 1977, 18446744073709551615, 12.50, 0.1, 2.25, '08:30:00', '{"label": "One Little"}', x'00ff', '1965-11-21', '2020-02-29 23:59:59', 'in'),
  (2, 'Sykurmolarnir', 'band', NULL, 1, 0, NULL, NULL, NULL, 9007199254740993, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO genre VALUES (1, 'Pop'), (2, 'Art');
INSERT INTO artist_genre VALUES (1, 1), (1, 2);
INSERT INTO country VALUES ('IS', 'Iceland'), ('DE', 'Germany');
INSERT INTO `Gig List` VALUES (7, 1, 'first');
