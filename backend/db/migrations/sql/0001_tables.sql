-- Tables of the first version. Every tenant table leads its keys with account_id, so that a foreign key can never
-- reach into another account (row-level security does not guard foreign keys).

create table account (
    id uuid primary key,
    name text not null,
    timezone text not null default 'UTC',
    -- Two five-minute calls: an estimate of ours until the owner sets a measured value.
    manual_baseline_minutes double precision default 10,
    baseline_is_estimate boolean not null default true,
    escalation_policy jsonb not null default '{}',
    retention_days integer not null default 365,
    created_at timestamptz not null default now()
);

create table app_user (
    account_id uuid not null references account (id),
    id uuid not null,
    email text not null,
    name text not null,
    role text not null check (role in ('viewer', 'technician', 'engineer', 'admin', 'owner')),
    password_hash text,
    active boolean not null default true,
    created_at timestamptz not null default now(),
    primary key (account_id, id)
);
-- The one key that is not per account: people sign in with their address alone, before any account is known.
create unique index app_user_email on app_user (lower(email));

create table access_token (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    token_hash bytea not null,
    label text not null default '',
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    primary key (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id)
);
create unique index access_token_hash on access_token (token_hash);

create table web_session (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    token_hash bytea not null,
    address text not null default '',
    user_agent text not null default '',
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    primary key (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id)
);
create unique index web_session_hash on web_session (token_hash);

-- A browser in which this user has proved who they are by password: there a one-time ticket signs in at once.
create table trusted_browser (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    cookie_hash bytea not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    primary key (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id)
);
create index trusted_browser_hash on trusted_browser (account_id, cookie_hash);

create table ai_session (
    account_id uuid not null references account (id),
    id uuid not null,
    owner_id uuid not null,
    title text not null,
    problem text not null,
    customer text,
    ticket_system text,
    ticket_id text,
    ticket_url text,
    external_url text,
    status text not null default 'active' check (status in ('active', 'escalated', 'claimed', 'resolved')),
    version bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (account_id, id),
    foreign key (account_id, owner_id) references app_user (account_id, id)
);
create index ai_session_recent on ai_session (account_id, updated_at desc, id desc);

create table message (
    account_id uuid not null,
    id uuid not null,
    session_id uuid not null,
    author_id uuid,
    author_kind text not null check (author_kind in ('user', 'assistant', 'system')),
    content text not null,
    version bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (account_id, id),
    foreign key (account_id, session_id) references ai_session (account_id, id),
    foreign key (account_id, author_id) references app_user (account_id, id)
);
create index message_in_session on message (account_id, session_id, version);

create table step (
    account_id uuid not null,
    id uuid not null,
    session_id uuid not null,
    author_id uuid,
    action text not null,
    outcome text not null check (outcome in ('worked', 'helped', 'no_change', 'worse', 'blocked', 'not_tried')),
    detail text,
    version bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (account_id, id),
    foreign key (account_id, session_id) references ai_session (account_id, id),
    foreign key (account_id, author_id) references app_user (account_id, id)
);
create index step_in_session on step (account_id, session_id, version);

create table fact (
    account_id uuid not null,
    id uuid not null,
    session_id uuid not null,
    author_id uuid,
    label text not null,
    value text not null,
    version bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (account_id, id),
    foreign key (account_id, session_id) references ai_session (account_id, id),
    foreign key (account_id, author_id) references app_user (account_id, id)
);
create index fact_in_session on fact (account_id, session_id, version);

