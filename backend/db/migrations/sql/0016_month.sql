-- What a month of analytics needs beside a hand-off stands on the hand-off itself: looking its session and its deliveries
-- up, a few blocks each, took nine tenths of the month's time.

alter table handoff add column customer text;            -- of its session, kept by the triggers below
alter table handoff add column first_shown_at timestamptz; -- when a desktop first showed it, in whichever round
-- False for what was there before: filled in when its month is looked at, so that an upgrade holds nobody up.
alter table handoff add column month_ready boolean not null default false;

create function handoff_customer() returns trigger
language plpgsql as $$
begin
    select s.customer into new.customer from ai_session s where s.account_id = new.account_id and s.id = new.session_id;
    new.month_ready := true;
    return new;
end $$;
create trigger customer before insert on handoff for each row execute function handoff_customer();

-- Whoever fills a session's customer in has locked its hand-offs before: handoff row, session row, as everywhere.
create function keep_handoff_customer() returns trigger
language plpgsql as $$
begin
    update handoff h set customer = new.customer where h.account_id = new.account_id and h.session_id = new.id;
    return null;
end $$;
create trigger handoff_customer after update of customer on ai_session for each row
    when (old.customer is distinct from new.customer) execute function keep_handoff_customer();

create function keep_first_shown() returns trigger
language plpgsql as $$
begin
    update handoff h set first_shown_at = new.at
    where h.account_id = new.account_id and h.id = new.handoff_id
      and (h.first_shown_at is null or h.first_shown_at > new.at);
    return null;
end $$;
create trigger first_shown after insert or update of state on delivery for each row
    when (new.channel = 'desktop' and new.state = 'shown') execute function keep_first_shown();

-- As before (0002), but a receipt locks the hand-off as whoever will write it: two that shared it would wait for each
-- other. They come one after the other in any case, by the account's log.
create or replace function record_receipt(
    p_account uuid, p_handoff uuid, p_user uuid, p_channel text, p_device text, p_state text, p_detail text,
    p_rung integer)
returns bigint language plpgsql as $$
declare
    v_rung integer;
    v_purpose text;
begin
    perform set_config('app.account_id', p_account::text, true);
    perform from handoff h where h.account_id = p_account and h.id = p_handoff for no key update;
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
