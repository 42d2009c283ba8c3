-- Rounds of telling people: who is told in which, by desktop alert and by e-mail, and what ends a round.
-- Lock order: handoff row, session row, delivery rows, job rows, account_stream row last.

alter table account
    add column email_content text not null default 'full' check (email_content in ('full', 'title_only')),
    add column email_offline_delay_s integer not null default 0 check (email_offline_delay_s between 0 and 300);

-- The mail server's last refusal of this address; taken back by the next message that it accepts.
alter table app_user
    add column email_refused_at timestamptz,
    add column email_refusal text;

alter table handoff
    add column waiting_since timestamptz not null default clock_timestamp(),  -- escalation or last hand-back
    add column alert_to uuid[],                 -- who is told in this round; null is every eligible senior
    add column steps_done integer not null default 0,
    add column next_step jsonb,                 -- what the policy does next, as the wire shows it
    add column exhausted_at timestamptz,        -- the policy's last step has run and nobody has come
    add column nudged_at timestamptz;           -- the claimer was reminded that nothing has happened

alter table delivery
    add column purpose text not null default 'alert'
        check (purpose in ('alert', 'nudge', 'closed', 'nobody', 'notice')),
    add column message_id text,
    add column attempts integer not null default 0,
    add column retry_at timestamptz;
do $$
begin
    execute (select format('alter table delivery drop constraint %I', conname) from pg_constraint
             where conrelid = 'delivery'::regclass and contype = 'u');
end $$;
alter table delivery add constraint delivery_once
    unique (account_id, handoff_id, rung, user_id, channel, device, purpose);

-- Long waits leave many rows behind: what is still to go, and what went by mail, is found without them.
create index delivery_to_go on delivery (account_id, handoff_id) where state = 'pending';
create index delivery_again on delivery (account_id, handoff_id) where retry_at is not null;
create index delivery_by_mail on delivery (account_id, handoff_id, user_id) where channel = 'email';

-- Rows that are there already. Their owner is bound by forced row-level security and would see none of them.
alter table account no force row level security;
alter table handoff no force row level security;
alter table handoff_timeline no force row level security;
alter table job no force row level security;
-- Until now any JSON was kept here, and none of it had an effect.
update account set escalation_policy = '{}';
update handoff h set waiting_since = coalesce(
    (select max(e.at) from handoff_timeline e
     where e.account_id = h.account_id and e.handoff_id = h.id and e.kind = 'released'), h.created_at);
update handoff set card = card || jsonb_build_object(
    'rung', rung, 'to', null, 'waiting_since', iso(waiting_since), 'breaks_dnd', priority = 'urgent')
where status in ('pending', 'claimed');
insert into job (account_id, kind, key, handoff_id)
select account_id, 'idle', 'idle:' || id, id from handoff where status = 'claimed';
alter table account force row level security;
alter table handoff force row level security;
alter table handoff_timeline force row level security;

create or replace function handoff_refresh_card(p_account uuid, p_handoff uuid) returns jsonb
language sql as $$
    update handoff h set card = jsonb_build_object(
        'id', h.id, 'session_id', h.session_id, 'title', s.title, 'customer', s.customer,
        'ticket', case when s.ticket_id is not null then
            jsonb_build_object('system', s.ticket_system, 'id', s.ticket_id, 'url', s.ticket_url) end,
        'priority', h.priority, 'status', h.status, 'reason', h.reason, 'need', h.need,
        'created_at', iso(h.created_at), 'handed_off_by', person(h.account_id, h.handed_off_by),
        'session_owner', person(h.account_id, h.session_owner), 'target_user_id', h.target_user_id,
        'claimed_by', person(h.account_id, h.claimed_by), 'claimed_at', iso(h.claimed_at),
        'assessment_status', h.assessment_status, 'rung', h.rung, 'to', to_jsonb(h.alert_to),
        'waiting_since', iso(h.waiting_since),
        'breaks_dnd', h.priority = 'urgent' and coalesce((a.escalation_policy ->> 'urgent_overrides_dnd')::boolean, true))
    from ai_session s, account a
    where h.account_id = p_account and h.id = p_handoff and s.account_id = h.account_id and s.id = h.session_id
      and a.id = h.account_id
    returning h.card
$$;

-- As before, and notices for other systems are planned with the event.
create or replace function handoff_changed(p_account uuid, p_handoff uuid, p_kind text, p_actor uuid, p_detail text)
returns bigint language plpgsql as $$
declare
    v_data jsonb;
