PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL; -- what is committed survives a power cut
PRAGMA foreign_keys = ON;

-- The highest number that was ever given, to a purge or to a page.
CREATE TABLE IF NOT EXISTS last (number INTEGER NOT NULL);
INSERT INTO last SELECT 0 WHERE NOT EXISTS (SELECT * FROM last);

-- `through` is the number up to which no mark is on the page.
CREATE TABLE IF NOT EXISTS pages (
    id INTEGER PRIMARY KEY, build TEXT NOT NULL, key BLOB NOT NULL,
    as_of INTEGER NOT NULL, through INTEGER NOT NULL, octets BLOB NOT NULL,
    UNIQUE (build, key)
);
CREATE TABLE IF NOT EXISTS selectors (
    page INTEGER NOT NULL REFERENCES pages ON DELETE CASCADE, selector BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS selectors_of_page ON selectors (page);
CREATE TABLE IF NOT EXISTS marks (
    selector BLOB NOT NULL, is_hard INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (selector, is_hard)
);

-- The build of this connection, and its pages.
CREATE TEMP TABLE joined (build TEXT);
INSERT INTO joined VALUES (NULL);
CREATE TEMP VIEW page AS
SELECT *, ( -- 0 without a mark, 1 with a soft one, 2 with a hard one
    SELECT coalesce(max(1 + is_hard), 0) FROM selectors JOIN marks USING (selector)
    WHERE page = id AND number > through
) AS verdict FROM pages JOIN joined USING (build);

-- A page with a higher number stays.
CREATE TEMP TRIGGER put INSTEAD OF INSERT ON page BEGIN
    DELETE FROM pages WHERE id IN (SELECT id FROM page WHERE key = new.key AND as_of <= new.as_of);
    INSERT OR IGNORE INTO pages (build, key, as_of, through, octets)
        SELECT build, new.key, new.as_of, new.as_of, new.octets FROM joined;
    UPDATE last SET number = max(number, new.as_of);
END;
CREATE TEMP TRIGGER remove INSTEAD OF DELETE ON page BEGIN
    DELETE FROM pages WHERE id = old.id;
END;
CREATE TEMP TRIGGER touch INSTEAD OF UPDATE OF through ON page BEGIN
    UPDATE pages SET through = max(through, new.through) WHERE id = old.id;
END;
