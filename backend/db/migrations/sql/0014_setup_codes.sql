-- Set-up codes: what an administrator rolls out with the desktop app, so that it knows the account it is set up for. A code
-- lets nobody in: it tells the account's name, and people sign in as ever.

create table setup_code (
    account_id uuid not null,
    id uuid not null,
    code text not null,                         -- as typed and shown, for instance KQ7F-2MXR-9TWC
    label text not null,
    created_by uuid not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    primary key (account_id, id),
    foreign key (account_id, created_by) references app_user (account_id, id)
);
create unique index setup_code_code on setup_code (code);

-- Which code a computer was set up with; null where there was none.
alter table oauth_code add column setup_id uuid,
    add foreign key (account_id, setup_id) references setup_code (account_id, id);
alter table device add column setup_id uuid,
    add foreign key (account_id, setup_id) references setup_code (account_id, id);
create index device_setup on device (account_id, setup_id) where setup_id is not null;

-- Whose code this is, while it holds.
create function setup_code_account(p_code text) returns table (account_id uuid, setup_id uuid, account_name text)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select s.account_id, s.id, a.name from setup_code s join account a on a.id = s.account_id
    where s.code = p_code and s.revoked_at is null
$$;
grant select (account_id, id, code, revoked_at) on setup_code to flowpilot_definer;
create policy lookup on setup_code to flowpilot_definer using (true);
