-- The reviewed functions that look before an account is known (sign-in, tokens, tickets) or across accounts
-- (positions of many streams, presence). Each returns no more than its caller needs. All are owned by
-- flowpilot_definer, pin their search_path and can be executed by flowpilot_app only.

create function auth_user_by_email(p_email text)
returns table (account_id uuid, user_id uuid, name text, email text, role text, password_hash text,
               account_name text, timezone text)
language sql stable security definer set search_path = pg_catalog, public as $$
    select u.account_id, u.id, u.name, u.email, u.role, u.password_hash, a.name, a.timezone
    from app_user u join account a on a.id = u.account_id
    where lower(u.email) = lower(p_email) and u.active
$$;

create function auth_access_token(p_hash bytea)
returns table (account_id uuid, user_id uuid, name text, email text, role text,
               account_name text, timezone text, credential_id uuid, expires_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, public as $$
#variable_conflict use_column
begin
    -- Last use is kept to the minute; a write per request would cost more than the request.
    update access_token t set last_used_at = now()
    where t.token_hash = p_hash and t.revoked_at is null
      and (t.last_used_at is null or t.last_used_at < now() - interval '1 minute');
    return query
    select u.account_id, u.id, u.name, u.email, u.role, a.name, a.timezone, t.id, t.expires_at
    from access_token t
    join app_user u on u.account_id = t.account_id and u.id = t.user_id
    join account a on a.id = u.account_id
    where t.token_hash = p_hash and t.revoked_at is null and u.active
      and (t.expires_at is null or t.expires_at > now());
end $$;

create function auth_web_session(p_hash bytea)
returns table (account_id uuid, user_id uuid, name text, email text, role text,
               account_name text, timezone text, credential_id uuid, expires_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public as $$
    select u.account_id, u.id, u.name, u.email, u.role, a.name, a.timezone, w.id, w.expires_at
    from web_session w
    join app_user u on u.account_id = w.account_id and u.id = w.user_id
    join account a on a.id = u.account_id
    where w.token_hash = p_hash and w.revoked_at is null and u.active and w.expires_at > now()
$$;

-- Which of these sign-ins still hold; sockets of the others are closed.
create function auth_still_valid(p_ids uuid[]) returns setof uuid
language sql stable security definer set search_path = pg_catalog, public as $$
    select t.id from access_token t join app_user u on u.account_id = t.account_id and u.id = t.user_id
    where t.id = any(p_ids) and t.revoked_at is null and u.active and (t.expires_at is null or t.expires_at > now())
    union all
    select w.id from web_session w join app_user u on u.account_id = w.account_id and u.id = w.user_id
    where w.id = any(p_ids) and w.revoked_at is null and u.active and w.expires_at > now()
$$;

create function ticket_peek(p_hash bytea, p_cookie_hash bytea)
returns table (account_id uuid, user_id uuid, name text, account_name text, handoff_id uuid, trusted boolean)
language sql stable security definer set search_path = pg_catalog, public as $$
    select t.account_id, t.user_id, u.name, a.name, t.handoff_id, exists (
        select from trusted_browser b where b.account_id = t.account_id and b.user_id = t.user_id
          and b.cookie_hash = p_cookie_hash and b.revoked_at is null and b.expires_at > now())
    from open_ticket t
    join app_user u on u.account_id = t.account_id and u.id = t.user_id
    join account a on a.id = t.account_id
    where t.ticket_hash = p_hash and t.used_at is null and t.expires_at > now() and u.active
      and t.credential_id in (select auth_still_valid(array[t.credential_id]))
$$;

-- One statement decides: of any number of redemptions exactly one gets the row.
create function ticket_redeem(p_hash bytea)
returns table (account_id uuid, user_id uuid, handoff_id uuid)
language sql security definer set search_path = pg_catalog, public as $$
    update open_ticket t set used_at = now()
    where t.ticket_hash = p_hash and t.used_at is null and t.expires_at > now()
      and t.credential_id in (select auth_still_valid(array[t.credential_id]))
    returning t.account_id, t.user_id, t.handoff_id
$$;

create function stream_heads(p_accounts uuid[])
returns table (account_id uuid, epoch uuid, last_seq bigint)
language sql stable security definer set search_path = pg_catalog, public as $$
    select s.account_id, s.epoch, s.last_seq from account_stream s where s.account_id = any(p_accounts)
$$;

-- A process says which of its sockets live; whatever nobody has vouched for in two minutes is swept.
create function presence_touch(p_process uuid) returns void
language sql security definer set search_path = pg_catalog, public as $$
    update client_presence set seen_at = clock_timestamp() where process = p_process;
    -- Others' rows are skipped while they are being vouched for: after a machine's sleep two processes would deadlock.
    delete from client_presence p using (
        select account_id, id from client_presence where seen_at < clock_timestamp() - interval '2 minutes'
        for update skip locked) stale
    where p.account_id = stale.account_id and p.id = stale.id;
$$;

create function presence_drop(p_process uuid) returns void
language sql security definer set search_path = pg_catalog, public as $$
    delete from client_presence where process = p_process
$$;

do $$
declare f regprocedure;
begin
    grant create on schema public to flowpilot_definer;
    for f in select p.oid::regprocedure from pg_proc p
             where p.pronamespace = 'public'::regnamespace and p.prosecdef
    loop
        execute format('alter function %s owner to flowpilot_definer', f);
        execute format('revoke all on function %s from public', f);
        execute format('grant execute on function %s to flowpilot_app, flowpilot_definer', f);
    end loop;
    revoke create on schema public from flowpilot_definer;
end $$;
