-- Second factors, forgotten passwords, scoped tokens, single sign-on and directories (SCIM).

-- Who must give a second factor beside the password, and who may use a password at all.
alter table account
    add column second_factor text not null default 'optional' check (second_factor in ('optional', 'admins', 'all')),
    add column password_sign_in text not null default 'everyone' check (password_sign_in in ('everyone', 'owners'));
alter table web_session
    add column last_used_at timestamptz,
    add column method text not null default 'password' check (method in ('password', 'ticket', 'single_sign_on'));
alter table access_token add column scopes text[];     -- null: all that its person may do, as before there were scopes
alter table app_user add column external_id text;       -- what the account's directory calls this person
create unique index app_user_external on app_user (account_id, external_id) where external_id is not null;

-- A second factor: the shared secret of an authenticator app (RFC 6238), sealed. One per person.
create table second_factor (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    secret bytea not null,
    created_at timestamptz not null default now(),
    confirmed_at timestamptz,                           -- null: set up but no code has been given yet; asks nobody
    last_step bigint not null default 0,                -- the newest time step that was used: none counts twice
    primary key (account_id, id),
    unique (account_id, user_id),
    foreign key (account_id, user_id) references app_user (account_id, id)
);

create table recovery_code (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    code_hash bytea not null,
    created_at timestamptz not null default now(),
    used_at timestamptz,
    primary key (account_id, id),
    unique (account_id, user_id, code_hash),
    foreign key (account_id, user_id) references app_user (account_id, id)
);

-- Somebody gave the right password and has still to give a code: worth nothing but that one page, for minutes.
create table sign_in_step (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    token_hash bytea not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    primary key (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id)
);
create unique index sign_in_step_hash on sign_in_step (token_hash);

-- Addresses for which a new password was asked. They stand under the server's own account, whether anybody has them or
-- not, and are looked up by the worker: the page takes the same time for each.
create table password_request (
    account_id uuid not null references account (id),
    id uuid not null,
    email text not null,
    created_at timestamptz not null default now(),
    primary key (account_id, id)
);

-- Mails about a person's own sign-in (a changed password, a new second factor); gone when they are sent.
create table security_notice (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    kind text not null,
    detail text not null default '',
    created_at timestamptz not null default now(),
    primary key (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id)
);

-- Domains that the operator of this server has confirmed to be an account's.
create table account_domain (
    account_id uuid not null references account (id),
    id uuid not null,
    domain text not null check (domain = lower(domain)),
    created_at timestamptz not null default now(),
    primary key (account_id, id)
);
create unique index account_domain_name on account_domain (domain);

-- The account's OpenID provider; one at most.
create table sso_connection (
    account_id uuid not null references account (id),
    id uuid not null,
    issuer text not null,
    tenant text,                                        -- Entra: the directory whose people are meant
    client_id text not null,
    client_secret bytea not null,                       -- sealed
    role_claim text not null default '',
    role_map jsonb not null default '{}',               -- value of that claim to role, the highest counts
    default_role text check (default_role in ('viewer', 'technician', 'engineer', 'admin')), -- null: strangers stay out
    active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (account_id, id),
    unique (account_id)
);

-- Who somebody is at a provider: its name and its own word for the person, never the e-mail address.
create table sso_identity (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    issuer text not null,
    subject text not null,
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    primary key (account_id, id),
    unique (account_id, issuer, subject),
    foreign key (account_id, user_id) references app_user (account_id, id)
);
create index sso_identity_of_user on sso_identity (account_id, user_id);

-- A browser that was sent to the provider. Nonce and PKCE verifier are derived from the state, which is not kept.
create table sso_attempt (
    account_id uuid not null references account (id),
    id uuid not null,
    state_hash bytea not null,
    browser_hash bytea not null,
    next text,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    primary key (account_id, id)
);
create unique index sso_attempt_state on sso_attempt (state_hash);

-- What the account's directory shows to keep its people in step.
create table scim_token (
    account_id uuid not null references account (id),
    id uuid not null,
    token_hash bytea not null,
    label text not null default '',
    created_by uuid,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    primary key (account_id, id),
    foreign key (account_id, created_by) references app_user (account_id, id)
);
create unique index scim_token_hash on scim_token (token_hash);