begin
    insert into handoff_timeline (account_id, handoff_id, kind, actor_id, detail)
    values (p_account, p_handoff, p_kind, p_actor, p_detail);
    v_data := handoff_refresh_card(p_account, p_handoff)
        || jsonb_build_object('handoff_id', p_handoff, 'actor', person(p_account, p_actor), 'note', p_detail);
    if p_kind in ('claimed', 'reassigned', 'released', 'resolved') then
        v_data := v_data || jsonb_build_object('claim_epoch',
            (select claim_epoch from handoff where account_id = p_account and id = p_handoff));
    end if;
    return announce(p_account, 'handoff.' || p_kind, p_handoff, v_data);
end $$;

-- The event, and with it the notices that other systems are to get.
create function announce(p_account uuid, p_kind text, p_handoff uuid, p_data jsonb) returns bigint
language plpgsql as $$
declare
    v_seq bigint;
begin
    v_seq := append_event(p_account, p_kind, p_handoff, p_data);
    perform plan_webhooks(p_account, p_handoff, p_kind, v_seq, p_data);
    return v_seq;
end $$;

-- Calls off the alerts that are still to go to people, in whichever round they were planned. What a worker is sending at
-- this very moment stays with it: it asks again before it sends, and its end is recorded. What tells people that nobody
-- has come, or that somebody has, asks by itself whether it is still true.
create function call_off(p_account uuid, p_handoff uuid, p_why text) returns void
language sql as $$
    update delivery set state = 'cancelled', detail = coalesce(p_why, detail), retry_at = null, at = clock_timestamp()
    where account_id = p_account and handoff_id = p_handoff and state = 'pending' and purpose in ('alert', 'nudge');
    update delivery set retry_at = null
    where account_id = p_account and handoff_id = p_handoff and retry_at is not null and purpose in ('alert', 'nudge');
    delete from job j using delivery d
    where j.account_id = p_account and j.handoff_id = p_handoff and j.kind = 'email'
      and d.account_id = j.account_id and d.id = j.ref and d.state <> 'sending' and d.purpose in ('alert', 'nudge');
$$;

-- One e-mail to one person, to be sent at `p_due`.
create function plan_mail(
    p_account uuid, p_handoff uuid, p_rung integer, p_user uuid, p_purpose text, p_due timestamptz default null)
returns void language sql as $$
    with row as (
        insert into delivery (account_id, handoff_id, rung, user_id, channel, device, purpose)
        select p_account, p_handoff, p_rung, u.id, 'email', u.email, p_purpose
        from app_user u where u.account_id = p_account and u.id = p_user and u.active
        on conflict do nothing
        returning id)
    insert into job (account_id, kind, key, handoff_id, ref, due_at)
    select p_account, 'email', 'email:' || row.id, p_handoff, row.id, coalesce(p_due, clock_timestamp()) from row
$$;

-- Plans the round that the handoff's `rung` names for `p_users` (null: every eligible senior): a desktop alert, and an
-- e-mail that a receipt `shown` will call off; it is due at once for whom no client is connected. Earlier rounds end.
drop function plan_rung(uuid, uuid);
create function plan_rung(
    p_account uuid, p_handoff uuid, p_users uuid[], p_email_after_s double precision, p_purpose text default 'alert')
returns void language plpgsql as $$
begin
    perform call_off(p_account, p_handoff, 'a later round has begun');
    -- A handoff that nobody claims for weeks keeps its first round and the latest ones; the timeline keeps them all.
    delete from delivery d using handoff h
    where h.account_id = p_account and h.id = p_handoff and d.account_id = h.account_id and d.handoff_id = h.id
      and d.rung > 0 and d.rung < h.rung - 20 and d.state <> 'sending' and d.purpose = 'alert';
    with people as (
        select u.id, u.email, h.rung, a.email_offline_delay_s as offline_s, exists (
                   select from client_presence c where c.account_id = u.account_id and c.user_id = u.id
                   and c.seen_at > clock_timestamp() - interval '45 seconds') as here
        from handoff h join app_user u on u.account_id = h.account_id join account a on a.id = h.account_id
        where h.account_id = p_account and h.id = p_handoff
          and u.active and u.role in ('engineer', 'admin', 'owner') and u.id <> h.handed_off_by
          and (p_users is null or u.id = any(p_users))
    ), desktop as (
        insert into delivery (account_id, handoff_id, rung, user_id, channel, purpose)
        select p_account, p_handoff, p.rung, p.id, 'desktop', p_purpose from people p
    ), mail as (
        insert into delivery (account_id, handoff_id, rung, user_id, channel, device, purpose)
        select p_account, p_handoff, p.rung, p.id, 'email', p.email, p_purpose from people p
        returning id, user_id
    )
    insert into job (account_id, kind, key, handoff_id, ref, due_at)
    select p_account, 'email', 'email:' || m.id, p_handoff, m.id,
           clock_timestamp() + make_interval(secs => case when p.here then p_email_after_s else p.offline_s end)
    from mail m join people p on p.id = m.user_id;
