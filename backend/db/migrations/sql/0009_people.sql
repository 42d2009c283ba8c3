-- Invitations, phone numbers, the sender's name in mails, and the pause after too many tries to sign in.

alter table app_user add column phone text;
alter table account add column email_sender_name text;

create table invite (
    account_id uuid not null references account (id),
    id uuid not null,
    email text not null,
    name text not null,
    role text not null check (role in ('viewer', 'technician', 'engineer', 'admin', 'owner')),
    token_hash bytea not null,                  -- of the link's secret, which is derived and kept nowhere
    turn integer not null default 1,            -- each new link is another turn; only the newest works
    user_id uuid,                               -- set: whose password the link sets anew; else somebody who is to join
    invited_by uuid not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    accepted_at timestamptz,
    revoked_at timestamptz,
    mail_state text not null default 'pending' check (mail_state in ('pending', 'accepted', 'failed', 'unknown')),
    mail_detail text,
    mail_at timestamptz,
    primary key (account_id, id),
    foreign key (account_id, invited_by) references app_user (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id)
);
create unique index invite_token_hash on invite (token_hash);
create unique index invite_open on invite (account_id, lower(email)) where accepted_at is null and revoked_at is null;

-- Whose invitation a link is: the account alone. What may be done with it is decided under that account's row security.
create function auth_invite(p_hash bytea) returns uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select i.account_id from invite i where i.token_hash = p_hash
$$;
grant select (account_id, token_hash) on invite to flowpilot_definer;
create policy lookup on invite to flowpilot_definer using (true);

-- Tries to sign in that have failed, by hashes of who was meant and from where. They are counted before any account is
-- known, and so stand under the server's own account.
create table sign_in_tries (
    account_id uuid not null references account (id),
    key bytea not null,
    count integer not null,
    since timestamptz not null default clock_timestamp(),
    paused_until timestamptz,
    primary key (account_id, key)
);

-- Counts one try under each key before the password is looked at, so that a thousand at once are a thousand. Answers how
-- many are left under the first key, or until when there is a pause. A pause does not count on.
create function sign_in_begin(p_keys bytea[], p_limits integer[], p_window_s integer, out tries_left integer,
                              out paused_until timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare
    v_house constant uuid := house_account();
    v_window constant interval := make_interval(secs => p_window_s);
    v_count integer;
begin
    perform set_config('app.account_id', v_house::text, true);
    insert into account (id, name) values (v_house, 'FlowPilot self-audit') on conflict do nothing;
    delete from sign_in_tries t where t.account_id = v_house and t.since < now() - v_window
        and (t.paused_until is null or t.paused_until < now()) and not t.key = any(p_keys) and random() < 0.05;
    select max(t.paused_until) into paused_until from sign_in_tries t
    where t.account_id = v_house and t.key = any(p_keys) and t.paused_until > clock_timestamp();
    if paused_until is not null then
        tries_left := 0;
        return;
    end if;
    for i in 1 .. cardinality(p_keys) loop
        insert into sign_in_tries as t (account_id, key, count) values (v_house, p_keys[i], 1)
        on conflict (account_id, key) do update set
            count = case when t.since < clock_timestamp() - v_window or t.paused_until is not null then 1 else t.count + 1 end,
            since = case when t.since < clock_timestamp() - v_window or t.paused_until is not null then clock_timestamp()
                         else t.since end,
            paused_until = case when t.paused_until > clock_timestamp() then t.paused_until end
        returning count into v_count;
        if i = 1 then
            tries_left := greatest(p_limits[1] - v_count, 0);
        end if;
        if v_count > p_limits[i] then
            update sign_in_tries t set paused_until = clock_timestamp() + v_window
            where t.account_id = v_house and t.key = p_keys[i] returning t.paused_until into paused_until;
            tries_left := 0;
            return;
        end if;
    end loop;
end $$;

-- The password was right: the pair's tries are forgotten, and this one is taken back under the other keys.
create function sign_in_done(p_keys bytea[]) returns void
language plpgsql as $$
begin
    perform set_config('app.account_id', house_account()::text, true);
    delete from sign_in_tries t where t.account_id = house_account() and t.key = p_keys[1];
    update sign_in_tries t set count = t.count - 1
    where t.account_id = house_account() and t.key = any(p_keys[2:]) and t.count > 0;
end $$;

-- It was wrong, and it was the last one: the pause begins now.
create function sign_in_pause(p_key bytea, p_window_s integer) returns timestamptz
language plpgsql as $$
declare
    v_until timestamptz;
begin
    perform set_config('app.account_id', house_account()::text, true);
    update sign_in_tries t set paused_until = clock_timestamp() + make_interval(secs => p_window_s)
    where t.account_id = house_account() and t.key = p_key returning t.paused_until into v_until;
    return v_until;
end $$;
