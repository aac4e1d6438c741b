-- What a person should hear of. At most one that is not over for the same kind and subject.
create table alerts (
    id text primary key,
    kind text not null,
    subject text not null,             -- `key:ID`, `server:NAME` …
    tenant text not null,              -- empty: nobody's in particular
    severity text not null check (severity in ('high', 'low')),
    says text not null,                -- one sentence with its numbers
    numbers text not null,             -- JSON object
    state text not null check (state in ('open', 'acknowledged', 'resolved')),
    silenced integer not null,         -- 1: nobody was told
    first_at real not null,            -- seconds since 1970
    last_at real not null,
    count integer not null,
    acknowledged_by text,
    acknowledged_at real,
    note text,
    resolved_at real
) strict;
create unique index alerts_open on alerts (kind, subject, tenant) where state <> 'resolved';
create index alerts_by_time on alerts (last_at);

create table alert_silences (
    id text primary key,
    what text not null,                -- a kind, or a subject
    reason text not null,
    made_by text not null,
    made_at real not null,
    until real not null
) strict;

-- What has not been delivered yet, a row for each destination.
create table alert_messages (
    id integer primary key autoincrement,
    destination text not null,
    alert text not null references alerts (id) on delete cascade,
    type text not null check (type in ('raised', 'resolved')),
    made_at real not null,
    try_at real not null,
    tries integer not null,
    problem text not null
) strict;
create index alert_messages_due on alert_messages (destination, try_at);

-- What is usual, so that a restart forgets nothing: of each caller, and of each server and tool.
create table alert_profiles (
    id text primary key,
    saved_at real not null,
    profile blob not null              -- MessagePack
) strict;
