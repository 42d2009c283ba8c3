-- Where the policy says so, only the person asked for may claim for the first minutes.

-- Until when the person asked for alone may claim. Null where the policy has no such time, where nobody is asked for who
-- could come, and once somebody has held it.
create function reserved_until(p_account uuid, p_target uuid, p_by uuid, p_epoch integer, p_since timestamptz)
returns timestamptz language sql stable as $$
    select p_since + make_interval(mins => (a.escalation_policy ->> 'target_exclusive_minutes')::integer)
    from account a join app_user u on u.account_id = a.id and u.id = p_target
    where a.id = p_account and p_epoch = 0 and u.active and u.role in ('engineer', 'admin', 'owner') and u.id <> p_by
$$;

-- As before, with one more answer: `reserved`, for whom (`holder`) and until when (`held_since`).
create or replace function claim_handoff(
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
      and (x.target_user_id is null or x.target_user_id = p_user
           or coalesce(clock_timestamp() >= reserved_until(
               x.account_id, x.target_user_id, x.handed_off_by, x.claim_epoch, x.waiting_since), true))
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
    select x.status, x.claimed_by, x.claimed_at, x.claim_epoch, x.handed_off_by, u.name as claimer, x.target_user_id,
           reserved_until(x.account_id, x.target_user_id, x.handed_off_by, x.claim_epoch, x.waiting_since) as reserved
    into h
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
    elsif h.status = 'pending' and h.reserved is not null and h.target_user_id <> p_user then
        outcome := 'reserved';
        h.claimed_by := h.target_user_id;
        select u.name into h.claimer from app_user u where u.account_id = p_account and u.id = h.target_user_id;
        h.claimed_at := h.reserved;
    else
        outcome := 'not_pending';
    end if;
    status := h.status; holder := h.claimed_by; holder_name := h.claimer; held_since := h.claimed_at;
end $$;

-- Functions that run as flowpilot_definer, such as audit_behind, leave the server's own account out.
grant execute on function house_account() to flowpilot_definer;
