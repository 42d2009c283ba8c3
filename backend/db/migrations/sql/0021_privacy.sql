-- How long an account keeps what people wrote, emptying what is older, and making a former person nameless.

alter table account add column log_retention_days integer not null default 90;
alter table ai_session add column emptied_at timestamptz;
alter table app_user add column erased_at timestamptz;
create index ai_session_old on ai_session (account_id, updated_at) where status = 'resolved' and emptied_at is null;

-- Empties up to p_limit sessions that ended longer ago than the account keeps them: everything anybody wrote goes, the
-- rows of the session and of its hand-offs stay with their times and people, from which each figure is made. An open
-- hand-off and its session are never touched. Answers how many sessions were emptied.
create function empty_sessions(p_account uuid, p_limit integer, p_snapshot bytea) returns integer
language plpgsql as $$
declare
    v_sessions uuid[];
    v_handoffs uuid[];
begin
    perform set_config('app.account_id', p_account::text, true);
    select array_agg(s.id) into v_sessions from (
        select x.id from ai_session x join account a on a.id = x.account_id
        where x.account_id = p_account and x.status = 'resolved' and x.emptied_at is null
          and x.updated_at < now() - make_interval(days => a.retention_days)
          and not exists (select from handoff h where h.account_id = x.account_id and h.session_id = x.id
                          and h.status in ('pending', 'claimed'))
        order by x.updated_at limit p_limit) s;
    if v_sessions is null then
        return 0;
    end if;
    select coalesce(array_agg(h.id), '{}') into v_handoffs from handoff h
    where h.account_id = p_account and h.session_id = any(v_sessions);
    update handoff h set reason = '', need = null, impact = null, missing = null, resolution = null, assessment = null,
        assessment_status = 'unavailable', assessment_reason = null, assessment_rejected_why = null, guidance_id = null,
        snapshot = p_snapshot
    where h.account_id = p_account and h.id = any(v_handoffs);
    perform empty_timeline(p_account, v_handoffs);
    delete from proposal x where x.account_id = p_account and x.session_id = any(v_sessions);
    delete from assistant_reply x where x.account_id = p_account and x.session_id = any(v_sessions);
    delete from one_time_secret x where x.account_id = p_account and x.session_id = any(v_sessions);
    delete from psa_note x where x.account_id = p_account and x.session_id = any(v_sessions);
    delete from task x where x.account_id = p_account and x.session_id = any(v_sessions);
    delete from fact x where x.account_id = p_account and x.session_id = any(v_sessions);
    delete from step x where x.account_id = p_account and x.session_id = any(v_sessions);
    delete from message x where x.account_id = p_account and x.session_id = any(v_sessions);
    delete from resolved_case x where x.account_id = p_account and x.session_id = any(v_sessions);
    delete from session_visitor x where x.account_id = p_account and x.session_id = any(v_sessions);
    delete from delivery x where x.account_id = p_account and x.handoff_id = any(v_handoffs);
    delete from webhook_delivery x where x.account_id = p_account and x.handoff_id = any(v_handoffs);
    update ai_session x set title = 'No longer kept', problem = '', ticket_id = null, ticket_system = null,
        ticket_url = null, external_url = null, emptied_at = now(), version = version + 1
    where x.account_id = p_account and x.id = any(v_sessions);
    delete from session_words x where x.account_id = p_account and x.session_id = any(v_sessions);
    perform handoff_refresh_card(p_account, one) from unnest(v_handoffs) one;
    return cardinality(v_sessions);
end $$;

-- Takes up to p_limit of the oldest entries out of the event log, in order, so that it begins a little later and has no
-- gap: those older than the account keeps its logs, that are sealed in the audit log, and that come before anything of a
-- hand-off which is still open. A client that asks for an earlier position is told to fetch the queue.
create function trim_events(p_account uuid, p_limit integer) returns integer
language plpgsql security definer as $$
declare
    v_to bigint;
    v_count integer;
begin
    perform set_config('app.account_id', p_account::text, true);
    select max(e.seq) into v_to from (
        select x.seq, x.at from account_event x where x.account_id = p_account order by x.seq limit p_limit) e
    where e.at < now() - make_interval(days => (select a.log_retention_days from account a where a.id = p_account))
      and e.seq <= coalesce((select c.event_seq from audit_chain c where c.account_id = p_account), 0)
      and e.seq < coalesce((select min(o.seq) from account_event o join handoff h on h.account_id = o.account_id
                            and h.id = o.handoff_id
                            where o.account_id = p_account and h.status in ('pending', 'claimed')), e.seq + 1);
    if v_to is null then
        return 0;
    end if;
    update account_stream s set min_seq = v_to + 1 where s.account_id = p_account and s.min_seq <= v_to;
    delete from account_event e where e.account_id = p_account and e.seq <= v_to;
    get diagnostics v_count = row_count;
    return v_count;
