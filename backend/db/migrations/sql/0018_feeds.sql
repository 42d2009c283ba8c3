-- Many accounts at once: what a process asks for all its sockets, in one call. No more rights than one account at a time:
-- each round works as that account, under its row-level security.

-- The log's position and what follows `p_after` (null: its newest `p_limit` events), of each account.
create function read_feeds(p_accounts uuid[], p_after bigint[], p_limit integer)
returns table (account_id uuid, epoch uuid, last_seq bigint, min_seq bigint,
               seq bigint, kind text, at timestamptz, data text)
language plpgsql as $$
#variable_conflict use_column
begin
    for i in 1 .. coalesce(array_length(p_accounts, 1), 0) loop
        perform set_config('app.account_id', p_accounts[i]::text, true);
        -- One statement, one snapshot: a position is never told without the events that lead to it.
        return query
        select s.account_id, s.epoch, s.last_seq, s.min_seq, e.seq, e.kind, e.at, e.data::text
        from account_stream s
        left join lateral (
            select n.seq, n.kind, n.at, n.data from account_event n
            where n.account_id = p_accounts[i] and n.seq > coalesce(p_after[i], s.last_seq - p_limit)
            order by n.seq limit p_limit) e on true
        where s.account_id = p_accounts[i] order by e.seq;
    end loop;
end $$;

create function presence_arrived(p_process uuid, p_accounts uuid[], p_ids uuid[], p_users uuid[], p_channels text[])
returns void language plpgsql as $$
begin
    for i in 1 .. coalesce(array_length(p_ids, 1), 0) loop
        perform set_config('app.account_id', p_accounts[i]::text, true);
        insert into client_presence (account_id, id, user_id, channel, process, seen_at)
        values (p_accounts[i], p_ids[i], p_users[i], p_channels[i], p_process, clock_timestamp());
    end loop;
end $$;

create function presence_left(p_accounts uuid[], p_ids uuid[]) returns void language plpgsql as $$
begin
    for i in 1 .. coalesce(array_length(p_ids, 1), 0) loop
        perform set_config('app.account_id', p_accounts[i]::text, true);
        delete from client_presence p where p.account_id = p_accounts[i] and p.id = p_ids[i];
    end loop;
end $$;
