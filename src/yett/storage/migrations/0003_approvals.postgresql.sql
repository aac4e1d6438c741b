create function keys_withdraw_approvals() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        update approvals set state = 'withdrawn', open = 0, tell_at = null
        where principal = old.id and state in ('pending', 'approved');
    elsif new.revoked_at is not null then
        update approvals set state = 'withdrawn', open = 0, ended_at = new.revoked_at, tell_at = null
        where principal = new.id and state in ('pending', 'approved');
    end if;
    return null;
end $$;
create trigger keys_revoked_approvals after update of revoked_at on keys
for each row execute function keys_withdraw_approvals();
create trigger keys_deleted_approvals after delete on keys
for each row execute function keys_withdraw_approvals();
