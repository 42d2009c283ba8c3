-- How a handoff ended: what the senior did with it, whether it held what they needed, and what solved it. Null until it is
-- resolved, and where the one who resolved it did not say.

alter table handoff
    add column outcome text check (outcome in ('took_over', 'guided_back', 'wrong_team', 'duplicate')),
    add column had_what_i_needed boolean,
    add column missing text,                    -- what the handoff should have held; only where it did not
    add column resolution text,                 -- the note of who resolved it; similar handoffs are found by it
    add constraint handoff_missing check (missing is null or had_what_i_needed is false);

-- What was said at the end of those that are resolved already stands in their history. Forced row-level security binds the
-- owner too, who would see none of them.
alter table handoff no force row level security;
alter table handoff_timeline no force row level security;
update handoff h set resolution = e.detail
from (select distinct on (account_id, handoff_id) account_id, handoff_id, detail from handoff_timeline
      where kind = 'resolved' and detail is not null order by account_id, handoff_id, id desc) e
where h.account_id = e.account_id and h.id = e.handoff_id and h.status = 'resolved';
alter table handoff force row level security;
alter table handoff_timeline force row level security;