create table handoff (
    account_id uuid not null references account (id),
    id uuid not null,
    session_id uuid not null,
    handed_off_by uuid not null,
    session_owner uuid not null,
    target_user_id uuid,
    idempotency_key text,
    request_hash bytea not null,
    reason text not null,
    need text,
    impact text,
    priority text not null check (priority in ('low', 'normal', 'high', 'urgent')),
    priority_rank smallint not null generated always as (
        case priority when 'urgent' then 0 when 'high' then 1 when 'normal' then 2 else 3 end) stored,
    status text not null default 'pending' check (status in ('pending', 'claimed', 'resolved', 'withdrawn')),
    snapshot bytea not null,                    -- zlib of the snapshot's JSON; never updated
    assessment jsonb,
    assessment_status text not null default 'unavailable'
        check (assessment_status in ('pending', 'ready', 'unavailable')),
    claimed_by uuid,
    claimed_at timestamptz,
    claim_epoch integer not null default 0,
    rung integer not null default 0,            -- the round of telling people: one more each time it waits again
    first_claimed_at timestamptz,
    first_action_at timestamptz,
    first_action_kind text check (first_action_kind in ('message', 'step', 'fact', 'psa_note')),
    first_action_by uuid,
    first_action_claimed_at timestamptz,        -- the claim that led to the first action
    resolved_at timestamptz,
    card jsonb,                                 -- the queue row as the wire shows it, kept with every change
    created_at timestamptz not null default clock_timestamp(),
    primary key (account_id, id),
    check ((status = 'claimed') <= (claimed_by is not null)),
    foreign key (account_id, session_id) references ai_session (account_id, id),
    foreign key (account_id, handed_off_by) references app_user (account_id, id),
    foreign key (account_id, session_owner) references app_user (account_id, id),
    foreign key (account_id, target_user_id) references app_user (account_id, id),
    foreign key (account_id, claimed_by) references app_user (account_id, id)
);
alter table handoff alter column snapshot set storage external; -- compressed already; saves the server's own try
create unique index handoff_idempotency on handoff (account_id, handed_off_by, idempotency_key)
    where idempotency_key is not null;
create unique index handoff_open_per_session on handoff (account_id, session_id) where status in ('pending', 'claimed');
create index handoff_queue on handoff (account_id, priority_rank, created_at, id) where status = 'pending';
create index handoff_by_status on handoff (account_id, status, created_at desc, id desc);
create index handoff_by_month on handoff (account_id, created_at);
create index handoff_in_session on handoff (account_id, session_id, created_at);

create table handoff_timeline (
    account_id uuid not null,
    id bigint generated always as identity,
    handoff_id uuid not null,
    at timestamptz not null default clock_timestamp(),
    kind text not null,
    actor_id uuid,
    detail text,
    primary key (account_id, id),
    foreign key (account_id, handoff_id) references handoff (account_id, id),
    foreign key (account_id, actor_id) references app_user (account_id, id)
);
create index handoff_timeline_order on handoff_timeline (account_id, handoff_id, id);

create table delivery (
    account_id uuid not null,
    id uuid not null default gen_random_uuid(),
    handoff_id uuid not null,
    rung integer not null default 0,
    user_id uuid not null,
    channel text not null check (channel in ('desktop', 'web', 'email', 'webhook')),
    device text not null default '',            -- which device or address; '' until one has answered
    state text not null default 'pending' check (state in
        ('pending', 'sending', 'shown', 'suppressed', 'accepted', 'failed', 'unknown', 'cancelled')),
    detail text,
    at timestamptz not null default clock_timestamp(),
    primary key (account_id, id),
    unique (account_id, handoff_id, rung, user_id, channel, device),
    foreign key (account_id, handoff_id) references handoff (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id)
);

create table account_stream (
    account_id uuid primary key references account (id),
    epoch uuid not null default gen_random_uuid(),
    last_seq bigint not null default 0,
    min_seq bigint not null default 1           -- the oldest position still kept
);

create table account_event (
    account_id uuid not null references account (id),
    seq bigint not null,
    kind text not null,
    at timestamptz not null default clock_timestamp(),
    handoff_id uuid not null,
    data jsonb not null,
    primary key (account_id, seq),
    foreign key (account_id, handoff_id) references handoff (account_id, id)
);

-- Who has a client open right now; refreshed by the process that holds the socket, believed for 45 s.
create table client_presence (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    channel text not null check (channel in ('desktop', 'web')),
    process uuid not null,
    seen_at timestamptz not null default clock_timestamp(),
    primary key (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id)
);
create index client_presence_process on client_presence (process);

create table open_ticket (
    account_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    handoff_id uuid not null,
    credential_id uuid not null,                -- the sign-in that asked for it; dead with it
    ticket_hash bytea not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    primary key (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id),
    foreign key (account_id, handoff_id) references handoff (account_id, id)
);
create unique index open_ticket_hash on open_ticket (ticket_hash);
