-- The blobs of a large source are listed in several transactions; listed says that all are.
ALTER TABLE sources ADD COLUMN listed INTEGER NOT NULL DEFAULT 1 CHECK (listed IN (0, 1));
