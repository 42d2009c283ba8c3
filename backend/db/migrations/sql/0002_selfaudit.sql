-- What the self-audit finds, and what the canary leaves behind.
--
-- Both belong to an account of the installation itself, made when the first worker starts, with an id that no other
-- account can have. It holds the audit's own work and records, and the two people of the canary. The auditor looks into
-- one account after the other, bound by row-level security as everybody else: no function of its own reads across.

create function house_account() returns uuid
language sql immutable as $$ select '00000000-0000-7000-8000-0000f10a9170'::uuid $$;

-- One row as long as nothing changes: `at` is the last run that found the same as the first one, at `began_at`.
create table audit_run (
    account_id uuid not null references account (id),
    id uuid not null default gen_random_uuid(),
    began_at timestamptz not null default clock_timestamp(),
    at timestamptz not null default clock_timestamp(),
    figures jsonb not null,
    findings jsonb not null,
    primary key (account_id, id)
);
create index audit_run_newest on audit_run (account_id, at desc);

create table canary_run (
    account_id uuid not null references account (id),
    id uuid not null,
    at timestamptz not null default clock_timestamp(),
    ok boolean,                                 -- null while it is under way
    stage text,                                 -- where it failed
    error text,
    seconds jsonb not null default '{}',        -- by stage
    primary key (account_id, id)
);
create index canary_run_newest on canary_run (account_id, at desc);

-- When somebody was to be told; `at` moves with the state.
alter table delivery add column planned_at timestamptz not null default clock_timestamp();
create index delivery_sending on delivery (account_id, at) where state = 'sending';
create index app_user_refused on app_user (account_id) where email_refused_at is not null;

-- The accounts of customers, a few at a time: ids alone.
create function audit_accounts(p_after uuid, p_limit integer) returns setof uuid
language sql stable security definer set search_path = pg_catalog, public as $$
    select a.id from account a
    where a.id <> '00000000-0000-7000-8000-0000f10a9170' and (p_after is null or a.id > p_after)
    order by a.id limit p_limit
$$;

