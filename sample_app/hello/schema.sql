CREATE TABLE IF NOT EXISTS entry (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  boat TEXT NOT NULL COLLATE NOCASE,
  movement TEXT NOT NULL CHECK (movement IN ('in', 'out')),
  skipper TEXT NOT NULL,
  remark TEXT NOT NULL,
  logged_at TEXT NOT NULL
);

-- Each boat's last movement is looked up for the harbour's state.
CREATE INDEX IF NOT EXISTS entry_boat ON entry (boat, id);
