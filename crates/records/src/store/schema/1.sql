-- Times are milliseconds since 1970-01-01T00:00:00Z on the engine's clock, durations are milliseconds. A call's number is
-- one within its journal; `known` is when the last thing happened that a row tells of.

CREATE TABLE calls (
    journal   INTEGER NOT NULL,
    call      INTEGER NOT NULL,
    known     INTEGER NOT NULL,
    queue     TEXT    NOT NULL,
    trunk     TEXT    NOT NULL,
    caller    TEXT,              -- NULL: withheld
    call_back INTEGER NOT NULL,  -- 1: we called the caller
    ticket    INTEGER NOT NULL,
    since     INTEGER NOT NULL,  -- when the ticket was drawn
    arrived   INTEGER NOT NULL,
    left_at   INTEGER,           -- waited no longer
    connected INTEGER,
    waited    INTEGER,
    operator  TEXT,
    forwarded INTEGER,
    ended     INTEGER,
    outcome   TEXT,
    talked    INTEGER,
    held      INTEGER,
    PRIMARY KEY (journal, call)
) WITHOUT ROWID;

CREATE INDEX calls_by_caller ON calls (caller, arrived) WHERE caller IS NOT NULL;
CREATE INDEX calls_by_arrival ON calls (arrived);

-- An operator's part in a call.
CREATE TABLE talks (
    journal  INTEGER NOT NULL,
    call     INTEGER NOT NULL,
    operator TEXT    NOT NULL,
    known    INTEGER NOT NULL,
    began    INTEGER NOT NULL,
    talked   INTEGER,
    wrap_up  INTEGER,
    PRIMARY KEY (journal, call, operator)
) WITHOUT ROWID;

CREATE INDEX talks_by_beginning ON talks (began);

-- What an operator wrote down about a call; `categories` is a JSON list.
CREATE TABLE forms (
    journal    INTEGER NOT NULL,
    call       INTEGER NOT NULL,
    operator   TEXT    NOT NULL,
    saved      INTEGER NOT NULL,
    outcome    TEXT,
    categories TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    PRIMARY KEY (journal, call, operator)
) WITHOUT ROWID;

CREATE INDEX forms_by_time ON forms (saved);

-- Callers who were called back by hand, and by whom.
CREATE TABLE reached (
    caller    TEXT    PRIMARY KEY,
    at        INTEGER NOT NULL,
    marked_by TEXT    NOT NULL
) WITHOUT ROWID;

-- Everything up to then is in the tables above, for each journal.
CREATE TABLE complete (
    journal INTEGER PRIMARY KEY,
    through INTEGER NOT NULL
);
