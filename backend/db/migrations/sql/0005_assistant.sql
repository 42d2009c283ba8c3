-- The assistant. A reply is a row while it is written, so that a viewer in any process sees it grow, anybody can stop it,
-- and a process that dies leaves something that can be told and tried again. Nothing of it enters the event log.

alter table account add column ai_enabled boolean not null default true;
alter table message add column stopped boolean not null default false;
alter table handoff add column assessment_reason text;

create table assistant_reply (
    account_id uuid not null,
    id uuid not null,                           -- also the id of the message that it becomes
    session_id uuid not null,
    message_id uuid,                            -- the message that it answers
    kind text not null check (kind in ('reply', 'briefing')),
    state text not null default 'running' check (state in ('running', 'done', 'stopped', 'failed')),
    content text not null default '',           -- what has come so far
    reason text,
    retry_after_s double precision,
    asked_by uuid not null,
    started_at timestamptz not null default clock_timestamp(),
    beat_at timestamptz not null default clock_timestamp(),  -- its writer is alive
    ended_at timestamptz,
    primary key (account_id, id),
    check ((state = 'running') = (ended_at is null)),
    foreign key (account_id, session_id) references ai_session (account_id, id),
    foreign key (account_id, message_id) references message (account_id, id),
    foreign key (account_id, asked_by) references app_user (account_id, id)
);
create unique index assistant_reply_one_at_a_time on assistant_reply (account_id, session_id) where state = 'running';
create index assistant_reply_in_session on assistant_reply (account_id, session_id, started_at desc);

create table proposal (
    account_id uuid not null,
    id uuid not null,
    session_id uuid not null,
    message_id uuid,                            -- where it was read
    kind text not null check (kind in ('fact', 'step')),
    content jsonb not null,                     -- label and value, or action, outcome and detail
    state text not null default 'open' check (state in ('open', 'accepted', 'dismissed')),
    created_at timestamptz not null default clock_timestamp(),
    decided_at timestamptz,
    decided_by uuid,
    primary key (account_id, id),
    foreign key (account_id, session_id) references ai_session (account_id, id),
    foreign key (account_id, message_id) references message (account_id, id),
    foreign key (account_id, decided_by) references app_user (account_id, id)
);
create index proposal_in_session on proposal (account_id, session_id, created_at);

create table runbook (
    account_id uuid not null references account (id),
    id uuid not null,
    title text not null,
    body text not null,
    tags text[] not null default '{}',
    words tsvector not null,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    updated_by uuid,
    primary key (account_id, id),
    foreign key (account_id, updated_by) references app_user (account_id, id)
);
create index runbook_by_title on runbook (account_id, title);
create index runbook_words on runbook using gin (words);

-- What a resolved handoff teaches: one document, written with the timeline entry that says how it was resolved.
create table resolved_case (
    account_id uuid not null,
    id uuid not null,                           -- the handoff's own id
    session_id uuid not null,
    title text not null,
    customer text,
    resolution text,
    resolved_at timestamptz not null,
    words tsvector not null,
    primary key (account_id, id),
    foreign key (account_id, id) references handoff (account_id, id),
    foreign key (account_id, session_id) references ai_session (account_id, id)
);
create index resolved_case_words on resolved_case using gin (words);

create table one_time_secret (
    account_id uuid not null,
    id uuid not null,
    session_id uuid,
    created_by uuid not null,
    sealed bytea,                               -- backend/sealed.py; gone once it has been seen or has expired
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    viewed_at timestamptz,
    viewed_by uuid,
    primary key (account_id, id),
    check ((viewed_at is null) = (viewed_by is null)),
    foreign key (account_id, session_id) references ai_session (account_id, id),
    foreign key (account_id, created_by) references app_user (account_id, id),
    foreign key (account_id, viewed_by) references app_user (account_id, id)
);
create index one_time_secret_expiry on one_time_secret (account_id, expires_at) where sealed is not null;

create function runbook_words(p_title text, p_tags text[], p_body text) returns tsvector
language sql stable as $$
    select setweight(to_tsvector('english', p_title || ' ' || array_to_string(p_tags, ' ')), 'A')
        || setweight(to_tsvector('english', left(p_body, 100000)), 'C')
$$;

create function case_words(p_title text, p_customer text, p_problem text, p_handoff text, p_resolution text)
returns tsvector language sql stable as $$
    select setweight(to_tsvector('english', p_title || ' ' || coalesce(p_customer, '')), 'A')
        || setweight(to_tsvector('english', left(p_problem, 20000) || ' ' || coalesce(p_handoff, '')), 'B')
        || setweight(to_tsvector('english', coalesce(p_resolution, '')), 'C')
$$;

