-- Outgoing webhooks: the channel notices of an account and the log of what became of each.

-- The signing secret is not kept: it is derived from FLOWPILOT_SECRET_KEY, the webhook's id and `secret_salt`.
-- `secret_hash` tells whether the server still derives the secret that was shown when the webhook was made.
-- A deleted webhook keeps its name for the history of its hand-offs and nothing else.
create table webhook (
    account_id uuid not null references account (id),
    id uuid not null,
    name text not null,
    url text not null,
    format text not null check (format in ('generic', 'teams', 'slack')),
    secret_salt bytea not null,
    secret_hash bytea not null,
    active boolean not null default true,
    active_since timestamptz not null default clock_timestamp(),   -- failures before it do not count for a pause
    events text[] not null check (cardinality(events) > 0),
    created_by uuid not null,
    paused_reason text,
    created_at timestamptz not null default clock_timestamp(),
    deleted_at timestamptz,
    primary key (account_id, id),
    check (not (active and deleted_at is not null)),
    foreign key (account_id, created_by) references app_user (account_id, id)
);
create index webhook_active on webhook (account_id) where active;

-- One notice to one webhook. A test notice belongs to no hand-off and to no position of the log.
create table webhook_delivery (
    account_id uuid not null,
    id uuid not null default gen_random_uuid(),
    webhook_id uuid not null,
    handoff_id uuid,
    seq bigint,
    kind text not null,
    data jsonb not null,                        -- the event's data, from which the body is written at each try
    state text not null default 'pending' check (state in ('pending', 'sending', 'accepted', 'failed', 'cancelled')),
    attempts integer not null default 0,
    status_code integer,
    error text,
    at timestamptz not null default clock_timestamp(),
    next_at timestamptz,
    finished_at timestamptz,
    primary key (account_id, id),
    unique (account_id, webhook_id, seq),
    check ((state in ('pending', 'sending')) = (finished_at is null)),
    check ((kind = 'test') = (seq is null)),
    check ((handoff_id is null) = (seq is null)),
    foreign key (account_id, webhook_id) references webhook (account_id, id),
    foreign key (account_id, handoff_id) references handoff (account_id, id)
);
create index webhook_delivery_unfinished on webhook_delivery (account_id, webhook_id, handoff_id, seq)
    where state in ('pending', 'sending');
create index webhook_delivery_log on webhook_delivery (account_id, webhook_id, at desc, id desc);
create index webhook_delivery_ended on webhook_delivery (account_id, webhook_id, finished_at desc);
create index webhook_delivery_of_handoff on webhook_delivery (account_id, handoff_id, seq);

-- Plans the notices of one event in the event's own transaction; nothing but one look into an index where nobody asked
-- for any. A nudge is between the product and the claimer: no channel hears of it.
create function plan_webhooks(p_account uuid, p_handoff uuid, p_kind text, p_seq bigint, p_data jsonb) returns void
language plpgsql as $$
declare
    v_kind constant text := replace(p_kind, 'handoff.', '');
begin
    if p_data ->> 'cause' = 'nudge' or not exists (
        select from webhook w where w.account_id = p_account and w.active and v_kind = any(w.events)) then
        return;
    end if;
    with planned as (
        insert into webhook_delivery (account_id, webhook_id, handoff_id, seq, kind, data, at, next_at)
        select p_account, w.id, p_handoff, p_seq, v_kind, p_data, e.at, e.at
        from webhook w, account_event e
        where w.account_id = p_account and w.active and v_kind = any(w.events)
          and e.account_id = p_account and e.seq = p_seq
        on conflict (account_id, webhook_id, seq) do nothing
        returning id)
    insert into job (account_id, kind, key, handoff_id, ref)
    select p_account, 'webhook', 'webhook:' || planned.id, p_handoff, planned.id from planned;
end $$;

-- How the channels were told since the hand-off's newest alert, as `deliveries` of the API lists it.
create function webhook_deliveries_of(p_account uuid, p_handoff uuid)
returns table (user_id uuid, name text, channel text, state text, at timestamptz, detail text, retry_at timestamptz)
language sql stable as $$
    select w.created_by, u.name, 'webhook', d.state, coalesce(d.finished_at, d.at),
           case w.format when 'teams' then 'Teams: ' when 'slack' then 'Slack: ' else 'Webhook: ' end || w.name
               || coalesce(': ' || d.error, ''),
           case when d.state = 'pending' then d.next_at end
    from webhook_delivery d
    join webhook w on w.account_id = d.account_id and w.id = d.webhook_id
    join app_user u on u.account_id = w.account_id and u.id = w.created_by
    where d.account_id = p_account and d.handoff_id = p_handoff
      and d.seq >= (select coalesce(max(a.seq), 0) from webhook_delivery a
                    where a.account_id = p_account and a.handoff_id = p_handoff
                      and a.kind in ('created', 'realerted', 'released'))
    order by w.name, w.id, d.seq
$$;
