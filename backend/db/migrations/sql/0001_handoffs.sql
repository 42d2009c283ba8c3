-- The hot path: one call, one statement, one commit. Each function sets the account for its own transaction first, so
-- row-level security binds it like every other statement.
-- Lock order, always: handoff row, session row, account_stream row (last, so that seq order is commit order).

create function iso(p_at timestamptz) returns text
language sql immutable parallel safe as $$
    select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

create function person(p_account uuid, p_user uuid) returns jsonb
language sql stable as $$
    select jsonb_build_object('id', u.id, 'name', u.name) from app_user u where u.account_id = p_account and u.id = p_user
$$;

-- Builds the queue row as the wire shows it and keeps it in the handoff.
create function handoff_refresh_card(p_account uuid, p_handoff uuid) returns jsonb
language sql as $$
    update handoff h set card = jsonb_build_object(
        'id', h.id, 'session_id', h.session_id, 'title', s.title, 'customer', s.customer,
        'ticket', case when s.ticket_id is not null then
            jsonb_build_object('system', s.ticket_system, 'id', s.ticket_id, 'url', s.ticket_url) end,
        'priority', h.priority, 'status', h.status, 'reason', h.reason, 'need', h.need,
        'created_at', iso(h.created_at), 'handed_off_by', person(h.account_id, h.handed_off_by),
        'session_owner', person(h.account_id, h.session_owner), 'target_user_id', h.target_user_id,
        'claimed_by', person(h.account_id, h.claimed_by), 'claimed_at', iso(h.claimed_at),
        'assessment_status', h.assessment_status)
    from ai_session s
    where h.account_id = p_account and h.id = p_handoff and s.account_id = h.account_id and s.id = h.session_id
    returning h.card
$$;

-- The last statement of every command: takes the account's next position and holds it until commit.
create function append_event(p_account uuid, p_kind text, p_handoff uuid, p_data jsonb) returns bigint
language plpgsql as $$
declare
    v_seq bigint;
begin
    update account_stream set last_seq = last_seq + 1 where account_id = p_account returning last_seq into strict v_seq;
    insert into account_event (account_id, seq, kind, handoff_id, data) values (p_account, v_seq, p_kind, p_handoff, p_data);
    return v_seq;
end $$;

-- Timeline entry, fresh card and event of one change, in that order.
create function handoff_changed(p_account uuid, p_handoff uuid, p_kind text, p_actor uuid, p_detail text)
returns bigint language plpgsql as $$
declare
    v_card jsonb;
    v_data jsonb;
begin
    insert into handoff_timeline (account_id, handoff_id, kind, actor_id, detail)
    values (p_account, p_handoff, p_kind, p_actor, p_detail);
    v_card := handoff_refresh_card(p_account, p_handoff);
    v_data := v_card || jsonb_build_object('handoff_id', p_handoff, 'actor', person(p_account, p_actor), 'note', p_detail);
    if p_kind in ('claimed', 'reassigned', 'released', 'resolved') then
        v_data := v_data || jsonb_build_object('claim_epoch',
            (select claim_epoch from handoff where account_id = p_account and id = p_handoff));
    end if;
    return append_event(p_account, 'handoff.' || p_kind, p_handoff, v_data);
end $$;

-- Plans the telling of one round: a desktop alert for every senior but the one who escalated. Rows of earlier rounds stay
-- as they ended; receipts and readers look at the handoff's own rung.
create function plan_rung(p_account uuid, p_handoff uuid) returns void
language sql as $$
    insert into delivery (account_id, handoff_id, rung, user_id, channel)
    select p_account, p_handoff, h.rung, u.id, 'desktop'
    from handoff h join app_user u on u.account_id = h.account_id
    where h.account_id = p_account and h.id = p_handoff
      and u.active and u.role in ('engineer', 'admin', 'owner') and u.id <> h.handed_off_by
$$;

create function escalate_handoff(
    p_account uuid, p_id uuid, p_session uuid, p_by uuid, p_key text, p_request_hash bytea, p_reason text, p_need text,
    p_impact text, p_priority text, p_target uuid, p_snapshot bytea,
    out outcome text, out handoff_id uuid, out seq bigint, out same_request boolean)
language plpgsql as $$
declare
    v_owner uuid;