end $$;

-- Whom the first round tells: the target alone where the policy asks the target first and the target can come, else
-- every eligible senior. Once somebody has held it, everyone: the target has had the head start.
create function first_round(p_account uuid, p_handoff uuid) returns uuid[]
language sql stable as $$
    select array[u.id]
    from handoff h join account a on a.id = h.account_id
    join app_user u on u.account_id = h.account_id and u.id = h.target_user_id
    where h.account_id = p_account and h.id = p_handoff and h.claim_epoch = 0
      and (a.escalation_policy ->> 'target_first_minutes') is not null
      and u.active and u.role in ('engineer', 'admin', 'owner') and u.id <> h.handed_off_by
$$;

-- The handoff waits from now on: first round, first look at the policy.
create function begin_waiting(p_account uuid, p_handoff uuid, p_email_after_s double precision) returns void
language plpgsql as $$
declare
    v_to uuid[] := first_round(p_account, p_handoff);
begin
    if v_to is not null then
        update handoff set alert_to = v_to where account_id = p_account and id = p_handoff;
    end if;
    perform plan_rung(p_account, p_handoff, v_to, p_email_after_s);
    -- The first look only says what comes next; it leaves the first moment to the alert itself.
    perform enqueue_job(p_account, 'step', 'step:' || p_handoff, p_handoff, null, clock_timestamp() + interval '0.3 s');
end $$;

-- A claimed handoff goes back to the queue, at its place, in a new round. The caller has locked and judged it.
create function reopen_handoff(p_account uuid, p_handoff uuid, p_email_after_s double precision) returns void
language plpgsql as $$
begin
    update handoff set status = 'pending', claimed_by = null, claimed_at = null, claim_epoch = claim_epoch + 1,
        rung = rung + 1, waiting_since = clock_timestamp(), alert_to = null, steps_done = 0, next_step = null,
        exhausted_at = null, nudged_at = null
    where account_id = p_account and id = p_handoff;
    update ai_session s set status = 'escalated', updated_at = clock_timestamp(), version = s.version + 1
    from handoff h where h.account_id = p_account and h.id = p_handoff and s.account_id = p_account and s.id = h.session_id;
    delete from job where account_id = p_account and key = 'idle:' || p_handoff;
    perform begin_waiting(p_account, p_handoff, p_email_after_s);
end $$;

-- Nobody needs to come any more: what is still to go is called off, and who was e-mailed is told so.
create function end_waiting(p_account uuid, p_handoff uuid) returns void
language plpgsql as $$
begin
    perform call_off(p_account, p_handoff, null);
    delete from job where account_id = p_account and key in ('step:' || p_handoff, 'idle:' || p_handoff);
    update handoff set next_step = null, nudged_at = null where account_id = p_account and id = p_handoff
      and (next_step is not null or nudged_at is not null);
    if exists (select from delivery d where d.account_id = p_account and d.handoff_id = p_handoff and d.channel = 'email'
               and d.purpose in ('alert', 'nobody') and d.state in ('sending', 'accepted', 'unknown')) then
        perform enqueue_job(p_account, 'closed', 'closed:' || p_handoff, p_handoff);
    end if;
end $$;

-- The next round of the policy while nobody has come: `p_done` steps are done with it.
create function realert_handoff(
    p_account uuid, p_handoff uuid, p_to uuid[], p_done integer, p_final boolean, p_cause text, p_detail text,
    p_email_after_s double precision) returns bigint
language plpgsql as $$
declare
    h record;
