-- Calls that wait for a person, and what people said. At most one open row for what exactly is asked.
create table approvals (
    id text primary key,
    digest blob not null,              -- of caller, target, definition, arguments, policies: what a yes is for
    principal text not null,
    caller text not null,              -- the name of the principal
    tenant text not null,
    method text not null,
    server text not null,
    tool text not null,
    access text not null,
    definition text not null,
    policies text not null,            -- JSON array: those that ask
    policy_version text not null,
    shown text not null,
    people integer not null,           -- how many have to agree
    own integer not null,              -- 1: the person at the caller may be the one
    seconds integer not null,          -- how long the question waits, and then the yes
    preview text not null,             -- the arguments as JSON, without secrets
    preview_cut integer not null,
    arguments_bytes integer not null,
    arguments_digest text not null,    -- SHA-256, as in the audit log
    state text not null check (state in ('pending', 'approved', 'denied', 'used', 'expired', 'withdrawn')),
    open integer not null,             -- 1 while it binds anybody: pending, approved, or denied not long ago
    asked_at real not null,
    expires_at real not null,          -- of the question, then of the yes
    ended_at real,
    tell_at real,                      -- when the webhook is to be told; null: it was, or there is none
    tells integer not null default 0
) strict;
create unique index approvals_open on approvals (digest) where open = 1;
create index approvals_by_state on approvals (open, principal);

create table approval_answers (
    approval text not null references approvals (id) on delete cascade,
    approver text not null,            -- the id of an approver, `operator`, or `caller`
    name text not null,                -- as it was then
    answer text not null check (answer in ('yes', 'no', 'break-glass')),
    reason text not null,
    at real not null,
    primary key (approval, approver)
) strict;

-- The records of the calls that a yes let pass: the call, and the later rounds of the same call.
create table approval_uses (
    approval text not null references approvals (id) on delete cascade,
    record text not null,
    primary key (approval, record)
) strict;

-- People who may agree. The secret is stored as a keyed hash only (HMAC-SHA-256).
create table approvers (
    id text primary key,
    name text not null,
    tenant text,                       -- whose calls they may see and answer; null: everybody's
    digest blob not null,
    created_at real not null,
    removed_at real
) strict;
create unique index approvers_name on approvers (name) where removed_at is null;
create unique index approvers_digest on approvers (digest);

-- What was asked for a key does not outlive it, whoever revokes it and however.
create trigger keys_revoked_approvals after update of revoked_at on keys
when new.revoked_at is not null begin
    update approvals set state = 'withdrawn', open = 0, ended_at = new.revoked_at, tell_at = null
    where principal = new.id and state in ('pending', 'approved');
end;
create trigger keys_deleted_approvals after delete on keys begin
    update approvals set state = 'withdrawn', open = 0, tell_at = null
    where principal = old.id and state in ('pending', 'approved');
end;
