-- What callers have seen, so that a restart makes nobody forget (by principal and label).
create table labels (
    principal text not null,
    label text not null,
    seen_at real not null,             -- seconds since 1970
    primary key (principal, label)
) strict;
