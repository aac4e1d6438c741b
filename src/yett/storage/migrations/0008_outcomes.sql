-- Calls that came with an `Idempotency-Key`, and what was answered, so that a repetition is not made again.
create table outcomes (
    principal text not null,
    name blob not null,                -- keyed hash of what the caller calls it
    digest blob not null,              -- SHA-256 of server, tool and arguments
    began_at real not null,            -- seconds since 1970
    status integer,                    -- of HTTP; null: no answer yet, or nobody knows of one
    content_type blob,
    body blob,                         -- sealed for whoever shows the same credential; null: too large to keep
    primary key (principal, name)
) strict;
create index outcomes_by_time on outcomes (began_at);
