-- What every page asks for, in one call; and the search of the session list.

-- The log position and the number of waiting hand-offs that a page's frame shows.
create function shell_state(p_account uuid, out seq bigint, out waiting bigint)
language plpgsql as $$
begin
    perform set_config('app.account_id', p_account::text, true);
    select coalesce((select s.last_seq from account_stream s where s.account_id = p_account), 0),
           (select count(*) from handoff h where h.account_id = p_account and h.status = 'pending')
    into seq, waiting;
end $$;

-- The words of a session's title, customer and ticket. A table of its own: an index of words serves nobody under row-level
-- security (`@@` is not leakproof), so the search looks as the definer, who may read these words and no session.
create table session_words (
    account_id uuid not null,
    session_id uuid not null,
    words tsvector not null,
    primary key (account_id, session_id),
    foreign key (account_id, session_id) references ai_session (account_id, id)
);
create index session_words_index on session_words using gin (words);

create function words_of_session(p_title text, p_customer text, p_ticket text) returns tsvector
language sql immutable as $$
    select to_tsvector('simple', regexp_replace(concat_ws(' ', p_title, p_customer, p_ticket), '[^[:alnum:]]+', ' ', 'g'))
$$;

create function keep_session_words() returns trigger
language plpgsql as $$
begin
    insert into session_words (account_id, session_id, words)
    values (new.account_id, new.id, words_of_session(new.title, new.customer, new.ticket_id))
    on conflict (account_id, session_id) do update set words = excluded.words;
    return null;
end $$;
create trigger session_words after insert or update of title, customer, ticket_id on ai_session for each row
    when (new.account_id <> '00000000-0000-7000-8000-0000f10a9170') -- the canary's sessions are forgotten each minute
    execute function keep_session_words();

-- The table's own owner is bound by its policies too, and none lets it read: for this one copy they are put aside.
alter table ai_session no force row level security;
insert into session_words (account_id, session_id, words)
select s.account_id, s.id, words_of_session(s.title, s.customer, s.ticket_id) from ai_session s
where s.account_id <> '00000000-0000-7000-8000-0000f10a9170';
alter table ai_session force row level security;

-- Sessions of the transaction's own account in which all these words begin; `p_most` of them, in no order.
create function search_sessions(p_query text, p_most integer) returns setof uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select w.session_id from session_words w
    where w.account_id = nullif(current_setting('app.account_id', true), '')::uuid
      and w.words @@ to_tsquery('simple', p_query) limit p_most
$$;
grant select (account_id, session_id, words) on session_words to flowpilot_definer;
create policy lookup on session_words to flowpilot_definer using (true);

-- The lists of open sessions and of one's own are read from an index, however many resolved ones lie among them.
create index ai_session_open on ai_session (account_id, updated_at desc, id desc) where status <> 'resolved';
create index ai_session_mine on ai_session (account_id, owner_id, updated_at desc, id desc);

-- What was claimed today stands under the queue: read from the end of an index, not looked for among all there ever were.
create index handoff_claimed on handoff (account_id, claimed_at desc) where claimed_at is not null;
