-- A browser that a one-time ticket signed in is out with the computer or the token that asked for the ticket: whoever has
-- stolen one of those gets into a browser by it.
alter table web_session add column opened_by uuid;

create function opener_ended(p_account uuid, p_opener uuid) returns boolean
language sql stable as $$
    select exists (select from access_token t
                   where t.account_id = p_account and t.id = p_opener and t.revoked_at is not null)
        or exists (select from device d where d.account_id = p_account and d.id = p_opener and d.revoked_at is not null)
$$;
grant execute on function opener_ended(uuid, uuid) to flowpilot_definer;

-- The functions are otherwise as they were, so they are not written out again.
do $$
declare
    name text;
    v_was text;
    v_now text;
begin
    foreach name in array array['auth_web_session(bytea)', 'auth_still_valid(uuid[])'] loop
        v_was := pg_get_functiondef(name::regprocedure);
        v_now := replace(v_was, 'w.revoked_at is null and u.active and w.expires_at > now()',
            'w.revoked_at is null and u.active and w.expires_at > now()'
            ' and (w.opened_by is null or not opener_ended(w.account_id, w.opened_by))');
        if v_now = v_was then
            raise exception '% is not the function that it was', name;
        end if;
        execute v_now;
    end loop;
end $$;
