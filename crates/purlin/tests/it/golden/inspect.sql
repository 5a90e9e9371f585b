PRAGMA foreign_keys = ON;
CREATE TABLE "Artist" ("ArtistId" INTEGER PRIMARY KEY, "Name" NVARCHAR(120));
CREATE TABLE "Album" ("AlbumId" INTEGER PRIMARY KEY, "Title" NVARCHAR(160) NOT NULL, "ArtistId" INTEGER NOT NULL REFERENCES "Artist" ("ArtistId"));
CREATE INDEX "IFK_AlbumArtistId" ON "Album" ("ArtistId");
CREATE TABLE "Track" (
  "TrackId" INTEGER PRIMARY KEY, "Name" NVARCHAR(200) NOT NULL, "AlbumId" INTEGER REFERENCES "Album",
  "Milliseconds" INTEGER NOT NULL, "Bytes" BIGINT, "UnitPrice" NUMERIC(10,2) NOT NULL, "Explicit" BOOLEAN NOT NULL DEFAULT 0,
  "Sample" BLOB, "seconds" REAL GENERATED ALWAYS AS (Milliseconds / 1000.0) VIRTUAL);
CREATE TABLE "Playlist" ("PlaylistId" INTEGER PRIMARY KEY, "Name" NVARCHAR(120));
CREATE TABLE "PlaylistTrack" ("PlaylistId" INTEGER NOT NULL REFERENCES "Playlist", "TrackId" INTEGER NOT NULL REFERENCES "Track", last_update DATETIME, PRIMARY KEY ("PlaylistId", "TrackId")) WITHOUT ROWID;
CREATE TABLE "Employee" ("EmployeeId" INTEGER PRIMARY KEY, "Last Name" TEXT NOT NULL, "ReportsTo" INTEGER REFERENCES "Employee", "BirthDate" DATETIME, "hired" DATE, "password_hash" TEXT);
CREATE TABLE country (code CHAR(2) PRIMARY KEY, "order" TEXT, population INTEGER);
CREATE TABLE "users" (id INTEGER PRIMARY KEY, login VARCHAR(40) UNIQUE, "country-code" CHAR(2) REFERENCES country(code), created_at TIMESTAMP, "select" TEXT, balance NUMERIC);
CREATE TABLE "Order Details" ("OrderID" INT NOT NULL, "Product ID" INT NOT NULL, "Unit Price" MONEY NOT NULL DEFAULT 0, Quantity SMALLINT, "Discount%" REAL, PRIMARY KEY ("OrderID", "Product ID"));
CREATE TABLE shipment (id TEXT PRIMARY KEY, "OrderID" INT, "Product ID" INT, sent_on TEXT, note, FOREIGN KEY ("OrderID", "Product ID") REFERENCES "Order Details") WITHOUT ROWID;
CREATE TABLE parcel (id INTEGER PRIMARY KEY, shipment TEXT REFERENCES shipment(id), "big" INTEGER, "<b>{{x}}" TEXT);
CREATE TABLE _purlin_old (x);
CREATE VIEW "Album Titles" AS SELECT a."Title", r."Name" AS artist, count(t."TrackId") AS tracks FROM "Album" a JOIN "Artist" r USING ("ArtistId") LEFT JOIN "Track" t USING ("AlbumId") GROUP BY a."AlbumId";
CREATE VIEW broken AS SELECT nope FROM nowhere;
CREATE TRIGGER no_track BEFORE DELETE ON "Track" BEGIN SELECT RAISE(ABORT, 'no'); END;
INSERT INTO "Artist" VALUES (1, 'AC/DC'), (2, 'Accept'), (3, NULL), (4, 'Björk 🎵 <script>alert(1)</script>');
INSERT INTO "Album" VALUES (1, 'For Those About To Rock', 1), (2, 'Balls to the Wall', 2), (3, 'Homogenic', 4);
INSERT INTO "Track" (TrackId, Name, AlbumId, Milliseconds, Bytes, UnitPrice, Explicit, Sample) VALUES (1, 'For Those', 1, 343719, 11170334, 0.99, 0, x'00ff'), (2, 'Jóga', 3, 305000, NULL, 1.29, 1, NULL), (3, 'Loose', NULL, 1, 2, 2, 0, NULL);
INSERT INTO "Playlist" VALUES (1, 'Music'), (8, 'Empty');
INSERT INTO "PlaylistTrack" VALUES (1, 1, '2009-01-01 00:00:00'), (1, 2, NULL);
INSERT INTO "Employee" VALUES (1, 'Adams', NULL, '1962-02-18 00:00:00', '2002-08-14', 'x'), (2, 'Edwards', 1, '1958-12-08 12:30:15.5', '2002-05-01', 'y');
INSERT INTO country VALUES ('DE', 'first', 83000000), ('IS', NULL, 9223372036854775807);
INSERT INTO "users" VALUES (1, 'ada', 'DE', '2020-02-29 23:59:59', 'all', 12.5), (5, 'bob', NULL, NULL, NULL, 7);
INSERT INTO "Order Details" VALUES (10248, 11, 14, 12, 0.15), (10248, 42, 9.8, 10, 0);
INSERT INTO shipment VALUES ('S-1', 10248, 11, '2021-03-04', 12), ('S-2', NULL, NULL, '2021-03-05', 'text');
INSERT INTO parcel VALUES (1, 'S-1', 9007199254740993, 'odd'), (2, NULL, NULL, NULL);
