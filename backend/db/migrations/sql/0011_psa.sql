-- PSA connectors of an account, notes on tickets, what tickets told about sessions, and what PSAs told of by themselves.

-- Credentials are sealed under FLOWPILOT_SECRET_KEY and never leave the server; `fields` are what is no secret.
-- `free_at` is the connector's turn: nobody asks the PSA before it. Whoever does moves it on for as long as it may take,
-- so that one account's PSA is asked by one worker at a time, in all processes.
create table psa_connector (
    account_id uuid not null references account (id),
    id uuid not null,
    system text not null check (system in ('connectwise', 'halo', 'autotask')),
    fields jsonb not null,
    credentials bytea not null,
    hook_secret bytea not null,
    notes_on text[] not null default '{}' check (notes_on <@ array['escalated', 'claimed', 'resolved']),
    pull_tickets boolean not null default true,
    public_notes boolean not null default false,
    status_on_claim text,
    status_on_resolve text,
    assign_on_claim boolean not null default false,
    active boolean not null default true,
    paused_reason text,                         -- why nothing is written although it is active, and what mends it
    free_at timestamptz not null default clock_timestamp(),
    free_why text not null default 'free' check (free_why in ('free', 'busy', 'asked', 'budget')),
    window_at timestamptz not null default clock_timestamp(),
    window_calls integer not null default 0,
    checked_at timestamptz,
    check_ok boolean,
    check_text text,
    created_by uuid not null,
    created_at timestamptz not null default clock_timestamp(),
    deleted_at timestamptz,
    primary key (account_id, id),
    check (not (active and deleted_at is not null)),
    foreign key (account_id, created_by) references app_user (account_id, id)
);
create unique index psa_connector_one on psa_connector (account_id, system) where deleted_at is null;

-- One note. `data` is what its text is written from at the first try; `text` is kept from then on, so that every try
-- writes the very same. A note that has failed is a dead letter until somebody replays it.
create table psa_note (
    account_id uuid not null,
    id uuid not null default gen_random_uuid(),
    connector_id uuid not null,
    session_id uuid not null,
    handoff_id uuid,
    seq bigint,                                 -- the event that it tells of; null for a person's note
    kind text not null check (kind in ('escalated', 'claimed', 'resolved', 'note')),
    author_id uuid,
    visibility text not null default 'internal' check (visibility in ('internal', 'public')),
    confirmed_by uuid,                          -- who said that the customer is meant to read it
    ticket text not null,
    data jsonb not null default '{}',
    text text,
    state text not null default 'pending'
        check (state in ('pending', 'sending', 'written', 'leaked', 'failed', 'cancelled')),
    attempts integer not null default 0,
    leaking boolean not null default false,
    began_at timestamptz not null default clock_timestamp(),   -- of the 24 hours in which it is tried
    remote_id text,
    error text,
    remedy text,
    at timestamptz not null default clock_timestamp(),
    next_at timestamptz default clock_timestamp(),
    finished_at timestamptz,
    primary key (account_id, id),
    unique (account_id, connector_id, seq),
    check ((state in ('pending', 'sending')) = (finished_at is null)),
    check (visibility = 'internal' or confirmed_by is not null),
    foreign key (account_id, connector_id) references psa_connector (account_id, id),
    foreign key (account_id, session_id) references ai_session (account_id, id),
    foreign key (account_id, handoff_id) references handoff (account_id, id),
    foreign key (account_id, author_id) references app_user (account_id, id),
    foreign key (account_id, confirmed_by) references app_user (account_id, id)
);
create index psa_note_unfinished on psa_note (account_id, connector_id, ticket, at, id)
    where state in ('pending', 'sending');
create index psa_note_log on psa_note (account_id, connector_id, at desc, id desc);
create index psa_note_of_session on psa_note (account_id, session_id, at);
create index psa_note_dead on psa_note (account_id, connector_id, at) where state = 'failed';

-- What PSAs have told us, by a digest of it: the same is not listened to twice.
create table psa_heard (
    account_id uuid not null,
    connector_id uuid not null,
    digest bytea not null,
    at timestamptz not null default clock_timestamp(),
    primary key (account_id, connector_id, digest),
    foreign key (account_id, connector_id) references psa_connector (account_id, id)
);
create index psa_heard_old on psa_heard (account_id, connector_id, at);

-- As backend.psa.systems.system_of has it.
create function psa_system(p_word text) returns text
language sql immutable parallel safe as $$
    select case
        when w in ('cw', 'cwm', 'cwmanage') or w like '%connectwise%' then 'connectwise'
        when w like 'halo%' then 'halo'
        when w like '%autotask%' then 'autotask' end
    from (select regexp_replace(lower(p_word), '[^a-z]', '', 'g') as w) word
$$;

-- Plans what one event does to the ticket, in the event's own transaction; one look into an index where there is no PSA.
create function plan_psa(p_account uuid, p_handoff uuid, p_kind text, p_seq bigint, p_data jsonb) returns void
language plpgsql as $$
declare
    v_kind constant text := case p_kind when 'handoff.created' then 'escalated' when 'handoff.claimed' then 'claimed'
                                        when 'handoff.resolved' then 'resolved' end;
begin
    if v_kind is null or p_data #>> '{ticket,id}' is null or not exists (
        select from psa_connector c where c.account_id = p_account and c.deleted_at is null and c.active) then
        return;
    end if;
    with planned as (
        insert into psa_note (account_id, connector_id, session_id, handoff_id, seq, kind, author_id, ticket, data)
        select p_account, c.id, (p_data ->> 'session_id')::uuid, p_handoff, p_seq, v_kind,
               (p_data #>> '{actor,id}')::uuid, p_data #>> '{ticket,id}', p_data
        from psa_connector c
        where c.account_id = p_account and c.deleted_at is null and c.active
          and c.system = psa_system(p_data #>> '{ticket,system}')
          and (v_kind = any(c.notes_on)
               or v_kind = 'claimed' and (c.status_on_claim is not null or c.assign_on_claim)
               or v_kind = 'resolved' and c.status_on_resolve is not null)
        on conflict (account_id, connector_id, seq) do nothing
        returning id)
    insert into job (account_id, kind, key, handoff_id, ref)
    select p_account, 'psa_note', 'psa_note:' || planned.id, p_handoff, planned.id from planned;
end $$;

-- As before, and what the ticket is to be told is planned with the event.
create or replace function announce(p_account uuid, p_kind text, p_handoff uuid, p_data jsonb) returns bigint
language plpgsql as $$
declare
    v_seq bigint;
begin
    v_seq := append_event(p_account, p_kind, p_handoff, p_data);
    perform plan_webhooks(p_account, p_handoff, p_kind, v_seq, p_data);
    perform plan_psa(p_account, p_handoff, p_kind, v_seq, p_data);
    return v_seq;
end $$;

-- A new session with a ticket: what the ticket says is fetched, where the account's PSA is the ticket's.
create function plan_ticket_pull(p_account uuid, p_session uuid) returns void
language sql as $$
    insert into job (account_id, kind, key, ref)
    select p_account, 'psa_pull', 'psa_pull:' || s.id, s.id
    from ai_session s
    join psa_connector c on c.account_id = s.account_id and c.system = psa_system(s.ticket_system)
    where s.account_id = p_account and s.id = p_session and s.ticket_id is not null
      and c.active and c.pull_tickets and c.deleted_at is null
    on conflict (account_id, key) do nothing
$$;
