-- Steps and facts can be corrected, taken out and put back; one step at a time is the fix in progress; a checklist;
-- who has a session's page open and who has opened a waiting hand-off; the guidance that a junior is sent back to.

-- `version` stays the place in the session, `changed` is the session's version at the latest change.
alter table step
    add column revision integer not null default 1,
    add column changed bigint,
    add column edited_at timestamptz,
    add column edited_by uuid,
    add column removed_at timestamptz,
    add column in_progress boolean not null default false,
    add foreign key (account_id, edited_by) references app_user (account_id, id);
create unique index step_in_progress on step (account_id, session_id) where in_progress and removed_at is null;

alter table fact
    add column revision integer not null default 1,
    add column changed bigint,
    add column edited_at timestamptz,
    add column edited_by uuid,
    add column removed_at timestamptz,
    add foreign key (account_id, edited_by) references app_user (account_id, id);

create table task (
    account_id uuid not null,
    id uuid not null,
    session_id uuid not null,
    author_id uuid,
    text text not null,
    done_at timestamptz,
    done_by uuid,
    version bigint not null,
    revision integer not null default 1,
    changed bigint,
    edited_at timestamptz,
    edited_by uuid,
    removed_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    primary key (account_id, id),
    check ((done_at is null) = (done_by is null)),
    foreign key (account_id, session_id) references ai_session (account_id, id),
    foreign key (account_id, author_id) references app_user (account_id, id),
    foreign key (account_id, done_by) references app_user (account_id, id),
    foreign key (account_id, edited_by) references app_user (account_id, id)
);
create index task_in_session on task (account_id, session_id, version);

-- One row per open page; refreshed by the process that serves it, believed for 30 s.
create table session_visitor (
    account_id uuid not null,
    id uuid not null,
    session_id uuid not null,
    user_id uuid not null,
    seen_at timestamptz not null default clock_timestamp(),
    primary key (account_id, id),
    foreign key (account_id, session_id) references ai_session (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id)
);
create index session_visitor_of on session_visitor (account_id, session_id);

-- Which seniors have opened a waiting hand-off, and when last. Opening claims nothing.
create table handoff_opened (
    account_id uuid not null,
    handoff_id uuid not null,
    user_id uuid not null,
    at timestamptz not null default clock_timestamp(),
    primary key (account_id, handoff_id, user_id),
    foreign key (account_id, handoff_id) references handoff (account_id, id),
    foreign key (account_id, user_id) references app_user (account_id, id)
);

alter table handoff
    add column assessment_rejected_at timestamptz,
    add column assessment_rejected_by uuid,
    add column assessment_rejected_why text,
    add column guidance_id uuid,                -- the message that a junior is sent back to
    add foreign key (account_id, assessment_rejected_by) references app_user (account_id, id),
    add foreign key (account_id, guidance_id) references message (account_id, id);

-- As before; the end of a hand-off also tells how it ended.
create or replace function handoff_changed(p_account uuid, p_handoff uuid, p_kind text, p_actor uuid, p_detail text)
returns bigint language plpgsql as $$
declare
    v_data jsonb;
begin
    insert into handoff_timeline (account_id, handoff_id, kind, actor_id, detail)
    values (p_account, p_handoff, p_kind, p_actor, p_detail);
    v_data := handoff_refresh_card(p_account, p_handoff)
        || jsonb_build_object('handoff_id', p_handoff, 'actor', person(p_account, p_actor), 'note', p_detail);
    if p_kind in ('claimed', 'reassigned', 'released', 'resolved') then
        v_data := v_data || jsonb_build_object('claim_epoch',
            (select claim_epoch from handoff where account_id = p_account and id = p_handoff));
    end if;
    if p_kind = 'resolved' then
        v_data := v_data || jsonb_build_object('outcome',
            (select outcome from handoff where account_id = p_account and id = p_handoff));
    end if;
    return announce(p_account, 'handoff.' || p_kind, p_handoff, v_data);
end $$;

-- Something about a waiting or claimed hand-off that is no change of its state: timeline entry and `handoff.updated`.
create function handoff_noted(p_account uuid, p_handoff uuid, p_kind text, p_actor uuid, p_detail text)
returns bigint language plpgsql as $$
begin
    insert into handoff_timeline (account_id, handoff_id, kind, actor_id, detail)
    values (p_account, p_handoff, p_kind, p_actor, p_detail);
    return announce(p_account, 'handoff.updated', p_handoff, handoff_refresh_card(p_account, p_handoff)
        || jsonb_build_object('handoff_id', p_handoff, 'actor', person(p_account, p_actor), 'note', p_detail));
end $$;