begin
    update handoff set rung = rung + 1, alert_to = p_to, steps_done = p_done,
        exhausted_at = case when p_final then coalesce(exhausted_at, clock_timestamp()) else exhausted_at end
    where account_id = p_account and id = p_handoff
    returning rung, handed_off_by, session_owner into h;
    perform plan_rung(p_account, p_handoff, p_to, p_email_after_s);
    insert into handoff_timeline (account_id, handoff_id, kind, actor_id, detail)
    values (p_account, p_handoff, 'realerted', null, p_detail);
    if p_final then
        insert into handoff_timeline (account_id, handoff_id, kind, actor_id, detail)
        values (p_account, p_handoff, 'exhausted', null, null);
        perform plan_mail(p_account, p_handoff, h.rung, h.handed_off_by, 'nobody');
        if h.session_owner <> h.handed_off_by then
            perform plan_mail(p_account, p_handoff, h.rung, h.session_owner, 'nobody');
        end if;
    end if;
    return announce(p_account, 'handoff.realerted', p_handoff, handoff_refresh_card(p_account, p_handoff)
        || jsonb_build_object('handoff_id', p_handoff, 'actor', null, 'note', p_detail, 'cause', p_cause,
                              'step', case when p_cause in ('step', 'exhausted') then p_done end));
end $$;

-- The claimer is reminded that nothing has happened since the claim.
create function nudge_claimer(
    p_account uuid, p_handoff uuid, p_returns_at timestamptz, p_email_after_s double precision) returns bigint
language plpgsql as $$
declare
    v_holder uuid;
begin
    update handoff set rung = rung + 1, alert_to = array[claimed_by], nudged_at = clock_timestamp()
    where account_id = p_account and id = p_handoff returning claimed_by into v_holder;
    perform plan_rung(p_account, p_handoff, array[v_holder], p_email_after_s, 'nudge');
    insert into handoff_timeline (account_id, handoff_id, kind, actor_id, detail)
    values (p_account, p_handoff, 'nudged', null, null);
    return announce(p_account, 'handoff.realerted', p_handoff, handoff_refresh_card(p_account, p_handoff)
        || jsonb_build_object('handoff_id', p_handoff, 'actor', null, 'note', null, 'cause', 'nudge',
                              'returns_at', iso(p_returns_at)));
end $$;

-- True while this message should still go out: asked before each send, and while a slow one is under way; then the
-- lease is held for `p_hold_s` more seconds, so that it can be short and a dead worker's work is soon taken over.
create function mail_wanted(p_account uuid, p_delivery uuid, p_job uuid, p_lease integer, p_hold_s double precision)
returns boolean language plpgsql as $$
begin
    perform set_config('app.account_id', p_account::text, true);
    if p_hold_s is not null then
        update job set lease_until = clock_timestamp() + make_interval(secs => p_hold_s)
        where account_id = p_account and id = p_job and lease_no = p_lease;
    end if;
    return exists (
        select from delivery d
        join handoff h on h.account_id = d.account_id and h.id = d.handoff_id
        join job j on j.account_id = d.account_id and j.id = p_job and j.lease_no = p_lease
        join app_user u on u.account_id = d.account_id and u.id = d.user_id and u.active
        where d.account_id = p_account and d.id = p_delivery and d.state not in ('accepted', 'cancelled')
          and d.account_id <> house_account()  -- nobody reads the canary's mail
          and case d.purpose
              when 'alert' then h.status = 'pending' and h.rung = d.rung and u.role in ('engineer', 'admin', 'owner') and not shown_in(d.account_id, h.id, d.rung, d.user_id)
              when 'nobody' then h.status = 'pending'
              when 'nudge' then h.status = 'claimed' and h.claimed_by = d.user_id and h.rung = d.rung
                  and not shown_in(d.account_id, h.id, d.rung, d.user_id)
                  and not acted_since(d.account_id, h.session_id, h.claimed_by, h.claimed_at)
              when 'closed' then h.status <> 'pending' and exists (
                  select from delivery e where e.account_id = d.account_id and e.handoff_id = d.handoff_id
                  and e.user_id = d.user_id and e.channel = 'email' and e.purpose in ('alert', 'nobody')
                  and e.state in ('sending', 'accepted', 'unknown'))
              else true end);
end $$;

create function shown_in(p_account uuid, p_handoff uuid, p_rung integer, p_user uuid) returns boolean
language sql stable as $$
    select exists (select from delivery s where s.account_id = p_account and s.handoff_id = p_handoff and s.rung = p_rung
                   and s.user_id = p_user and s.state = 'shown')
$$;

-- Whether somebody has written, tried or noted anything in a session since a moment.
create function acted_since(p_account uuid, p_session uuid, p_user uuid, p_since timestamptz) returns boolean
language sql stable as $$
    select exists (select from message x where x.account_id = p_account and x.session_id = p_session
                   and x.author_id = p_user and x.created_at > p_since)
        or exists (select from step x where x.account_id = p_account and x.session_id = p_session
                   and x.author_id = p_user and x.created_at > p_since)
        or exists (select from fact x where x.account_id = p_account and x.session_id = p_session
                   and x.author_id = p_user and x.created_at > p_since)
