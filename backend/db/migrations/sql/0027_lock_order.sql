-- Commands that lock several rows of a table lock them in one order, whatever the planner reads them in; rows that
-- somebody else is at work on are passed over where nothing is lost by it. Lock order: people and their invitations,
-- hand-off row, session row, delivery rows, job rows, account_stream row last.

-- Whoever is being taken off the list needs no vouching. Two sockets that end while their process vouches for both
-- were locked by the one in the order of their ends and by the other in the order of the table.
create or replace function presence_touch(p_process uuid) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update client_presence p set seen_at = clock_timestamp() from (
        select account_id, id from client_presence where process = p_process for no key update skip locked) mine
    where p.account_id = mine.account_id and p.id = mine.id;
    delete from client_presence p using (
        select account_id, id from client_presence
        where seen_at < clock_timestamp() - interval '2 minutes' and process <> p_process
        for update skip locked) stale
    where p.account_id = stale.account_id and p.id = stale.id;
$$;

create or replace function presence_drop(p_process uuid) returns void
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    delete from client_presence p using (
        select account_id, id from client_presence where process = p_process for update skip locked) mine
    where p.account_id = mine.account_id and p.id = mine.id;
$$;

create or replace function presence_left(p_accounts uuid[], p_ids uuid[]) returns void language plpgsql as $$
declare
    one record;
begin
    for one in select gone.account_id, gone.id from unnest(p_accounts, p_ids) gone (account_id, id) order by 1, 2 loop
        perform set_config('app.account_id', one.account_id::text, true);
        delete from client_presence p where p.account_id = one.account_id and p.id = one.id;
    end loop;
end $$;

-- Many tokens are looked up in one statement, in the order in which they came: no look-up waits for another one's
-- note of the last use.
create or replace function auth_scoped_token(p_hash bytea)
returns table (account_id uuid, user_id uuid, name text, email text, role text,
               account_name text, timezone text, credential_id uuid, expires_at timestamptz, scopes text[])
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
begin
    -- Last use is kept to the minute; a write per request would cost more than the request.
    update access_token t set last_used_at = now() from (
        select x.account_id, x.id from access_token x
        where x.token_hash = p_hash and x.revoked_at is null
          and (x.last_used_at is null or x.last_used_at < now() - interval '1 minute')
        for no key update skip locked) due
    where t.account_id = due.account_id and t.id = due.id;
    return query
    select u.account_id, u.id, u.name, u.email, u.role, a.name, a.timezone, t.id, t.expires_at, t.scopes
    from access_token t
    join app_user u on u.account_id = t.account_id and u.id = t.user_id
    join account a on a.id = u.account_id
    where t.token_hash = p_hash and t.revoked_at is null and u.active
      and (t.expires_at is null or t.expires_at > now());
end $$;