-- As in 0009, but a try that began before a pause and is counted after it finds the pause: of many tries at once some
-- were counted from one again.
create or replace function sign_in_begin(p_keys bytea[], p_limits integer[], p_window_s integer, out tries_left integer,
                                         out paused_until timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare
    v_house constant uuid := house_account();
    v_window constant interval := make_interval(secs => p_window_s);
    v_count integer;
    v_paused timestamptz;
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
            count = case when t.paused_until > clock_timestamp() then t.count
                         when t.since < clock_timestamp() - v_window or t.paused_until is not null then 1
                         else t.count + 1 end,
            since = case when t.since < clock_timestamp() - v_window or t.paused_until is not null then clock_timestamp()
                         else t.since end,
            paused_until = case when t.paused_until > clock_timestamp() then t.paused_until end
        returning count, t.paused_until into v_count, v_paused;
        if v_paused is not null then
            paused_until := v_paused;
            tries_left := 0;
            return;
        end if;
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

-- Look-ups before an account is known.

drop function auth_user_by_email(text);
create function auth_user_by_email(p_email text)
returns table (account_id uuid, user_id uuid, name text, email text, role text, password_hash text,
               account_name text, timezone text, by_password boolean, factor_needed boolean)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select u.account_id, u.id, u.name, u.email, u.role, u.password_hash, a.name, a.timezone,
           a.password_sign_in = 'everyone' or u.role = 'owner',
           a.second_factor = 'all' or (a.second_factor = 'admins' and u.role in ('admin', 'owner'))
    from app_user u join account a on a.id = u.account_id
    where lower(u.email) = lower(p_email) and u.active
$$;

-- The version before this one asks this function, and knows no scopes: a bounded token is none for it.
create or replace function auth_access_token(p_hash bytea)
returns table (account_id uuid, user_id uuid, name text, email text, role text,
               account_name text, timezone text, credential_id uuid, expires_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
begin
    return query
    select s.account_id, s.user_id, s.name, s.email, s.role, s.account_name, s.timezone, s.credential_id, s.expires_at
    from auth_scoped_token(p_hash) s where s.scopes is null or 'admin' = any(s.scopes);
end $$;

create function auth_scoped_token(p_hash bytea)
returns table (account_id uuid, user_id uuid, name text, email text, role text,
               account_name text, timezone text, credential_id uuid, expires_at timestamptz, scopes text[])
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
begin
    -- Last use is kept to the minute; a write per request would cost more than the request.
    update access_token t set last_used_at = now()
    where t.token_hash = p_hash and t.revoked_at is null
      and (t.last_used_at is null or t.last_used_at < now() - interval '1 minute');
    return query
    select u.account_id, u.id, u.name, u.email, u.role, a.name, a.timezone, t.id, t.expires_at, t.scopes
    from access_token t
    join app_user u on u.account_id = t.account_id and u.id = t.user_id
    join account a on a.id = u.account_id
    where t.token_hash = p_hash and t.revoked_at is null and u.active
      and (t.expires_at is null or t.expires_at > now());
end $$;

drop function auth_web_session(bytea);
create function auth_web_session(p_hash bytea)
returns table (account_id uuid, user_id uuid, name text, email text, role text,
               account_name text, timezone text, credential_id uuid, expires_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
begin
    update web_session w set last_used_at = now()
    where w.token_hash = p_hash and w.revoked_at is null and w.expires_at > now()
      and (w.last_used_at is null or w.last_used_at < now() - interval '1 minute');
    return query
    select u.account_id, u.id, u.name, u.email, u.role, a.name, a.timezone, w.id, w.expires_at
    from web_session w
    join app_user u on u.account_id = w.account_id and u.id = w.user_id
    join account a on a.id = u.account_id
    where w.token_hash = p_hash and w.revoked_at is null and u.active and w.expires_at > now();
end $$;

create function auth_sign_in_step(p_hash bytea) returns uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select s.account_id from sign_in_step s where s.token_hash = p_hash
$$;

create function auth_sso_attempt(p_hash bytea) returns uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select s.account_id from sso_attempt s where s.state_hash = p_hash
$$;

-- Whose people have addresses of this domain, where that account signs in at a provider of its own.
create function auth_sso_domain(p_domain text) returns uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select d.account_id from account_domain d join sso_connection c on c.account_id = d.account_id
    where d.domain = lower(p_domain) and c.active
$$;

create function auth_scim_token(p_hash bytea)
returns table (account_id uuid, id uuid, label text)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
begin
    update scim_token t set last_used_at = now()
    where t.token_hash = p_hash and t.revoked_at is null
      and (t.last_used_at is null or t.last_used_at < now() - interval '1 minute');
    return query
    select t.account_id, t.id, t.label from scim_token t
    where t.token_hash = p_hash and t.revoked_at is null and (t.expires_at is null or t.expires_at > now());
end $$;

grant update (last_used_at) on web_session, scim_token to flowpilot_definer;
grant select (account_id, token_hash) on sign_in_step to flowpilot_definer;
grant select (account_id, state_hash) on sso_attempt to flowpilot_definer;
grant select (account_id, domain) on account_domain to flowpilot_definer;
grant select (account_id, active) on sso_connection to flowpilot_definer;
grant select on scim_token to flowpilot_definer;
create policy lookup on sign_in_step to flowpilot_definer using (true);
create policy lookup on sso_attempt to flowpilot_definer using (true);
create policy lookup on account_domain to flowpilot_definer using (true);
create policy lookup on sso_connection to flowpilot_definer using (true);
create policy lookup on scim_token to flowpilot_definer using (true) with check (true);