-- The words of a text that a search looks for, the longest first: they tell most. At most forty.
create function search_lexemes(p_text text) returns text[]
language sql stable as $$
    select array(select u.lexeme from unnest(to_tsvector('english', left(p_text, 8000))) u
                 where length(u.lexeme) > 1 order by length(u.lexeme) desc, u.lexeme limit 40)
$$;

create function any_of(p_lexemes text[]) returns tsquery
language sql immutable as $$
    select coalesce(string_agg(quote_literal(l), ' | '), '')::tsquery from unnest(p_lexemes) l
$$;

-- Full-text search in one account. Row-level security would keep the index of words from being used (`@@` is not
-- leakproof), so these look as the definer, bound to the transaction's own account, and answer identifiers only: what
-- stands there is read under the policy. Common words match much; five hundred of them are ranked.
create function search_cases(p_lexemes text[], p_except uuid, p_limit integer)
returns table (id uuid, hits integer, rank real)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select b.id, cardinality(array(select unnest(tsvector_to_array(b.words)) intersect select unnest(p_lexemes))), b.rank
    from (select c.id, c.words, ts_rank(c.words, any_of(p_lexemes)) as rank
          from (select x.id, x.words from resolved_case x
                where x.account_id = nullif(current_setting('app.account_id', true), '')::uuid
                  and x.words @@ any_of(p_lexemes) and x.session_id is distinct from p_except limit 500) c
          order by rank desc, c.id desc limit p_limit) b
    order by 2 desc, b.rank desc, b.id desc
$$;

create function search_runbooks(p_lexemes text[], p_limit integer)
returns table (id uuid, hits integer, rank real)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select b.id, cardinality(array(select unnest(tsvector_to_array(b.words)) intersect select unnest(p_lexemes))), b.rank
    from (select r.id, r.words, ts_rank(r.words, any_of(p_lexemes)) as rank
          from (select x.id, x.words from runbook x
                where x.account_id = nullif(current_setting('app.account_id', true), '')::uuid
                  and x.words @@ any_of(p_lexemes) limit 500) r
          order by rank desc, r.id desc limit p_limit) b
    order by 2 desc, b.rank desc, b.id desc
$$;
grant select (account_id, id, words) on runbook to flowpilot_definer;
grant select (account_id, id, session_id, words) on resolved_case to flowpilot_definer;
create policy lookup on runbook to flowpilot_definer using (true);
create policy lookup on resolved_case to flowpilot_definer using (true);

create function keep_case() returns trigger
language plpgsql as $$
begin
    insert into resolved_case (account_id, id, session_id, title, customer, resolution, resolved_at, words)
    select h.account_id, h.id, h.session_id, s.title, s.customer, new.detail, new.at,
           case_words(s.title, s.customer, s.problem, concat_ws(' ', h.reason, h.need), new.detail)
    from handoff h join ai_session s on s.account_id = h.account_id and s.id = h.session_id
    where h.account_id = new.account_id and h.id = new.handoff_id and h.account_id <> house_account()
      and coalesce(h.outcome, 'took_over') in ('took_over', 'guided_back')  -- the others say nothing of the problem
    on conflict (account_id, id) do update
    set resolution = excluded.resolution, resolved_at = excluded.resolved_at, words = excluded.words;
    return null;
end $$;
create trigger keep_case after insert on handoff_timeline for each row when (new.kind = 'resolved')
    execute function keep_case();

-- Handoffs that were resolved before this version. Their owner is bound by forced row-level security, see 0002.
alter table handoff no force row level security;
alter table handoff_timeline no force row level security;
alter table ai_session no force row level security;
insert into resolved_case (account_id, id, session_id, title, customer, resolution, resolved_at, words)
select distinct on (h.account_id, h.id) h.account_id, h.id, h.session_id, s.title, s.customer, e.detail, e.at,
       case_words(s.title, s.customer, s.problem, concat_ws(' ', h.reason, h.need), e.detail)
from handoff_timeline e
join handoff h on h.account_id = e.account_id and h.id = e.handoff_id
join ai_session s on s.account_id = h.account_id and s.id = h.session_id
where e.kind = 'resolved' and h.account_id <> house_account()
order by h.account_id, h.id, e.at desc;
alter table handoff force row level security;
alter table handoff_timeline force row level security;
alter table ai_session force row level security;

-- What the assessment found, once; the caller has locked the handoff. Null when it was written before.
create function record_assessment(p_account uuid, p_handoff uuid, p_assessment jsonb, p_reason text) returns bigint
language plpgsql as $$
begin
    update handoff set assessment = p_assessment, assessment_reason = p_reason,
        assessment_status = case when p_assessment is null then 'unavailable' else 'ready' end
    where account_id = p_account and id = p_handoff and assessment_status = 'pending';
    if not found then
        return null;
    end if;
    return handoff_changed(p_account, p_handoff, 'assessed', null, p_reason);
end $$;