end $$;

-- How people were told of hand-offs that are over, and notices to other systems, when older than the account keeps logs.
create function trim_deliveries(p_account uuid, p_limit integer) returns integer
language plpgsql as $$
declare
    v_days integer;
    v_count integer;
    v_more integer;
begin
    perform set_config('app.account_id', p_account::text, true);
    select a.log_retention_days into v_days from account a where a.id = p_account;
    delete from delivery d where d.account_id = p_account and d.id in (
        select x.id from delivery x join handoff h on h.account_id = x.account_id and h.id = x.handoff_id
        where x.account_id = p_account and x.at < now() - make_interval(days => v_days)
          and h.status in ('resolved', 'withdrawn') limit p_limit);
    get diagnostics v_count = row_count;
    delete from webhook_delivery d where d.account_id = p_account and d.id in (
        select x.id from webhook_delivery x where x.account_id = p_account
          and x.finished_at < now() - make_interval(days => v_days) limit p_limit);
    get diagnostics v_more = row_count;
    return v_count + v_more;
end $$;

-- The timeline and the event log are written once: only these two may touch what stands in them, for whole hand-offs that
-- are emptied and for a name that is taken out.
create function empty_timeline(p_account uuid, p_handoffs uuid[]) returns void
language sql security definer as $$
    select set_config('app.account_id', p_account::text, true);
    update handoff_timeline t set detail = null
    where t.account_id = p_account and t.handoff_id = any(p_handoffs) and t.detail is not null;
$$;

create function rename_in_logs(p_account uuid, p_user uuid, p_from text, p_to text) returns void
language plpgsql security definer as $$
declare
    v_was constant text := '{"id": ' || to_jsonb(p_user)::text || ', "name": ' || to_jsonb(p_from)::text || '}';
    v_is constant text := '{"id": ' || to_jsonb(p_user)::text || ', "name": ' || to_jsonb(p_to)::text || '}';
begin
    perform set_config('app.account_id', p_account::text, true);
    update account_event e set data = replace(e.data::text, v_was, v_is)::jsonb
    where e.account_id = p_account and e.data::text like '%' || p_user::text || '%';
    update handoff_timeline t set detail = replace(t.detail, p_from, p_to)
    where t.account_id = p_account and position(p_from in t.detail) > 0;
end $$;

-- A former person: the row stays, as history refers to it, and says nothing of them any more. Sign-ins and what they were
-- done with go; nothing else refers to those rows.
create function forget_person(p_account uuid, p_user uuid, p_name text, p_former text, p_email text) returns void
language plpgsql as $$
declare
    t text;
begin
    perform set_config('app.account_id', p_account::text, true);
    foreach t in array array['second_factor', 'recovery_code', 'sso_identity', 'sign_in_step', 'security_notice',
                             'open_ticket', 'web_session', 'client_presence', 'session_visitor'] loop
        execute format('delete from %I t where t.account_id = $1 and t.user_id = $2', t) using p_account, p_user;
    end loop;
    update app_user u set name = p_former, email = 'erased-' || u.id || '@erased.invalid', phone = null,
        password_hash = null, external_id = null, active = false, erased_at = now()
    where u.account_id = p_account and u.id = p_user;
    update access_token x set label = '' where x.account_id = p_account and x.user_id = p_user;
    update device d set name = 'Computer', system = '', version = '' where d.account_id = p_account and d.user_id = p_user;
    update oauth_code c set device_name = 'Computer', device_system = '', device_version = ''
    where c.account_id = p_account and c.user_id = p_user;
    delete from invite i where i.account_id = p_account and (i.user_id = p_user or lower(i.email) = lower(p_email));
    update delivery d set device = 'erased'
    where d.account_id = p_account and d.user_id = p_user and d.channel = 'email' and d.device <> '';
    update webhook_delivery w
    set data = replace(w.data::text, to_jsonb(p_name)::text, to_jsonb(p_former)::text)::jsonb
    where w.account_id = p_account and position(p_user::text in w.data::text) > 0;
    perform rename_in_logs(p_account, p_user, p_name, p_former);
end $$;

-- Within one account at a time, by the very rule that binds the server's own role.
grant select (account_id, seq, at, handoff_id, data), update (data) on account_event to flowpilot_definer;
grant select (account_id, handoff_id, detail), update (detail) on handoff_timeline to flowpilot_definer;
grant select (account_id, id, status) on handoff to flowpilot_definer;
grant update (min_seq) on account_stream to flowpilot_definer;
do $$
declare
    mine constant text := 'account_id = nullif(current_setting(''app.account_id'', true), '''')::uuid';
    t text;
begin
    foreach t in array array['account_event', 'handoff', 'handoff_timeline'] loop
        execute format('create policy privacy on %I to flowpilot_definer using (%s) with check (%s)', t, mine, mine);
    end loop;
end $$;