begin
    perform set_config('app.account_id', p_account::text, true);
    select owner_id into v_owner from ai_session where account_id = p_account and id = p_session;
    if v_owner is null then
        outcome := 'not_found'; return;
    end if;
    insert into handoff (account_id, id, session_id, handed_off_by, session_owner, target_user_id, idempotency_key,
                         request_hash, reason, need, impact, priority, snapshot)
    values (p_account, p_id, p_session, p_by, v_owner, p_target, p_key, p_request_hash, p_reason, p_need, p_impact,
            p_priority, p_snapshot)
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
    perform plan_rung(p_account, p_id);
    handoff_id := p_id;
    outcome := 'created';
    seq := handoff_changed(p_account, p_id, 'created', p_by, null);
end $$;

create function claim_handoff(
    p_account uuid, p_handoff uuid, p_user uuid,
    out outcome text, out seq bigint, out status text, out holder uuid, out holder_name text, out held_since timestamptz)
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
        update ai_session s set status = 'claimed', updated_at = clock_timestamp(), version = s.version + 1
        where s.account_id = p_account and s.id = h.session_id;
        update delivery d set state = 'cancelled', at = clock_timestamp()
        where d.account_id = p_account and d.handoff_id = p_handoff and d.state = 'pending';
        seq := handoff_changed(p_account, p_handoff, 'claimed', p_user, null);
        return;
    end if;
    -- The loser's answer comes from a second statement: the UPDATE's own snapshot is older than the winner's commit.
    select x.status, x.claimed_by, x.claimed_at, x.handed_off_by, u.name as claimer into h
    from handoff x left join app_user u on u.account_id = x.account_id and u.id = x.claimed_by
    where x.account_id = p_account and x.id = p_handoff;
    if not found then
        outcome := 'not_found';
    elsif h.status = 'claimed' and h.claimed_by = p_user then
        outcome := 'already_yours';
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

-- One page of the queue with the log position that it reflects, read in one statement's snapshot.
create function queue_page(
    p_account uuid, p_status text, p_after_rank smallint, p_after_at timestamptz, p_after_id uuid, p_limit integer,
    out items text, out last_rank smallint, out last_at timestamptz, out last_id uuid, out n integer, out seq bigint)
language plpgsql as $$
begin
    perform set_config('app.account_id', p_account::text, true);
    if p_status = 'pending' then
        select '[' || coalesce(string_agg(q.card::text, ',' order by q.priority_rank, q.created_at, q.id), '') || ']',
               (array_agg(q.priority_rank order by q.priority_rank desc, q.created_at desc, q.id desc))[1],
               (array_agg(q.created_at order by q.priority_rank desc, q.created_at desc, q.id desc))[1],
               (array_agg(q.id order by q.priority_rank desc, q.created_at desc, q.id desc))[1],
               count(*), coalesce((select s.last_seq from account_stream s where s.account_id = p_account), 0)
        into items, last_rank, last_at, last_id, n, seq
        from (select h.card, h.priority_rank, h.created_at, h.id from handoff h
              where h.account_id = p_account and h.status = 'pending'
                and (p_after_id is null or (h.priority_rank, h.created_at, h.id) > (p_after_rank, p_after_at, p_after_id))
              order by h.priority_rank, h.created_at, h.id limit p_limit) q;
    else
        select '[' || coalesce(string_agg(q.card::text, ',' order by q.created_at desc, q.id desc), '') || ']',
               0, (array_agg(q.created_at order by q.created_at, q.id))[1],
               (array_agg(q.id order by q.created_at, q.id))[1],
               count(*), coalesce((select s.last_seq from account_stream s where s.account_id = p_account), 0)
        into items, last_rank, last_at, last_id, n, seq
        from (select h.card, h.created_at, h.id from handoff h
              where h.account_id = p_account and (p_status = 'all' or h.status = p_status)
                and (p_after_id is null or (h.created_at, h.id) < (p_after_at, p_after_id))
              order by h.created_at desc, h.id desc limit p_limit) q;
    end if;
end $$;

-- Reads the log after a position, oldest first, with where the log stands.
create function events_after(
    p_account uuid, p_after bigint, p_limit integer,
    out seq bigint, out kind text, out at timestamptz, out data text)
