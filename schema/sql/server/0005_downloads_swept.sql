-- A file whose last dependency may have gone is looked at by the sweep: `loose` says which those are.
ALTER TABLE downloads ADD COLUMN loose INTEGER NOT NULL DEFAULT 0 CHECK (loose IN (0, 1));
CREATE INDEX downloads_loose ON downloads (number) WHERE loose = 1;
CREATE INDEX dependencies_download ON dependencies (download);
CREATE TRIGGER dependencies_gone AFTER DELETE ON dependencies
    BEGIN UPDATE downloads SET loose = 1 WHERE number = OLD.download; END;

-- What an attempt told that another has followed is shown to nobody.
DELETE FROM dependencies WHERE attempt < (SELECT attempt FROM builds WHERE number = build);
