-- The customer that a hand-off keeps for analytics was read when its row was made. An escalation that waits for the session
-- at that moment, because a worker fills in what the ticket says, had read it too early and kept none for good: the worker
-- had not seen the hand-off, and the hand-off not the customer. Its card is written with the session at hand.
do $$
declare
    v_was text := pg_get_functiondef('handoff_refresh_card(uuid, uuid)'::regprocedure);
    v_now text := replace(v_was, 'update handoff h set card = ', 'update handoff h set customer = s.customer, card = ');
begin
    if v_now = v_was then
        raise exception 'handoff_refresh_card is not the function of 0022';
    end if;
    execute v_now;
end $$;
