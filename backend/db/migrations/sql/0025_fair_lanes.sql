-- Whose turn it is counts what is being done already. Turns within one look alone were not enough: when one place gets
-- free, the first of each account stands in that turn, and the oldest won it. An account whose thousand notices all
-- hang had every place for as long as the thousand lasted.

-- Leases what is due. `p_held` are the accounts of the caller's work under way, one for each piece: whoever holds
-- fewest comes first, and nobody gets to hold more than `p_each`. A short backlog is read in the order of its due
-- times; only a long one is gone through account by account, past those that hold all they may.
create function take_jobs(p_kinds text[], p_limit integer, p_lease_s double precision, p_held uuid[], p_each integer)
returns table (account_id uuid, id uuid, kind text, handoff_id uuid, ref uuid, due_at timestamptz,
               attempts integer, lease_no integer)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    -- now() is this statement's own time and can bound an index, which clock_timestamp() cannot.
    v_short constant integer := 200;
    v_full constant uuid[] := array(select h from unnest(p_held) h group by h having count(*) >= p_each);
    v_chosen uuid[];
begin
    select array_agg(d.id) into v_chosen from (
        select j.id from job j where j.kind = any(p_kinds) and j.due_at <= now()
        and (j.lease_until is null or j.lease_until <= now()) order by j.due_at limit v_short) d;
    if v_chosen is null then
        return;
    end if;
    if cardinality(v_chosen) = v_short then
        select array_agg(d.id) into v_chosen from (
            with recursive accounts as (
                (select j.account_id from job j where j.kind = any(p_kinds) and j.due_at <= now()
                 order by j.account_id limit 1)
                union all
                select (select j.account_id from job j
                        where j.account_id > a.account_id and j.kind = any(p_kinds) and j.due_at <= now()
                        order by j.account_id limit 1)
                from accounts a where a.account_id is not null)
            select d.id from accounts a cross join lateral (
                select j.id from job j where j.account_id = a.account_id and j.kind = any(p_kinds) and j.due_at <= now()
                and (j.lease_until is null or j.lease_until <= now()) order by j.due_at limit p_limit) d
            where a.account_id is not null and a.account_id <> all (v_full)) d;
    end if;
    return query
    with held as (
        select h as account_id, count(*) as places from unnest(p_held) h group by h
    ), due as materialized (
        select j.account_id, j.id, j.due_at,
               row_number() over (partition by j.account_id order by j.due_at) + coalesce(h.places, 0) as turn
        from job j left join held h on h.account_id = j.account_id where j.id = any(v_chosen)
    ), mine as materialized (
        select j.account_id, j.id
        from job j join due d on d.account_id = j.account_id and d.id = j.id
        where d.turn <= p_each and j.due_at <= now() and (j.lease_until is null or j.lease_until <= now())
        order by d.turn, d.due_at
        limit p_limit
        for update of j skip locked
    )
    update job j
    set lease_until = now() + make_interval(secs => p_lease_s), lease_no = j.lease_no + 1, attempts = j.attempts + 1
    from mine m
    where j.account_id = m.account_id and j.id = m.id
    returning j.account_id, j.id, j.kind, j.handoff_id, j.ref, j.due_at, j.attempts, j.lease_no;
end $$;

-- Servers of the version before call this one while they run beside new ones.
create or replace function take_jobs(p_kinds text[], p_limit integer, p_lease_s double precision)
returns table (account_id uuid, id uuid, kind text, handoff_id uuid, ref uuid, due_at timestamptz,
               attempts integer, lease_no integer)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    select * from take_jobs(p_kinds, p_limit, p_lease_s, '{}', p_limit)
$$;
