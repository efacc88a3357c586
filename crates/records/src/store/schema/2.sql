-- How each leg of a call sounded, told when its media has ended: 0 is the caller's. Packets include the lost ones, jitter
-- and round trip are milliseconds with a fraction, `mos` is the mean opinion score (ITU-T G.107), 1 to 4.5. NULL: not known,
-- since the leg was too short, the phone never reported, or the engine died before it was written.

CREATE TABLE legs (
    journal         INTEGER NOT NULL,
    call            INTEGER NOT NULL,
    leg             INTEGER NOT NULL,
    known           INTEGER NOT NULL,
    operator        TEXT,              -- NULL: the caller, or a number outside
    codec           TEXT,
    round_trip      REAL,
    received        INTEGER,           -- what the phone sent, as it arrived here
    received_lost   INTEGER,
    received_jitter REAL,
    received_mos    REAL,
    sent            INTEGER,           -- what was sent to the phone, as it reports
    sent_lost       INTEGER,
    sent_jitter     REAL,
    sent_mos        REAL,
    PRIMARY KEY (journal, call, leg)
) WITHOUT ROWID;

CREATE INDEX legs_by_time ON legs (known);
