-- Keys: the secret is stored as a keyed hash only (HMAC-SHA-256).
create table keys (
    id text primary key,
    name text not null,
    tenant text not null,
    environment text not null check (environment in ('live', 'test')),
    roles text not null,               -- JSON array, sorted
    digest blob not null,              -- of the current secret
    previous_digest blob,              -- of the secret before the last rotation
    previous_until real,               -- until when that one still works, seconds since 1970
    created_at real not null,
    expires_at real,
    revoked_at real
) strict;
create unique index keys_name on keys (name) where revoked_at is null;

-- The embedded vault: AES-256-GCM, one data key per version, wrapped by the key-encryption key.
create table secrets (
    name text not null,
    version integer not null,
    servers text not null,             -- JSON array of the servers that may use it
    wrapped_key blob not null,
    nonce blob not null,
    ciphertext blob not null,
    created_at real not null,
    primary key (name, version)
) strict;

-- Small values that must survive: the pepper's check value, the newest time seen, versions.
create table facts (name text primary key, value any not null) strict;

-- Counts the changes of `keys`, so that a gate reads them again only when one changed, not whenever
-- anything in the database did.
create trigger keys_inserted after insert on keys begin
    insert into facts (name, value) values ('keys_version', 1)
    on conflict (name) do update set value = value + 1;
end;
create trigger keys_updated after update on keys begin
    insert into facts (name, value) values ('keys_version', 1)
    on conflict (name) do update set value = value + 1;
end;
create trigger keys_deleted after delete on keys begin
    insert into facts (name, value) values ('keys_version', 1)
    on conflict (name) do update set value = value + 1;
end;

-- Events of commands, put into the audit log by whoever holds its lock (the gate, or the command).
create table outbox (
    id integer primary key autoincrement,
    at real not null,
    event text not null                -- JSON
) strict;