$$;

-- Locks a delivery behind its handoff, in the order in which a claim takes them. Null when it is gone.
create function lock_delivery(p_account uuid, p_delivery uuid) returns delivery
language plpgsql as $$
declare
    d delivery;
begin
    perform from handoff h where h.account_id = p_account
        and h.id = (select x.handoff_id from delivery x where x.account_id = p_account and x.id = p_delivery) for share;
    select * into d from delivery x where x.account_id = p_account and x.id = p_delivery for update;
    return d;
end $$;

-- The last look before a message goes out. `wanted`: from here on it may have gone out (`sending`). `unwanted`: called
-- off, or unknown for good where a worker was cut off while sending. `lost`: another worker has the work.
create function begin_mail(
    p_account uuid, p_delivery uuid, p_job uuid, p_lease integer, p_domain text,
    out verdict text, out handoff_id uuid, out rung integer, out user_id uuid, out name text, out device text,
    out purpose text, out steps_done integer, out attempts integer, out message_id text)
language plpgsql as $$
declare
    d delivery;
begin
    perform set_config('app.account_id', p_account::text, true);
    d := lock_delivery(p_account, p_delivery);
    perform from job j where j.account_id = p_account and j.id = p_job and j.lease_no = p_lease for update;
    if not found then
        verdict := 'lost'; return;
    end if;
    if d.id is null or not mail_wanted(p_account, p_delivery, p_job, p_lease, null) then
        verdict := 'unwanted';
        delete from job j where j.account_id = p_account and j.id = p_job;
        update delivery x set retry_at = null, at = clock_timestamp(),
            state = case x.state when 'pending' then 'cancelled' when 'sending' then 'unknown' else x.state end,
            detail = case x.state when 'sending' then 'cut off while it was being sent' else x.detail end
        where x.account_id = p_account and x.id = d.id;
        if d.state = 'sending' then
            perform announce_delivery(p_account, d.handoff_id, d.user_id, 'email', 'unknown',
                                      'cut off while it was being sent', d.rung);
        end if;
        return;
    end if;
    verdict := 'wanted';
    update delivery x set state = 'sending', attempts = x.attempts + 1, retry_at = null, at = clock_timestamp(),
        message_id = coalesce(x.message_id, '<' || replace(x.id::text, '-', '') || '@' || p_domain || '>')
    where x.account_id = p_account and x.id = p_delivery
    returning x.handoff_id, x.rung, x.user_id, x.device, x.purpose, x.attempts, x.message_id
    into handoff_id, rung, user_id, device, purpose, attempts, message_id;
    select u.name into name from app_user u where u.account_id = p_account and u.id = d.user_id;
    select h.steps_done into steps_done from handoff h where h.account_id = p_account and h.id = d.handoff_id;
end $$;

-- What became of a message, and when it is tried again (`p_again_s`, null for never) if it is still wanted then. Alerts
-- show it to the escalating side by an event; repeats of the same failure do not. A refusal for good stands in the
-- timeline, marks the address and is told to the administrators. What calls nobody is given up after some tries.
-- `p_quiet` keeps it in the record alone: a server without mail would fill every log with it. False when another worker
-- has the work: then nothing was written.
create function record_mail(
    p_account uuid, p_delivery uuid, p_job uuid, p_lease integer, p_state text, p_detail text,
    p_again_s double precision, p_refused boolean, p_quiet boolean) returns boolean
language plpgsql as $$
declare
    d delivery;
    v_retry timestamptz;
