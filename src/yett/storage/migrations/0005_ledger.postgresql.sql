-- What every account spent. total: micros ever. before_*: how much of it was spent before the day, week and
-- month that `day` (since 1970-01-01, by the account's calendar) lies in. `day` never goes back.
create table accounts (
    account text primary key,
    zone text not null,
    day bigint not null,
    total bigint not null default 0,
    before_day bigint not null default 0,
    before_week bigint not null default 0,
    before_month bigint not null default 0
);
-- What was spent on each day, for reports.
create table account_days (
    account text not null,
    day bigint not null,
    micros bigint not null,
    primary key (account, day)
);
-- Money of calls that are under way, or of which nobody knows how they ended; it counts as spent.
create table reservations (
    id text primary key,
    gate text not null,
    at double precision not null,
    micros bigint not null,
    currency text not null,
    caller text not null,
    target text not null,
    accounts jsonb not null,           -- [[account, day], …]
    state text not null default 'open' check (state in ('open', 'unknown'))
);
-- How often each gate was told yes, so that it notices a database that has forgotten some of it.
create table ledger_gates (
    gate text primary key,
    confirmed bigint not null,
    seen_at double precision not null
);

create function ledger_day(zone text) returns bigint language sql volatile as $$
    select (clock_timestamp() at time zone zone)::date - date '1970-01-01'
$$;
create function ledger_week(day bigint) returns bigint language sql immutable as $$
    select (day + 3) / 7
$$;
create function ledger_month(day bigint) returns bigint language sql immutable as $$
    select extract(year from d)::bigint * 12 + extract(month from d)::bigint - 1
    from (select date '1970-01-01' + day::int as d) as dates
$$;
create function ledger_before(account accounts, period text) returns bigint language sql immutable as $$
    select case period when 'day' then account.before_day when 'week' then account.before_week
        when 'month' then account.before_month else 0 end
$$;
create function ledger_end(day bigint, period text, zone text) returns double precision language sql stable as $$
    select case when period = 'total' then null else extract(epoch from (case period
        when 'day' then d + 1
        when 'week' then date '1970-01-01' + ((ledger_week(day) + 1) * 7 - 3)::int
        else (date_trunc('month', d) + interval '1 month')::date end)::timestamp at time zone zone) end
    from (select date '1970-01-01' + day::int as d) as dates
$$;

-- Lock these accounts in one order for all, make those that are missing, and begin the periods of today.
create function ledger_open(wanted jsonb) returns void language plpgsql as $$
begin
    insert into accounts (account, zone, day)
        select name, min(zone), ledger_day(min(zone))
        from jsonb_to_recordset(wanted) as asked (account text, zone text), lateral (select account as name) as names
        group by name order by name
        on conflict do nothing;
    perform 1 from accounts
        where account in (select value ->> 'account' from jsonb_array_elements(wanted))
        order by account for update;
    update accounts set
        zone = today.zone,
        day = today.day,
        before_day = case when today.day <> accounts.day then total else before_day end,
        before_week = case when ledger_week(today.day) <> ledger_week(accounts.day) then total else before_week end,
        before_month = case when ledger_month(today.day) <> ledger_month(accounts.day) then total else before_month end
    from (
        select asked.account, min(asked.zone) as zone, max(greatest(ledger_day(asked.zone), known.day)) as day
        from jsonb_to_recordset(wanted) as asked (account text, zone text)
        join accounts as known on known.account = asked.account
        group by asked.account
    ) as today
    where accounts.account = today.account and (accounts.day <> today.day or accounts.zone <> today.zone);
end $$;

-- Put money aside for each of these claims, or say which budget has no room. One call, one transaction.
create function ledger_reserve(gate_name text, claims jsonb) returns jsonb language plpgsql as $$
declare
    claim jsonb; asked jsonb; budget jsonb; known accounts; results jsonb := '[]';
    price bigint; room bigint; tightest bigint; refused jsonb; overruns jsonb; days jsonb; counted bigint;
begin
    perform ledger_open((
        select coalesce(jsonb_agg(one), '[]')
        from jsonb_array_elements(claims) as claims_ (c), jsonb_array_elements(c -> 'accounts') as accounts_ (one)
    ));
    for claim in select value from jsonb_array_elements(claims) loop
        price := (claim ->> 'micros')::bigint;
        refused := null; tightest := null; overruns := '[]'; days := '[]';
        for asked in select value from jsonb_array_elements(claim -> 'accounts') loop
            select * into strict known from accounts where account = asked ->> 'account';
            days := days || jsonb_build_array(jsonb_build_array(known.account, known.day));
            for budget in select value from jsonb_array_elements(asked -> 'budgets') loop
                room := (budget ->> 'micros')::bigint
                    - (known.total - ledger_before(known, budget ->> 'period')) - price;
                if room < 0 and (budget ->> 'observed')::boolean then
                    overruns := overruns || jsonb_build_array(budget -> 'text');
                elsif room < 0 and refused is null then
                    refused := jsonb_build_object('text', budget -> 'text', 'resets_at',
                        ledger_end(known.day, budget ->> 'period', known.zone));
                end if;
                if not (budget ->> 'observed')::boolean then
                    tightest := least(tightest, greatest(room, 0));
                end if;
            end loop;
        end loop;
        if refused is null then
            update accounts set total = total + price
                where account in (select value ->> 'account' from jsonb_array_elements(claim -> 'accounts'));
            insert into account_days (account, day, micros)
                select value ->> 0, (value ->> 1)::bigint, price from jsonb_array_elements(days)
                on conflict (account, day) do update set micros = account_days.micros + excluded.micros;
            insert into reservations (id, gate, at, micros, currency, caller, target, accounts)
                values (claim ->> 'id', gate_name, extract(epoch from clock_timestamp()), price,
                    claim ->> 'currency', claim ->> 'caller', claim ->> 'target', days);
        end if;
        results := results || jsonb_build_array(jsonb_build_object(
            'refused', refused, 'remaining', tightest, 'overruns', overruns));
    end loop;
    delete from account_days where day < ledger_day('UTC') - 400 and account in (
        select value ->> 'account' from jsonb_array_elements(claims -> 0 -> 'accounts'));
    insert into ledger_gates (gate, confirmed, seen_at)
        values (gate_name, 1, extract(epoch from clock_timestamp()))
        on conflict (gate) do update set confirmed = ledger_gates.confirmed + 1, seen_at = excluded.seen_at
        returning confirmed into counted;
    return jsonb_build_object('results', results, 'confirmed', counted);
end $$;

-- Say how claims ended: [{id, unknown, micros}]. What they did not cost goes back to the periods that it was
-- taken from, if those still last; of what is unknown nothing does.
create function ledger_settle(endings jsonb) returns bigint language plpgsql as $$
declare
    ended jsonb; held reservations; back bigint; changed bigint := 0; charged jsonb; then_ bigint;
begin
    perform 1 from accounts where account in (
        select one ->> 0 from reservations, jsonb_array_elements(accounts) as charged_ (one)
        where id in (select value ->> 'id' from jsonb_array_elements(endings))
    ) order by account for update;
    for ended in select value from jsonb_array_elements(endings) loop
        if (ended ->> 'unknown')::boolean then
            update reservations set state = 'unknown' where id = ended ->> 'id';
            continue;
        end if;
        delete from reservations where id = ended ->> 'id' returning * into held;
        if held.id is null then
            continue;
        end if;
        changed := changed + 1;
        back := greatest(0, held.micros - (ended ->> 'micros')::bigint);
        if back > 0 then
            for charged in select value from jsonb_array_elements(held.accounts) loop
                then_ := (charged ->> 1)::bigint;
                update accounts set
                    total = total - back,
                    before_day = before_day - case when day <> then_ then back else 0 end,
                    before_week = before_week
                        - case when ledger_week(day) <> ledger_week(then_) then back else 0 end,
                    before_month = before_month
                        - case when ledger_month(day) <> ledger_month(then_) then back else 0 end
                where account = charged ->> 0;
                update account_days set micros = micros - back where account = charged ->> 0 and day = then_;
            end loop;
        end if;
    end loop;
    return changed;
end $$;
