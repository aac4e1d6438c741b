create function keys_changed() returns trigger language plpgsql as $$
begin
    insert into facts (name, value) values ('keys_version', '1')
    on conflict (name) do update set value = to_jsonb(facts.value::bigint + 1);
    return null;
end $$;
create trigger keys_inserted after insert on keys for each row execute function keys_changed();
create trigger keys_updated after update on keys for each row execute function keys_changed();
create trigger keys_deleted after delete on keys for each row execute function keys_changed();