begin
    perform set_config('app.account_id', p_account::text, true);
    d := lock_delivery(p_account, p_delivery);
    perform from job j where j.account_id = p_account and j.id = p_job and j.lease_no = p_lease for update;
    if not found then
        return false;
    end if;
    if d.id is null or d.state <> 'sending' then
        delete from job j where j.account_id = p_account and j.id = p_job;
        return true;
    end if;
    if p_again_s is not null and (d.purpose not in ('closed', 'notice') or d.attempts < 6)
       and mail_wanted(p_account, p_delivery, p_job, p_lease, null) then
        v_retry := clock_timestamp() + make_interval(secs => p_again_s);
    end if;
    if p_state = 'accepted' then
        update app_user u set email_refused_at = null, email_refusal = null
        where u.account_id = p_account and u.id = d.user_id and u.email_refused_at is not null;
    elsif p_refused then
        -- Told once a day, not once a round.
        update app_user u set email_refused_at = clock_timestamp(), email_refusal = p_detail
        where u.account_id = p_account and u.id = d.user_id
          and (u.email_refused_at is null or u.email_refused_at < clock_timestamp() - interval '1 day');
        if found and d.purpose <> 'notice' then
            insert into handoff_timeline (account_id, handoff_id, kind, actor_id, detail)
            select p_account, d.handoff_id, 'mail_failed', null,
                   left('E-mail to ' || u.name || ' was refused: ' || p_detail, 500)
            from app_user u where u.account_id = p_account and u.id = d.user_id;
            perform plan_mail(p_account, d.handoff_id, d.rung, u.id, 'notice')
            from app_user u where u.account_id = p_account and u.active and u.role in ('admin', 'owner')
              and u.id <> d.user_id and u.email_refused_at is null;
        end if;
    end if;
    if v_retry is null then
        delete from job j where j.account_id = p_account and j.id = p_job;
    else
        update job j set due_at = v_retry, lease_until = null where j.account_id = p_account and j.id = p_job;
    end if;
    update delivery x set state = p_state, detail = p_detail, retry_at = v_retry, at = clock_timestamp()
    where x.account_id = p_account and x.id = p_delivery;
    if not p_quiet and p_state <> 'cancelled' and d.purpose in ('alert', 'nudge')
       and not (p_state = 'failed' and d.attempts > 1 and p_detail is not distinct from d.detail) then
        perform announce_delivery(p_account, d.handoff_id, d.user_id, 'email', p_state, p_detail, d.rung);
    end if;
    return true;
end $$;

create function announce_delivery(
    p_account uuid, p_handoff uuid, p_user uuid, p_channel text, p_state text, p_detail text, p_rung integer)
returns bigint language sql as $$
    select append_event(p_account, 'handoff.delivery', p_handoff, jsonb_build_object(
        'handoff_id', p_handoff, 'session_id', h.session_id, 'user', person(p_account, p_user), 'channel', p_channel,
        'state', p_state, 'at', iso(clock_timestamp()), 'detail', p_detail, 'rung', p_rung))
    from handoff h where h.account_id = p_account and h.id = p_handoff
$$;

-- Every waiting or claimed handoff of the account looks at its plan again: the policy or the time zone has changed.
create function replan_account(p_account uuid) returns void
language sql as $$
    select handoff_refresh_card(p_account, h.id) from handoff h
    where h.account_id = p_account and h.status in ('pending', 'claimed');
    select enqueue_job(p_account, case h.status when 'pending' then 'step' else 'idle' end,
                       case h.status when 'pending' then 'step:' else 'idle:' end || h.id, h.id)
    from handoff h where h.account_id = p_account and h.status in ('pending', 'claimed')
$$;

drop function escalate_handoff(uuid, uuid, uuid, uuid, text, bytea, text, text, text, text, uuid, bytea);
create function escalate_handoff(
    p_account uuid, p_id uuid, p_session uuid, p_by uuid, p_key text, p_request_hash bytea, p_reason text, p_need text,
    p_impact text, p_priority text, p_target uuid, p_snapshot bytea, p_email_after_s double precision,
    out outcome text, out handoff_id uuid, out seq bigint, out same_request boolean)
language plpgsql as $$
declare
    v_owner uuid;
    v_now timestamptz := clock_timestamp();
begin
    perform set_config('app.account_id', p_account::text, true);
    select owner_id into v_owner from ai_session where account_id = p_account and id = p_session;
    if v_owner is null then
        outcome := 'not_found'; return;
    end if;
    insert into handoff (account_id, id, session_id, handed_off_by, session_owner, target_user_id, idempotency_key,
                         request_hash, reason, need, impact, priority, snapshot, created_at, waiting_since)
    values (p_account, p_id, p_session, p_by, v_owner, p_target, p_key, p_request_hash, p_reason, p_need, p_impact,
            p_priority, p_snapshot, v_now, v_now)
    on conflict do nothing;
    if not found then
        -- A second statement: it sees what the one we waited for has committed.
        select h.id, h.request_hash = p_request_hash into handoff_id, same_request from handoff h
        where h.account_id = p_account and h.handed_off_by = p_by and h.idempotency_key = p_key;
        if handoff_id is not null then
            outcome := 'repeat'; return;
        end if;
        select h.id into handoff_id from handoff h
        where h.account_id = p_account and h.session_id = p_session and h.status in ('pending', 'claimed');
        outcome := case when handoff_id is null then 'retry' else 'already_escalated' end;
        return;
    end if;
    update ai_session set status = 'escalated', updated_at = clock_timestamp(), version = version + 1
    where account_id = p_account and id = p_session and status <> 'resolved';
    if not found then
        raise exception 'session is resolved' using errcode = 'FP001';
    end if;
    perform begin_waiting(p_account, p_id, p_email_after_s);
    handoff_id := p_id;
    outcome := 'created';
    seq := handoff_changed(p_account, p_id, 'created', p_by, null);
