-- As before; while only the person asked for may claim, the row says who that is and until when.
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
        || case when h.status = 'pending' and h.target_user_id is not null then (
            select case when r.until is null then '{}' else jsonb_build_object(
                'reserved_for', person(h.account_id, h.target_user_id), 'reserved_until', iso(r.until)) end
            from reserved_until(h.account_id, h.target_user_id, h.handed_off_by, h.claim_epoch, h.waiting_since) as r (until))
        else '{}' end
    from ai_session s, account a
    where h.account_id = p_account and h.id = p_handoff and s.account_id = h.account_id and s.id = h.session_id
      and a.id = h.account_id
    returning h.card
$$;

-- The whole hand-off says the same. Its function is otherwise as it was, so it is not written out again.
do $$
declare
    v_was text := pg_get_functiondef('handoff_whole(uuid, uuid)'::regprocedure);
    v_now text := replace(v_was, '''waiting_since'', h.waiting_since,',
        '''waiting_since'', h.waiting_since, ''reserved_for'', h.card -> ''reserved_for'', ''reserved_until'', h.card -> ''reserved_until'',');
begin
    if v_now = v_was then
        raise exception 'handoff_whole is not the function of 0020';
    end if;
    execute v_now;
end $$;
