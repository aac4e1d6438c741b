-- What of the audit log must stay, whatever its age: legal holds.
create table audit_holds (
    id text primary key,
    reason text not null,
    tenant text,                       -- whose records; null: everybody's
    since text,                        -- ISO 8601 in UTC; null: from the beginning
    until text,                        -- null: without an end
    placed_by text not null,
    placed_at real not null,
    released_by text,
    released_at real,
    release_reason text
) strict;

-- Which segments were archived, where, and what the copy is.
create table audit_archived (
    segment text not null,
    place text not null,
    sha256 text not null,              -- of the segment itself, not of the compressed copy
    bytes integer not null,
    held integer not null,             -- 1: the store was told to keep it (object lock, legal hold)
    at real not null,
    primary key (segment, place)
) strict;