end $$;

drop function claim_handoff(uuid, uuid, uuid);
create function claim_handoff(
    p_account uuid, p_handoff uuid, p_user uuid,
    out outcome text, out seq bigint, out status text, out holder uuid, out holder_name text, out held_since timestamptz,
    out epoch integer)
language plpgsql as $$
declare
    h record;
begin
    perform set_config('app.account_id', p_account::text, true);
    -- The role is asked again here, inside the deciding transaction: a demoted or departed senior cannot win.
    if not exists (select from app_user u where u.account_id = p_account and u.id = p_user and u.active
                   and u.role in ('engineer', 'admin', 'owner')) then
        -- What is not there is not found, whoever asks: a refusal by role would tell that it exists.
        outcome := case when exists (select from handoff x where x.account_id = p_account and x.id = p_handoff)
                   then 'role_required' else 'not_found' end;
        return;
    end if;
    update handoff x
    set status = 'claimed', claimed_by = p_user, claimed_at = clock_timestamp(), claim_epoch = x.claim_epoch + 1,
        first_claimed_at = coalesce(x.first_claimed_at, clock_timestamp())
    where x.account_id = p_account and x.id = p_handoff and x.status = 'pending' and x.handed_off_by <> p_user
    returning * into h;
    if found then
        outcome := 'claimed';
        epoch := h.claim_epoch;
        update ai_session s set status = 'claimed', updated_at = clock_timestamp(), version = s.version + 1
        where s.account_id = p_account and s.id = h.session_id;
        perform end_waiting(p_account, p_handoff);
        perform enqueue_job(p_account, 'idle', 'idle:' || p_handoff, p_handoff, null, clock_timestamp() + interval '1 s');
        seq := handoff_changed(p_account, p_handoff, 'claimed', p_user, null);
        return;
    end if;
    -- The loser's answer comes from a second statement: the UPDATE's own snapshot is older than the winner's commit.
    select x.status, x.claimed_by, x.claimed_at, x.claim_epoch, x.handed_off_by, u.name as claimer into h
    from handoff x left join app_user u on u.account_id = x.account_id and u.id = x.claimed_by
    where x.account_id = p_account and x.id = p_handoff;
    if not found then
        outcome := 'not_found';
    elsif h.status = 'claimed' and h.claimed_by = p_user then
        outcome := 'already_yours';
        epoch := h.claim_epoch;
        select e.seq into seq from account_event e
        where e.account_id = p_account and e.handoff_id = p_handoff and e.kind in ('handoff.claimed', 'handoff.reassigned')
        order by e.seq desc limit 1;
    elsif h.handed_off_by = p_user then
        outcome := 'own_handoff';
    elsif h.status = 'claimed' then
        outcome := 'already_claimed';
    else
        outcome := 'not_pending';
    end if;
    status := h.status; holder := h.claimed_by; holder_name := h.claimer; held_since := h.claimed_at;
end $$;

-- A client's statement that it showed an alert, or why not, in the round it names (else the latest that told this
-- person). Only who was to be told in that round has something to say about it. The first answering device takes the
-- planned row over. A device's record of a round only goes forward (nothing, then suppressed or failed, then shown), so
-- that no client can write more than two events of one alert into its account's log. What was shown need not be
-- e-mailed. The handoff is locked against change: a receipt and a claim touch the same rows.
drop function record_receipt(uuid, uuid, uuid, text, text, text, text);
create function record_receipt(
    p_account uuid, p_handoff uuid, p_user uuid, p_channel text, p_device text, p_state text, p_detail text,
    p_rung integer)
returns bigint language plpgsql as $$
declare
    v_rung integer;
    v_purpose text;