-- What is wrong in one account: ids, times and words of ours, nothing that a customer wrote.
create function audit_account(p_account uuid)
returns table (kind text, word text, handoff_id uuid, user_id uuid, ref uuid, since timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare
    v_now constant timestamptz := clock_timestamp();
begin
    perform set_config('app.account_id', p_account::text, true);
    return query
    select 'overdue', j.kind, j.handoff_id, null::uuid, j.ref, j.due_at
    from job j
    where j.account_id = p_account and j.due_at < v_now - interval '60 seconds'
      and (j.lease_until is null or j.lease_until <= v_now)
    union all
    -- Retries of mail and webhooks are no fault; the policy's work is done at the first attempt or something is wrong.
    select 'stuck', j.kind, j.handoff_id, null, j.ref, j.created_at
    from job j
    left join delivery d on j.kind = 'email' and d.account_id = j.account_id and d.id = j.ref
    where j.account_id = p_account and j.attempts >= 3
      and (j.lease_until <= v_now or j.kind in ('step', 'idle', 'closed') or j.attempts - d.attempts >= 3)
    union all
    select case h.status when 'pending' then 'no_step' else 'no_idle' end, null, h.id, null, null,
           coalesce(h.claimed_at, h.waiting_since)
    from audit_unplanned(p_account) h
    union all
    select 'sending', d.channel, d.handoff_id, d.user_id, d.id, d.at
    from delivery d where d.account_id = p_account and d.state = 'sending' and d.at < v_now - interval '2 minutes'
    union all
    select 'sending', 'webhook', w.handoff_id, null, w.id, w.at
    from webhook_delivery w where w.account_id = p_account and w.state = 'sending'
      and coalesce(w.next_at, w.at) < v_now - interval '90 seconds'  -- 30 s after it was begun
    union all
    select 'not_told', n.reason, n.handoff_id, n.user_id, null, n.since from audit_not_told(p_account, v_now) n
    union all
    select 'failed', d.channel, h.id, d.user_id, d.id, d.at
    from handoff h
    join delivery d on d.account_id = h.account_id and d.handoff_id = h.id and d.rung = h.rung
    where h.account_id = p_account and h.status = 'pending' and d.state in ('failed', 'unknown')
    union all
    select 'failed', 'webhook', h.id, null, w.id, w.at
    from handoff h
    join webhook_delivery w on w.account_id = h.account_id and w.handoff_id = h.id
    where h.account_id = p_account and h.status = 'pending'
      and (w.state = 'failed' or (w.state = 'pending' and w.attempts > 0))
    union all
    select 'address_refused', null, null, u.id, null, u.email_refused_at
    from app_user u where u.account_id = p_account and u.active and u.email_refused_at is not null
    union all
    select 'webhook_paused', null, null, null, w.id, coalesce(
        (select max(d.finished_at) from webhook_delivery d where d.account_id = w.account_id and d.webhook_id = w.id),
        w.active_since)
    from webhook w
    where w.account_id = p_account and not w.active and w.paused_reason is not null and w.deleted_at is null;
end $$;

-- Open handoffs that nothing will look at again: waiting ones without a next step, claimed ones without a first action
-- whose holder the policy wants to be asked.
create function audit_unplanned(p_account uuid)
returns table (id uuid, status text, waiting_since timestamptz, claimed_at timestamptz)
language sql stable as $$
    select h.id, h.status, h.waiting_since, h.claimed_at
    from handoff h join account a on a.id = h.account_id
    where h.account_id = p_account
      and (h.status = 'pending' and not exists (
               select from job j where j.account_id = h.account_id and j.key = 'step:' || h.id)
           or h.status = 'claimed' and not exists (
               select from job j where j.account_id = h.account_id and j.key = 'idle:' || h.id)
           and not acted_since(h.account_id, h.session_id, h.claimed_by, h.claimed_at)
           -- 15 min stands in a policy that says nothing, null in one that says never.
           and (coalesce(a.escalation_policy -> 'idle_return_minutes', '15') <> 'null'
                or coalesce(a.escalation_policy -> 'idle_nudge_minutes', '15') <> 'null' and h.nudged_at is null))
$$;

-- Whoever an alert of a waiting handoff has not reached 30 s after it was planned: neither shown on a screen nor taken
-- by the mail server, in that round or a later one. Of a long wait the latest rounds count. An account's own delay for people without a client is granted.
create function audit_not_told(p_account uuid, p_now timestamptz)
returns table (handoff_id uuid, user_id uuid, reason text, since timestamptz)
language sql stable as $$
    with rounds as (
        select d.handoff_id, d.user_id, d.rung, min(d.planned_at) as planned_at,
               bool_or(d.state = 'shown' or d.channel = 'email' and d.state = 'accepted') as told
        from handoff h
        join delivery d on d.account_id = h.account_id and d.handoff_id = h.id
        join app_user u on u.account_id = d.account_id and u.id = d.user_id
        where h.account_id = p_account and h.status = 'pending' and d.purpose = 'alert'
          and d.planned_at >= h.waiting_since and u.active and u.role in ('engineer', 'admin', 'owner')
          and d.rung >= h.rung - 2
        group by d.handoff_id, d.user_id, d.rung
    ), people as (
        select r.handoff_id, r.user_id, coalesce(max(r.rung) filter (where r.told), -1) as told,
               max(r.rung) filter (where r.planned_at < p_now - make_interval(secs => 30 + a.email_offline_delay_s)) as due
        from rounds r join account a on a.id = p_account
        group by r.handoff_id, r.user_id
    )
    select p.handoff_id, p.user_id, case m.state
               when 'failed' then case when u.email_refused_at is not null then 'address refused' else 'mail failed' end
               when 'unknown' then 'mail unanswered'
               when 'sending' then 'mail under way'
               when 'pending' then 'mail not begun'
               else 'no mail planned' end,
           (select min(r.planned_at) from rounds r
            where r.handoff_id = p.handoff_id and r.user_id = p.user_id and r.rung > p.told)
    from people p
    join app_user u on u.account_id = p_account and u.id = p.user_id
    left join lateral (
        select d.state from delivery d
        where d.account_id = p_account and d.handoff_id = p.handoff_id and d.user_id = p.user_id
          and d.channel = 'email' and d.purpose = 'alert' and d.rung between p.told + 1 and p.due
        order by d.rung desc limit 1) m on true
    where p.due > p.told
$$;

-- One look into some accounts: counts by kind and word, a few hand-offs as examples. What can be mended without harm is:
-- an open handoff that nothing would look at again gets its next look.
create function audit_look(p_accounts uuid[])
returns table (account_id uuid, kind text, word text, n bigint, handoffs bigint, oldest timestamptz, examples uuid[])
language plpgsql as $$
#variable_conflict use_column
declare
    v_account uuid;
begin
    foreach v_account in array p_accounts loop
        return query
        select v_account, f.kind, f.word, count(*), count(distinct f.handoff_id), min(f.since),
               (array_agg(distinct f.handoff_id) filter (where f.handoff_id is not null))[1:5]
        from audit_account(v_account) f group by f.kind, f.word;
        insert into job (account_id, kind, key, handoff_id)
        select v_account, case h.status when 'pending' then 'step' else 'idle' end,
               case h.status when 'pending' then 'step:' else 'idle:' end || h.id, h.id
        from audit_unplanned(v_account) h
        on conflict do nothing;
    end loop;
end $$;

-- How much of all the work is due and untouched, and for how long, over all customers.
create function audit_oldest_due() returns double precision
language sql stable security definer set search_path = pg_catalog, public as $$
    select coalesce(greatest(extract(epoch from clock_timestamp() - min(j.due_at)), 0), 0)::double precision
    from job j
    where j.account_id <> '00000000-0000-7000-8000-0000f10a9170' and j.due_at <= clock_timestamp()
      and (j.lease_until is null or j.lease_until <= clock_timestamp())
$$;

-- The house account, its people and its recurring work are there from here on.
create function house_keep() returns void
language plpgsql as $$
declare
    v_house constant uuid := house_account();
begin
    perform set_config('app.account_id', v_house::text, true);
    insert into account (id, name) values (v_house, 'FlowPilot self-audit') on conflict do nothing;
    insert into account_stream (account_id) values (v_house) on conflict do nothing;
    -- Without a password: they sign in by tokens that live as long as one run.
    insert into app_user (account_id, id, email, name, role)
    values (v_house, '00000000-0000-7000-8000-00000000ca01', 'junior@canary.invalid', 'Canary junior', 'technician'),
           (v_house, '00000000-0000-7000-8000-00000000ca02', 'senior@canary.invalid', 'Canary senior', 'engineer')
    on conflict do nothing;
    insert into job (account_id, kind, key) values (v_house, 'audit', 'audit'), (v_house, 'canary', 'canary')
    on conflict do nothing;
end $$;

-- The last run and the last canary as readers of any process want them; null before the first of each.
create function audit_state() returns jsonb
language plpgsql as $$
declare
    v_house constant uuid := house_account();
    v_now constant timestamptz := clock_timestamp();
begin
    perform set_config('app.account_id', v_house::text, true);
    return jsonb_build_object(
        'now', extract(epoch from v_now),
        'house_age_s', (select extract(epoch from v_now - a.created_at) from account a where a.id = v_house),
        'audit', (select jsonb_build_object('age_s', extract(epoch from v_now - r.at), 'figures', r.figures,
                                            'findings', r.findings)
                  from audit_run r where r.account_id = v_house order by r.at desc limit 1),
        'canary', (select jsonb_build_object('age_s', extract(epoch from v_now - c.at), 'ok', c.ok, 'stage', c.stage,
                                             'error', c.error, 'seconds', c.seconds)
                   from canary_run c where c.account_id = v_house and c.ok is not null order by c.at desc limit 1));
end $$;

-- What earlier canaries left, finished or cut off, is gone afterwards; results stay for a day. Lock order as everywhere.
create function canary_clear() returns void
language plpgsql as $$
declare
    v_house constant uuid := house_account();
begin
    perform set_config('app.account_id', v_house::text, true);
    perform from handoff h where h.account_id = v_house for update;
    delete from delivery where account_id = v_house;
    delete from job where account_id = v_house and handoff_id is not null;
    delete from open_ticket where account_id = v_house;
    delete from access_token where account_id = v_house;
    delete from message where account_id = v_house;
    delete from step where account_id = v_house;
    delete from fact where account_id = v_house;
    perform canary_forget();
    update account_stream set min_seq = last_seq + 1 where account_id = v_house;
    delete from canary_run where account_id = v_house and (ok is null or at < clock_timestamp() - interval '1 day');
end $$;

-- The server may not delete from these tables; of the canary's rows, and of no others by the policies below, it may.
create function canary_forget() returns void
language sql security definer set search_path = pg_catalog, public as $$
    delete from account_event where account_id = '00000000-0000-7000-8000-0000f10a9170';
    delete from handoff_timeline where account_id = '00000000-0000-7000-8000-0000f10a9170';
    delete from handoff where account_id = '00000000-0000-7000-8000-0000f10a9170';
    delete from ai_session where account_id = '00000000-0000-7000-8000-0000f10a9170';
$$;

do $$
declare
    t text;
begin
    foreach t in array array['account_event', 'handoff_timeline', 'handoff', 'ai_session'] loop
        execute format('grant select (account_id), delete on %I to flowpilot_definer', t);
        execute format('create policy canary on %I to flowpilot_definer using (account_id = %L)',
            t, '00000000-0000-7000-8000-0000f10a9170');
    end loop;
end $$;
