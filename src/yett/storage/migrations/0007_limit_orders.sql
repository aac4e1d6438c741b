-- What operators tell the limits of a gate that runs, or that will.
create table limit_orders (
    id integer primary key,
    at real not null,                  -- seconds since 1970
    kind text not null check (kind in ('unblock', 'reconcile')),
    subject text not null,             -- id of a key, or of a call
    micros integer not null            -- what the call did cost
) strict;
