-- As before (0002), and an assessment is asked for in the same commit. It is never waited for.
create or replace function escalate_handoff(
    p_account uuid, p_id uuid, p_session uuid, p_by uuid, p_key text, p_request_hash bytea, p_reason text, p_need text,
    p_impact text, p_priority text, p_target uuid, p_snapshot bytea, p_email_after_s double precision,
    out outcome text, out handoff_id uuid, out seq bigint, out same_request boolean)
language plpgsql as $$
declare
    v_owner uuid;
    v_now timestamptz := clock_timestamp();
    v_assess boolean := p_account <> house_account();
begin
    perform set_config('app.account_id', p_account::text, true);
    select owner_id into v_owner from ai_session where account_id = p_account and id = p_session;
    if v_owner is null then
        outcome := 'not_found'; return;
    end if;
    insert into handoff (account_id, id, session_id, handed_off_by, session_owner, target_user_id, idempotency_key,
                         request_hash, reason, need, impact, priority, snapshot, created_at, waiting_since,
                         assessment_status)
    values (p_account, p_id, p_session, p_by, v_owner, p_target, p_key, p_request_hash, p_reason, p_need, p_impact,
            p_priority, p_snapshot, v_now, v_now, case when v_assess then 'pending' else 'unavailable' end)
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
    if v_assess then
        insert into job (account_id, kind, key, handoff_id, due_at) values (p_account, 'assess', 'assess:' || p_id, p_id, v_now);
    end if;
    handoff_id := p_id;
    outcome := 'created';
    seq := handoff_changed(p_account, p_id, 'created', p_by, null);
end $$;


-- The searches of 0005 run as the definer and use it.
grant execute on function any_of(text[]) to flowpilot_definer;