begin
    perform set_config('app.account_id', p_account::text, true);
    perform from handoff h where h.account_id = p_account and h.id = p_handoff for share;
    if not found then
        return null;
    end if;
    select d.rung, d.purpose into v_rung, v_purpose from delivery d
    where d.account_id = p_account and d.handoff_id = p_handoff and d.user_id = p_user
      and d.channel = 'desktop' and d.purpose in ('alert', 'nudge') and (p_rung is null or d.rung = p_rung)
    order by d.rung desc limit 1;
    if not found then
        return null;
    end if;
    update delivery d set device = p_device, state = p_state, detail = p_detail, at = clock_timestamp()
    where d.account_id = p_account and d.handoff_id = p_handoff and d.rung = v_rung and d.user_id = p_user
      and d.channel = p_channel and d.device = '' and d.purpose = v_purpose
      and not exists (select from delivery e where e.account_id = p_account and e.handoff_id = p_handoff
                      and e.rung = v_rung and e.user_id = p_user and e.channel = p_channel and e.device = p_device);
    if not found then
        insert into delivery as d (account_id, handoff_id, rung, user_id, channel, device, state, detail, purpose)
        values (p_account, p_handoff, v_rung, p_user, p_channel, p_device, p_state, p_detail, v_purpose)
        on conflict (account_id, handoff_id, rung, user_id, channel, device, purpose)
        do update set state = excluded.state, detail = excluded.detail, at = clock_timestamp()
        where excluded.state = 'shown' and d.state <> 'shown';
        if not found then
            return null;
        end if;
    end if;
    if p_state = 'shown' then
        with shown as (
            update delivery d set state = case d.state when 'pending' then 'cancelled' else d.state end, retry_at = null,
                detail = case d.state when 'pending' then 'shown on their ' ||
                    case p_channel when 'desktop' then 'desktop' else 'web page' end else d.detail end
            where d.account_id = p_account and d.handoff_id = p_handoff and d.rung = v_rung and d.user_id = p_user
              and d.channel = 'email' and d.purpose = v_purpose and d.state in ('pending', 'failed', 'unknown')
            returning d.id)
        delete from job j using shown where j.account_id = p_account and j.key = 'email:' || shown.id;
    end if;
    return announce_delivery(p_account, p_handoff, p_user, p_channel, p_state, p_detail, v_rung);
end $$;

-- As before, and a claim that has begun is not waited for any more.
create or replace function announce_first_action(p_account uuid, p_handoff uuid, p_user uuid, p_kind text) returns bigint
language plpgsql as $$
declare
    v_card jsonb;
begin
    insert into handoff_timeline (account_id, handoff_id, kind, actor_id, detail)
    values (p_account, p_handoff, 'first_action', p_user, p_kind);
    update handoff set next_step = null where account_id = p_account and id = p_handoff and next_step is not null;
    v_card := handoff_refresh_card(p_account, p_handoff);
    return append_event(p_account, 'handoff.updated', p_handoff, v_card || (
        select jsonb_build_object('handoff_id', p_handoff, 'actor', person(p_account, p_user), 'first_action_kind', p_kind,
                                  'first_action_at', iso(first_action_at))
        from handoff where account_id = p_account and id = p_handoff));
end $$;

-- The handoff is given to another senior: what told others ends, and the new holder is told in a round of their own.
create function tell_new_holder(p_account uuid, p_handoff uuid, p_email_after_s double precision) returns void
language plpgsql as $$
declare
    v_holder uuid;
begin
    update handoff set rung = rung + 1, alert_to = array[claimed_by], nudged_at = null, next_step = null
    where account_id = p_account and id = p_handoff returning claimed_by into v_holder;
    perform plan_rung(p_account, p_handoff, array[v_holder], p_email_after_s, 'nudge');
    perform enqueue_job(p_account, 'idle', 'idle:' || p_handoff, p_handoff);
end $$;

-- Whoever waits while the server is brought up to this version is told about in a new round: earlier ones had no e-mail.
do $$
declare
    t text;
    h record;
begin
    foreach t in array array['account', 'app_user', 'client_presence', 'ai_session', 'handoff', 'delivery', 'job'] loop
        execute format('alter table %I no force row level security', t);
    end loop;
    for h in select account_id, id from handoff where status = 'pending' loop
        update handoff set rung = rung + 1 where account_id = h.account_id and id = h.id;
        perform begin_waiting(h.account_id, h.id, 15);
        perform handoff_refresh_card(h.account_id, h.id);
    end loop;
    foreach t in array array['account', 'app_user', 'client_presence', 'ai_session', 'handoff', 'delivery'] loop
        execute format('alter table %I force row level security', t);
    end loop;
end $$;
