-- Work that is due later. A row exists exactly as long as something is still to be done; `key` names it, so that the
-- same work is never there twice. A lease is a promise of one worker to be done by `lease_until`; `lease_no` fences a
-- worker that woke up after its lease was given to another.

create table job (
    account_id uuid not null references account (id),
    id uuid not null default gen_random_uuid(),
    kind text not null,
    key text not null,
    handoff_id uuid,
    ref uuid,                                   -- the row that the work is about, such as a delivery
    due_at timestamptz not null default clock_timestamp(),
    attempts integer not null default 0,
    lease_until timestamptz,
    lease_no integer not null default 0,
    created_at timestamptz not null default clock_timestamp(),
    primary key (account_id, id),
    unique (account_id, key),
    foreign key (account_id, handoff_id) references handoff (account_id, id)
);
create index job_due on job (kind, due_at);
create index job_due_in_account on job (account_id, kind, due_at);
create index job_id on job (id);
create index job_of_handoff on job (account_id, handoff_id);

-- Plans work or moves work that is planned. What a worker holds keeps its lease: the worker's own end will not find the
-- lease number it knows when the work was asked for anew, and so the work is done again.
create function enqueue_job(
    p_account uuid, p_kind text, p_key text, p_handoff uuid default null, p_ref uuid default null,
    p_due timestamptz default null) returns void
language sql as $$
    insert into job as j (account_id, kind, key, handoff_id, ref, due_at)
    values (p_account, p_kind, p_key, p_handoff, p_ref, coalesce(p_due, clock_timestamp()))
    on conflict (account_id, key) do update
    set due_at = excluded.due_at, attempts = 0, lease_until = null, lease_no = j.lease_no + 1
$$;

-- Leases what is due, accounts taking turns, so that one account's thousand never stand before another's first. A short
-- backlog is read in the order of its due times; only a long one is gone through account by account.
create function take_jobs(p_kinds text[], p_limit integer, p_lease_s double precision)
returns table (account_id uuid, id uuid, kind text, handoff_id uuid, ref uuid, due_at timestamptz,
               attempts integer, lease_no integer)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    -- now() is this statement's own time and can bound an index, which clock_timestamp() cannot.
    v_short constant integer := 200;
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
            where a.account_id is not null) d;
    end if;
    return query
    with due as materialized (
        select j.account_id, j.id, j.due_at, row_number() over (partition by j.account_id order by j.due_at) as turn
        from job j where j.id = any(v_chosen)
    ), mine as materialized (
        select j.account_id, j.id
        from job j join due d on d.account_id = j.account_id and d.id = j.id
        where j.due_at <= now() and (j.lease_until is null or j.lease_until <= now())
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

-- After a fault: the lease is given back, and the work is due again a little later.
create function put_back_job(p_account uuid, p_id uuid, p_lease_no integer, p_after_s double precision) returns void
language plpgsql as $$
begin
    perform set_config('app.account_id', p_account::text, true);
    update job set lease_until = null, due_at = clock_timestamp() + make_interval(secs => p_after_s)
    where account_id = p_account and id = p_id and lease_no = p_lease_no;
end $$;

grant select, update (lease_until, lease_no, attempts) on job to flowpilot_definer;
create policy lookup on job to flowpilot_definer using (true) with check (true);
