-- The audit log: who did what, from where. What is done is written into audit_pending, by the transaction that does it
-- and without any lock. A moment later audit_seal moves it into audit_entry, numbered and chained by hash per account;
-- hand-offs are read from the account's event log then, so that a claim pays nothing for being recorded. What is sealed
-- can be neither changed nor removed. docs/adr/0009 says why it is so.

create table audit_pending (
    account_id uuid not null references account (id),
    id uuid not null default gen_random_uuid(),
    at timestamptz not null default clock_timestamp(),
    actor_id uuid,
    actor text not null default '',
    action text not null,
    target text not null default '',
    detail text not null default '',            -- JSON, kept as the text that is hashed
    address text not null default '',
    primary key (account_id, id)
);
create index audit_pending_order on audit_pending (account_id, at, id);

create table audit_entry (
    account_id uuid not null references account (id),
    no bigint not null,                         -- 1, 2, 3 …: the order of the chain
    at timestamptz not null,
    actor_id uuid,
    actor text not null,
    action text not null,
    target text not null,
    detail text not null,
    address text not null,
    hash bytea not null,                        -- sha256 over the hash before and this entry
    sealed_at timestamptz not null default clock_timestamp(),
    primary key (account_id, no)
);
create index audit_entry_action on audit_entry (account_id, action, no);

create table audit_chain (
    account_id uuid primary key references account (id),
    last_no bigint not null default 0,
    last_hash bytea not null default '\x0000000000000000000000000000000000000000000000000000000000000000',
    event_seq bigint not null default 0,        -- events up to here are entries, or are of no interest
    anchored_on date
);

create function audit_refuse_change() returns trigger
language plpgsql as $$
begin
    raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_entry_append_only before update or delete or truncate on audit_entry
    for each statement execute function audit_refuse_change();

-- What an entry's hash covers: each part with its length before it, so that no two entries read alike.
create function audit_hash(
    p_before bytea, p_account uuid, p_no bigint, p_at timestamptz, p_actor_id uuid, p_actor text, p_action text,
    p_target text, p_detail text, p_address text) returns bytea
language sql immutable as $$
    select sha256(p_before || convert_to(string_agg(octet_length(part)::text || ':' || part, ',' order by place), 'UTF8'))
    from unnest(array[p_account::text, p_no::text, iso(p_at), coalesce(p_actor_id::text, ''), p_actor, p_action, p_target,
                      p_detail, p_address]) with ordinality as u (part, place)
$$;

-- Moves what has been written since into the chain, 1,000 entries at most; answers how many. Locks the account's chain
-- alone, which no command ever touches.
create function audit_seal(p_account uuid) returns integer
language plpgsql as $$
#variable_conflict use_column
declare
    v_most constant integer := 1000;
    c record;
    e record;
    v_no bigint;
    v_hash bytea;
    v_seq bigint;
    v_sealed integer := 0;
begin
    perform set_config('app.account_id', p_account::text, true);
    if not exists (select from account a where a.id = p_account) then
        return 0;
    end if;
    insert into audit_chain (account_id) values (p_account) on conflict do nothing;
    select * into c from audit_chain where account_id = p_account for update;
    v_no := c.last_no;
    v_hash := c.last_hash;
    v_seq := c.event_seq;
    for e in
        with new_events as (
            select x.seq, x.at, x.kind, x.handoff_id, x.data from account_event x
            where x.account_id = p_account and x.seq > c.event_seq order by x.seq limit v_most
        ), new_pending as (
            select * from audit_pending p where p.account_id = p_account order by p.at, p.id limit v_most
        )
        select null::bigint as seq, p.id, p.at, p.actor_id, p.actor, p.action, p.target, p.detail, p.address
        from new_pending p
        union all
        select n.seq, null, n.at, (n.data #>> '{actor,id}')::uuid, coalesce(n.data #>> '{actor,name}', ''), n.kind,
               n.handoff_id::text, jsonb_strip_nulls(jsonb_build_object(
                   'priority', n.data -> 'priority', 'claimed_by', n.data #> '{claimed_by,name}'))::text, ''
        from new_events n
        order by at, seq nulls first
    loop
        if e.seq is not null then
            v_seq := greatest(v_seq, e.seq);
            if e.action not in ('handoff.created', 'handoff.claimed', 'handoff.released', 'handoff.reassigned',
                                'handoff.resolved', 'handoff.withdrawn') then
                continue;
            end if;
        else
            delete from audit_pending where account_id = p_account and id = e.id;
        end if;
        v_no := v_no + 1;
        v_hash := audit_hash(v_hash, p_account, v_no, e.at, e.actor_id, e.actor, e.action, e.target, e.detail, e.address);
        insert into audit_entry (account_id, no, at, actor_id, actor, action, target, detail, address, hash)
        values (p_account, v_no, e.at, e.actor_id, e.actor, e.action, e.target, e.detail, e.address, v_hash);
        v_sealed := v_sealed + 1;
    end loop;
    if v_seq <> c.event_seq or v_sealed > 0 then
        update audit_chain set last_no = v_no, last_hash = v_hash, event_seq = v_seq where account_id = p_account;
    end if;
    return v_sealed;
end $$;

-- Accounts in which something waits to be sealed. The server's own account, whose canary never rests, is none of them; its
-- id stands here, as the definer may call nothing of ours.
create function audit_behind() returns setof uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select distinct p.account_id from audit_pending p where p.account_id <> '00000000-0000-7000-8000-0000f10a9170'
    union
    select s.account_id from account_stream s left join audit_chain c on c.account_id = s.account_id
    where s.last_seq > coalesce(c.event_seq, 0) and s.account_id <> '00000000-0000-7000-8000-0000f10a9170'
$$;

create function audit_chains() returns setof uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select c.account_id from audit_chain c order by c.account_id
$$;

-- The chains that have no anchor of today yet, with where they stand; the caller writes it down before it commits.
create function audit_anchor() returns table (account_id uuid, no bigint, hash bytea)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update audit_chain c set anchored_on = current_date
    where c.anchored_on is distinct from current_date and c.last_no > 0
    returning c.account_id, c.last_no, c.last_hash
$$;

grant select (account_id) on audit_pending to flowpilot_definer;
grant select (account_id, last_no, last_hash, event_seq, anchored_on), update (anchored_on) on audit_chain
    to flowpilot_definer;
create policy lookup on audit_pending to flowpilot_definer using (true);
create policy lookup on audit_chain to flowpilot_definer using (true) with check (true);
