-- A hand-off and a session are read whole in one call: every escalation freezes a session and answers with a hand-off,
-- every claim answers with one, and each took six statements with a transaction around them. The JSON is that of the wire.

create function person_of(p_id uuid, p_name text) returns json
language sql immutable parallel safe as $$
    select case when p_id is not null then json_build_object('id', p_id, 'name', coalesce(p_name, '')) end
$$;

create function ticket_of(p_system text, p_id text, p_url text) returns json
language sql immutable parallel safe as $$
    select case when p_id <> '' then json_build_object('system', p_system, 'id', p_id, 'url', p_url) end
$$;

-- `body` is a hand-off without its package, `package` the package without its snapshot; all null when there is none.
create function handoff_whole(
    p_account uuid, p_handoff uuid,
    out body text, out package text, out snapshot bytea, out external_url text)
language plpgsql as $$
begin
    perform set_config('app.account_id', p_account::text, true);
    select json_build_object(
            'id', h.id, 'session_id', h.session_id, 'title', s.title, 'customer', s.customer,
            'ticket', ticket_of(s.ticket_system, s.ticket_id, s.ticket_url),
            'priority', h.priority, 'status', h.status, 'reason', h.reason, 'need', h.need, 'created_at', h.created_at,
            'handed_off_by', person_of(h.handed_off_by, junior.name), 'session_owner', person_of(h.session_owner, owner.name),
            'target_user_id', h.target_user_id, 'claimed_by', person_of(h.claimed_by, holder.name),
            'claimed_at', h.claimed_at, 'assessment_status', h.assessment_status, 'impact', h.impact,
            'claim_epoch', h.claim_epoch, 'resolved_at', h.resolved_at, 'outcome', h.outcome,
            'had_what_i_needed', h.had_what_i_needed, 'missing', h.missing, 'resolution', h.resolution,
            'first_action_at', h.first_action_at, 'first_action_kind', h.first_action_kind,
            'first_action_claimed_at', h.first_action_claimed_at, 'rung', h.rung, 'to', h.alert_to,
            'breaks_dnd', h.card -> 'breaks_dnd', 'waiting_since', h.waiting_since,
            'next_step', nullif(h.next_step, '{}'), 'exhausted_at', h.exhausted_at,
            'guidance_message_id', h.guidance_id,
            'assessment_rejected', case when h.assessment_rejected_at is not null then json_build_object(
                'by', person_of(h.assessment_rejected_by, rejecter.name), 'at', h.assessment_rejected_at,
                'why', h.assessment_rejected_why) end,
            'opened', coalesce((
                select json_agg(json_build_object('user', person_of(u.id, u.name), 'at', o.at) order by u.name, u.id)
                from handoff_opened o join app_user u on u.account_id = o.account_id and u.id = o.user_id
                where o.account_id = p_account and o.handoff_id = p_handoff), '[]'),
            -- What happened, oldest first; of many alerts to people who do not come the latest fifty.
            'timeline', coalesce((
                select json_agg(json_build_object('at', e.at, 'kind', e.kind, 'actor', person_of(e.actor_id, u.name),
                                                  'detail', e.detail) order by e.id)
                from handoff_timeline e left join app_user u on u.account_id = e.account_id and u.id = e.actor_id
                where e.account_id = p_account and e.handoff_id = p_handoff and e.kind <> 'holder'
                  and (e.kind <> 'realerted' or e.id in (
                        select a.id from handoff_timeline a
                        where a.account_id = p_account and a.handoff_id = p_handoff and a.kind = 'realerted'
                        order by a.id desc limit 50))), '[]'),
            -- How each person was told in the newest round of alerts, a claimer of being idle, and which channels had a
            -- notice: people by name, then webhooks by theirs.
            'deliveries', coalesce((
                select json_agg(json_build_object('user', person_of(x.user_id, x.name), 'channel', x.channel, 'state', x.state,
                                                  'at', x.at, 'detail', x.detail, 'retry_at', x.retry_at)
                                order by x.n nulls first, x.name, x.channel, x.at)
                from (
                    select null::bigint as n, d.user_id, u.name, d.channel, d.state, d.at, d.detail, d.retry_at
                    from delivery d join app_user u on u.account_id = d.account_id and u.id = d.user_id
                    where d.account_id = p_account and d.handoff_id = p_handoff
                      and (d.purpose = 'nudge' and h.status = 'claimed' and d.rung = h.rung
                           or d.purpose = 'alert' and d.rung = (
                                select max(a.rung) from delivery a
                                where a.account_id = p_account and a.handoff_id = p_handoff and a.purpose = 'alert'))
                    union all
                    select w.n, w.user_id, w.name, w.channel, w.state, w.at, w.detail, w.retry_at
                    from webhook_deliveries_of(p_account, p_handoff)
                         with ordinality as w (user_id, name, channel, state, at, detail, retry_at, n)) x), '[]'))::text,
        json_build_object('reason', h.reason, 'need', h.need, 'impact', h.impact, 'assessment', h.assessment,
                          'assessment_status', h.assessment_status, 'assessment_reason', h.assessment_reason)::text,
        h.snapshot, s.external_url
    into body, package, snapshot, external_url
    from handoff h
    join ai_session s on s.account_id = h.account_id and s.id = h.session_id
    join app_user junior on junior.account_id = h.account_id and junior.id = h.handed_off_by
    join app_user owner on owner.account_id = h.account_id and owner.id = h.session_owner
    left join app_user holder on holder.account_id = h.account_id and holder.id = h.claimed_by
    left join app_user rejecter on rejecter.account_id = h.account_id and rejecter.id = h.assessment_rejected_by
    where h.account_id = p_account and h.id = p_handoff;