create or replace function auth_device_token(p_hash bytea)
returns table (account_id uuid, user_id uuid, name text, email text, role text,
               account_name text, timezone text, credential_id uuid, expires_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
begin
    update device d set last_seen_at = now() from (
        select x.account_id, x.id from device_token t join device x on x.account_id = t.account_id and x.id = t.device_id
        where t.token_hash = p_hash and t.expires_at > now()
          and x.revoked_at is null and x.last_seen_at < now() - interval '1 minute'
        for no key update of x skip locked) due
    where d.account_id = due.account_id and d.id = due.id;
    return query
    select u.account_id, u.id, u.name, u.email, u.role, a.name, a.timezone, d.id, least(t.expires_at, d.expires_at)
    from device_token t
    join device d on d.account_id = t.account_id and d.id = t.device_id
    join app_user u on u.account_id = d.account_id and u.id = d.user_id
    join account a on a.id = u.account_id
    where t.token_hash = p_hash and t.expires_at > now() and d.revoked_at is null and d.expires_at > now() and u.active;
end $$;

-- The keys in the order in which sign_in_begin counted them.
create or replace function sign_in_done(p_keys bytea[]) returns void
language plpgsql as $$
begin
    perform set_config('app.account_id', house_account()::text, true);
    delete from sign_in_tries t where t.account_id = house_account() and t.key = p_keys[1];
    for i in 2 .. cardinality(p_keys) loop
        update sign_in_tries t set count = t.count - 1
        where t.account_id = house_account() and t.key = p_keys[i] and t.count > 0;
    end loop;
end $$;

-- Every waiting or claimed handoff of the account looks at its plan again: the policy or the time zone has changed.
create or replace function replan_account(p_account uuid) returns void
language sql as $$
    select handoff_refresh_card(p_account, o.id) from (
        select h.id from handoff h where h.account_id = p_account and h.status in ('pending', 'claimed')
        order by h.id for no key update) o;
    select enqueue_job(p_account, case o.status when 'pending' then 'step' else 'idle' end,
                       case o.status when 'pending' then 'step:' else 'idle:' end || o.id, o.id)
    from (select h.id, h.status from handoff h where h.account_id = p_account and h.status in ('pending', 'claimed')
          order by h.id) o
$$;

create or replace function audit_anchor() returns table (account_id uuid, no bigint, hash bytea)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update audit_chain c set anchored_on = current_date from (
        select x.account_id from audit_chain x
        where x.anchored_on is distinct from current_date and x.last_no > 0 order by x.account_id for no key update) due
    where c.account_id = due.account_id
    returning c.account_id, c.last_no, c.last_hash
$$;

-- What takes things away from an account, the keeper of what is no longer kept and the erasing of a person, does it one
-- at a time: each goes through the same tables in an order of its own.
create function take_away_alone(p_account uuid) returns void
language sql as $$ select pg_advisory_xact_lock(730511, hashtext(p_account::text)) $$;

-- The others are as they were but for their locks, so they are not written out again.
do $$
declare
    change record;
    v_was text;
    v_now text;
begin
    for change in select * from (values
        -- What is swept is nobody's: two sweeps, and a sweep and a try, leave each other's alone.
        ('sign_in_begin(bytea[], integer[], integer)',
         'delete from sign_in_tries t where t.account_id = v_house and t.since < now() - v_window
        and (t.paused_until is null or t.paused_until < now()) and not t.key = any(p_keys) and random() < 0.05;',
         'delete from sign_in_tries t using (
        select x.key from sign_in_tries x where x.account_id = v_house and x.since < now() - v_window
        and (x.paused_until is null or x.paused_until < now()) and not x.key = any(p_keys) and random() < 0.05
        for update skip locked) stale
    where t.account_id = v_house and t.key = stale.key;'),
        -- The person before the hand-off, as everywhere: who changes people goes on to the hand-offs.
        ('record_mail(uuid, uuid, uuid, integer, text, text, double precision, boolean, boolean)',
         'd := lock_delivery(p_account, p_delivery);',
         'if p_refused or p_state = ''accepted'' then
        perform from app_user u where u.account_id = p_account and u.id = (
            select x.user_id from delivery x where x.account_id = p_account and x.id = p_delivery) for no key update;
    end if;
    d := lock_delivery(p_account, p_delivery);'),
        ('record_mail(uuid, uuid, uuid, integer, text, text, double precision, boolean, boolean)',
         'u.id <> d.user_id and u.email_refused_at is null;',
         'u.id <> d.user_id and u.email_refused_at is null order by u.id;'),
        ('audit_look(uuid[])', 'from audit_unplanned(v_account) h
        on conflict', 'from audit_unplanned(v_account) h order by h.id
        on conflict'),
        ('trim_events(uuid, integer)', 'perform set_config(''app.account_id'', p_account::text, true);',
         'perform set_config(''app.account_id'', p_account::text, true), take_away_alone(p_account);'),
        ('trim_deliveries(uuid, integer)', 'perform set_config(''app.account_id'', p_account::text, true);',
         'perform set_config(''app.account_id'', p_account::text, true), take_away_alone(p_account);'),
        ('empty_sessions(uuid, integer, bytea)', 'perform set_config(''app.account_id'', p_account::text, true);',
         'perform set_config(''app.account_id'', p_account::text, true), take_away_alone(p_account);'),
        ('empty_sessions(uuid, integer, bytea)', 'update handoff h set reason',
         'perform from handoff h where h.account_id = p_account and h.id = any(v_handoffs) order by h.id for no key update;
    perform from ai_session x where x.account_id = p_account and x.id = any(v_sessions) order by x.id for no key update;
    perform from psa_note x where x.account_id = p_account and x.session_id = any(v_sessions)
        order by x.at, x.id for update;
    update handoff h set reason'),
        ('forget_person(uuid, uuid, text, text, text)', 'foreach t in array',
         'perform from client_presence c where c.account_id = p_account and c.user_id = p_user order by c.id for update;
    foreach t in array'),
        ('forget_person(uuid, uuid, text, text, text)', 'update device d set name',
         'perform from oauth_code c where c.account_id = p_account and c.user_id = p_user order by c.id for update;
    update device d set name'),
        ('forget_person(uuid, uuid, text, text, text)', 'update webhook_delivery w',
         'perform from webhook_delivery w where w.account_id = p_account
        and (position(p_user::text in w.data::text) > 0
             or w.kind = ''realerted'' and position(p_name in w.data ->> ''note'') > 0)
        order by w.seq, w.id for update;
    update webhook_delivery w')
    ) as c (name, was, now) loop
        v_was := pg_get_functiondef(change.name::regprocedure);
        v_now := replace(v_was, change.was, change.now);
        if length(v_now) - length(v_was) <> length(change.now) - length(change.was) then
            raise exception '% is not the function that it was', change.name;
        end if;
        execute v_now;
    end loop;
end $$;

grant execute on function take_away_alone(uuid) to flowpilot_definer;
