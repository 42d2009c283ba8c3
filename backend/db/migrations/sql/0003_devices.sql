-- Devices: computers whose desktop app is signed in by way of the browser. A device is a refresh token family: of its
-- tokens the newest used one and its successor are kept, as hashes. Its access tokens live for minutes.

-- True when this browser's person gave the password; a sign-in by ticket must not connect computers.
alter table web_session add column proved boolean not null default false;

create table device (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    name text not null,
    system text not null default '',
    version text not null default '',
    browser_id uuid,                            -- the browser in which it was connected; trusted because of it
    family_hash bytea not null,                 -- of the part that all its refresh tokens have in common
    refresh_hash bytea not null,                -- the newest refresh token that has been used, at first the first one
    next_hash bytea,                            -- its successor: told, not used yet
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at timestamptz not null,            -- the whole family's; no refresh moves it
    revoked_at timestamptz,
    revoked_why text check (revoked_why in ('signed_out', 'revoked', 'reused', 'code_reused')),
    primary key (account_id, id),
    check ((revoked_at is null) = (revoked_why is null)),
    foreign key (account_id, user_id) references app_user (account_id, id),
    foreign key (account_id, browser_id) references trusted_browser (account_id, id)
);
create unique index device_family on device (family_hash);
create index device_of_user on device (account_id, user_id, created_at desc);

create table device_token (
    account_id uuid not null,
    id uuid not null,
    device_id uuid not null,
    token_hash bytea not null,
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    primary key (account_id, id),
    foreign key (account_id, device_id) references device (account_id, id)
);
create unique index device_token_hash on device_token (token_hash);
create index device_token_device on device_token (account_id, device_id, created_at);

create table oauth_code (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    browser_id uuid not null,
    code_hash bytea not null,
    challenge text not null,                    -- PKCE, S256
    redirect_uri text not null,
    device_name text not null,
    device_system text not null,
    device_version text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    device_id uuid,                             -- what came of it
    primary key (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id),
    foreign key (account_id, browser_id) references trusted_browser (account_id, id),
    foreign key (account_id, device_id) references device (account_id, id)
);
create unique index oauth_code_hash on oauth_code (code_hash);
create index oauth_code_of_user on oauth_code (account_id, user_id, created_at);

grant select on device, device_token, oauth_code to flowpilot_definer;
grant update (last_seen_at) on device to flowpilot_definer;
create policy lookup on device to flowpilot_definer using (true) with check (true);
create policy lookup on device_token to flowpilot_definer using (true);
create policy lookup on oauth_code to flowpilot_definer using (true);

create function auth_device_token(p_hash bytea)
returns table (account_id uuid, user_id uuid, name text, email text, role text,
               account_name text, timezone text, credential_id uuid, expires_at timestamptz)
language plpgsql security definer set search_path = pg_catalog, public as $$
#variable_conflict use_column
begin
    update device d set last_seen_at = now() from device_token t
    where t.token_hash = p_hash and t.expires_at > now() and d.account_id = t.account_id and d.id = t.device_id
      and d.revoked_at is null and d.last_seen_at < now() - interval '1 minute';
    return query
    select u.account_id, u.id, u.name, u.email, u.role, a.name, a.timezone, d.id, least(t.expires_at, d.expires_at)
    from device_token t
    join device d on d.account_id = t.account_id and d.id = t.device_id
    join app_user u on u.account_id = d.account_id and u.id = d.user_id
    join account a on a.id = u.account_id
    where t.token_hash = p_hash and t.expires_at > now() and d.revoked_at is null and d.expires_at > now() and u.active;
end $$;

-- Whose code, whose family: the account alone. What may be done with it is decided under that account's row security.
create function auth_oauth_code(p_hash bytea) returns uuid
language sql stable security definer set search_path = pg_catalog, public as $$
    select c.account_id from oauth_code c where c.code_hash = p_hash
$$;

create function auth_device_family(p_hash bytea) returns uuid
language sql stable security definer set search_path = pg_catalog, public as $$
    select d.account_id from device d where d.family_hash = p_hash
$$;

create or replace function auth_still_valid(p_ids uuid[]) returns setof uuid
language sql stable security definer set search_path = pg_catalog, public as $$
    select t.id from access_token t join app_user u on u.account_id = t.account_id and u.id = t.user_id
    where t.id = any(p_ids) and t.revoked_at is null and u.active and (t.expires_at is null or t.expires_at > now())
    union all
    select w.id from web_session w join app_user u on u.account_id = w.account_id and u.id = w.user_id
    where w.id = any(p_ids) and w.revoked_at is null and u.active and w.expires_at > now()
    union all
    select d.id from device d join app_user u on u.account_id = d.account_id and u.id = d.user_id
    where d.id = any(p_ids) and d.revoked_at is null and u.active and d.expires_at > now()
$$;