returns setof record language plpgsql as $$
begin
    perform set_config('app.account_id', p_account::text, true);
    return query select e.seq, e.kind, e.at, e.data::text from account_event e
                 where e.account_id = p_account and e.seq > p_after order by e.seq limit p_limit;
end $$;

create function stream_position(p_account uuid, out epoch uuid, out last_seq bigint, out min_seq bigint)
language plpgsql as $$
begin
    perform set_config('app.account_id', p_account::text, true);
    select s.epoch, s.last_seq, s.min_seq into epoch, last_seq, min_seq from account_stream s where s.account_id = p_account;
    if not found then
        raise exception 'account % has no event log', p_account;
    end if;
end $$;

-- Marks the claimer's first message, step, fact or note after the claim. Called first in the transaction that writes it
-- (handoff row before session row); answers the handoff when this was the first action, else null.
create function mark_first_action(p_account uuid, p_session uuid, p_user uuid, p_kind text) returns uuid
language sql as $$
    update handoff set first_action_at = clock_timestamp(), first_action_kind = p_kind, first_action_by = p_user,
                       first_action_claimed_at = claimed_at
    where account_id = p_account and session_id = p_session and status = 'claimed' and claimed_by = p_user
      and first_action_at is null
    returning id
$$;

create function announce_first_action(p_account uuid, p_handoff uuid, p_user uuid, p_kind text) returns bigint
language plpgsql as $$
declare
    v_card jsonb;
begin
    insert into handoff_timeline (account_id, handoff_id, kind, actor_id, detail)
    values (p_account, p_handoff, 'first_action', p_user, p_kind);
    v_card := handoff_refresh_card(p_account, p_handoff);
    return append_event(p_account, 'handoff.updated', p_handoff, v_card || (
        select jsonb_build_object('handoff_id', p_handoff, 'actor', person(p_account, p_user), 'first_action_kind', p_kind,
                                  'first_action_at', iso(first_action_at))
        from handoff where account_id = p_account and id = p_handoff));
end $$;

-- A client's statement that it showed an alert, or why not, in the round at hand. The first answering device takes the
-- planned row over. A device's record only goes forward (nothing, then suppressed or failed, then shown), so that no
-- client can write more than two events of one alert into its account's log, whatever it sends.
create function record_receipt(
    p_account uuid, p_handoff uuid, p_user uuid, p_channel text, p_device text, p_state text, p_detail text)
returns bigint language plpgsql as $$
declare
    v_session uuid;
    v_rung integer;
begin
    perform set_config('app.account_id', p_account::text, true);
    select h.session_id, h.rung into v_session, v_rung from handoff h where h.account_id = p_account and h.id = p_handoff;
    if not found then
        return null;
    end if;
    update delivery d set device = p_device, state = p_state, detail = p_detail, at = clock_timestamp()
    where d.account_id = p_account and d.handoff_id = p_handoff and d.rung = v_rung and d.user_id = p_user
      and d.channel = p_channel and d.device = ''
      and not exists (select from delivery e where e.account_id = p_account and e.handoff_id = p_handoff
                      and e.rung = v_rung and e.user_id = p_user and e.channel = p_channel and e.device = p_device);
    if not found then
        insert into delivery as d (account_id, handoff_id, rung, user_id, channel, device, state, detail)
        values (p_account, p_handoff, v_rung, p_user, p_channel, p_device, p_state, p_detail)
        on conflict (account_id, handoff_id, rung, user_id, channel, device)
        do update set state = excluded.state, detail = excluded.detail, at = clock_timestamp()
        where excluded.state = 'shown' and d.state <> 'shown';
        if not found then
            return null;
        end if;
    end if;
    return append_event(p_account, 'handoff.delivery', p_handoff, jsonb_build_object(
        'handoff_id', p_handoff, 'session_id', v_session, 'user', person(p_account, p_user), 'channel', p_channel,
        'state', p_state, 'at', iso(clock_timestamp()), 'detail', p_detail));
end $$;

do $$
declare f regprocedure;
begin
    for f in select p.oid::regprocedure from pg_proc p
             where p.pronamespace = 'public'::regnamespace and not p.prosecdef and p.prokind = 'f'
               and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    loop
        execute format('revoke all on function %s from public', f);
        execute format('grant execute on function %s to flowpilot_app', f);
    end loop;
end $$;
