CREATE TABLE IF NOT EXISTS entry (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  boat TEXT NOT NULL COLLATE NOCASE,
  movement TEXT NOT NULL CHECK (movement IN ('in', 'out')),
  skipper TEXT NOT NULL,
  remark TEXT NOT NULL,
  logged_at TEXT NOT NULL
);

-- The boats that came in last and did not leave since: counted on every page, however long the book is.
CREATE TABLE IF NOT EXISTS harbour (
  boat TEXT PRIMARY KEY COLLATE NOCASE
) WITHOUT ROWID;