end $$;

-- Null when there is no such session. Entries in their order; what was taken out is left out.
create function session_whole(p_account uuid, p_session uuid, out body text)
language plpgsql as $$
begin
    perform set_config('app.account_id', p_account::text, true);
    select json_build_object(
            'id', s.id, 'title', s.title, 'problem', s.problem, 'customer', s.customer,
            'ticket', ticket_of(s.ticket_system, s.ticket_id, s.ticket_url), 'external_url', s.external_url,
            'status', s.status, 'owner', person_of(s.owner_id, owner.name), 'created_at', s.created_at,
            'updated_at', s.updated_at, 'version', s.version,
            'messages', coalesce((
                select json_agg(json_build_object(
                    'id', e.id, 'author', person_of(e.author_id, u.name), 'author_kind', e.author_kind,
                    'content', e.content, 'created_at', e.created_at, 'stopped', e.stopped)
                    order by e.version, e.created_at, e.id)
                from message e left join app_user u on u.account_id = e.account_id and u.id = e.author_id
                where e.account_id = p_account and e.session_id = p_session), '[]'),
            'facts', coalesce((
                select json_agg(json_build_object(
                    'id', e.id, 'author', person_of(e.author_id, u.name), 'label', e.label, 'value', e.value,
                    'created_at', e.created_at, 'revision', e.revision, 'edited_at', e.edited_at,
                    'edited_by', person_of(e.edited_by, editor.name))
                    order by e.version, e.created_at, e.id)
                from fact e left join app_user u on u.account_id = e.account_id and u.id = e.author_id
                left join app_user editor on editor.account_id = e.account_id and editor.id = e.edited_by
                where e.account_id = p_account and e.session_id = p_session and e.removed_at is null), '[]'),
            'steps', coalesce((
                select json_agg(json_build_object(
                    'id', e.id, 'author', person_of(e.author_id, u.name), 'action', e.action, 'outcome', e.outcome,
                    'detail', e.detail, 'created_at', e.created_at, 'in_progress', e.in_progress, 'revision', e.revision,
                    'edited_at', e.edited_at, 'edited_by', person_of(e.edited_by, editor.name))
                    order by e.version, e.created_at, e.id)
                from step e left join app_user u on u.account_id = e.account_id and u.id = e.author_id
                left join app_user editor on editor.account_id = e.account_id and editor.id = e.edited_by
                where e.account_id = p_account and e.session_id = p_session and e.removed_at is null), '[]'),
            'tasks', coalesce((
                select json_agg(json_build_object(
                    'id', e.id, 'author', person_of(e.author_id, u.name), 'text', e.text, 'done', e.done_at is not null,
                    'done_at', e.done_at, 'done_by', person_of(e.done_by, done.name), 'created_at', e.created_at,
                    'assignee', person_of(assignee.id, assignee.name), 'revision', e.revision, 'edited_at', e.edited_at, 'edited_by', person_of(e.edited_by, editor.name))
                    order by e.version, e.created_at, e.id)
                from task e left join app_user u on u.account_id = e.account_id and u.id = e.author_id
                left join app_user editor on editor.account_id = e.account_id and editor.id = e.edited_by
                left join app_user done on done.account_id = e.account_id and done.id = e.done_by
                left join app_user assignee on assignee.account_id = e.account_id and assignee.id = e.assignee_id
                where e.account_id = p_account and e.session_id = p_session and e.removed_at is null), '[]'),
            'handoffs', coalesce((
                select json_agg(json_build_object(
                    'id', h.id, 'status', h.status, 'priority', h.priority, 'reason', h.reason, 'created_at', h.created_at,
                    'handed_off_by', person_of(h.handed_off_by, junior.name), 'claimed_by', person_of(h.claimed_by, holder.name),
                    'claimed_at', h.claimed_at, 'target', person_of(h.target_user_id, target.name))
                    order by h.created_at, h.id)
                from handoff h join app_user junior on junior.account_id = h.account_id and junior.id = h.handed_off_by
                left join app_user holder on holder.account_id = h.account_id and holder.id = h.claimed_by
                left join app_user target on target.account_id = h.account_id and target.id = h.target_user_id
                where h.account_id = p_account and h.session_id = p_session), '[]'))::text
    into body
    from ai_session s join app_user owner on owner.account_id = s.account_id and owner.id = s.owner_id
    where s.account_id = p_account and s.id = p_session;
end $$;

-- A one-time ticket, in one call. It is not waited for until it has reached the disk: one that a crash takes with it is
-- an expired link half a minute early, and a claim waits for one flush instead of two.
create function keep_ticket(
    p_account uuid, p_id uuid, p_user uuid, p_handoff uuid, p_credential uuid, p_hash bytea, p_life interval)
returns void language plpgsql as $$
begin
    perform set_config('app.account_id', p_account::text, true), set_config('synchronous_commit', 'off', true);
    insert into open_ticket (account_id, id, user_id, handoff_id, credential_id, ticket_hash, created_at, expires_at)
    values (p_account, p_id, p_user, p_handoff, p_credential, p_hash, now(), now() + p_life);
end $$;
