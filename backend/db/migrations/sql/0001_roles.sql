-- Two roles without sign-in. The connection's own role owns the tables and migrates; the server runs as flowpilot_app,
-- which owns nothing and is bound by row-level security; flowpilot_definer owns the few reviewed functions that must
-- look before an account is known.

do $$
begin
    -- Roles belong to the whole cluster and the lock to this database: where two databases migrate at once, the second
    -- waits for the first one's commit and then finds the roles there.
    perform pg_advisory_xact_lock(7305110413);
    begin
        create role flowpilot_app nologin nosuperuser nobypassrls nocreatedb nocreaterole;
    exception when duplicate_object or unique_violation then null;
    end;
    begin
        create role flowpilot_definer nologin nosuperuser nobypassrls nocreatedb nocreaterole;
    exception when duplicate_object or unique_violation then null;
    end;
    if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant flowpilot_app, flowpilot_definer to %I', current_user);
    end if;
end $$;

grant usage on schema public to flowpilot_app, flowpilot_definer;
grant select, insert, update, delete on all tables in schema public to flowpilot_app;
revoke all on alembic_version from flowpilot_app;
grant select on alembic_version to flowpilot_app;
revoke update, delete on account_event, handoff_timeline from flowpilot_app;
revoke delete on handoff, ai_session, account, app_user from flowpilot_app;

do $$
declare
    mine constant text := 'nullif(current_setting(''app.account_id'', true), '''')::uuid';
    t text;
begin
    -- Every table with an account is forced under the policy, its owner included. The condition stands inline:
    -- wrapped in a sub-select the planner cannot estimate it and scans the whole table.
    for t in
        select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'account_id'
    loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I to flowpilot_app using (account_id = %s) with check (account_id = %s)',
            t, mine, mine);
    end loop;
    alter table account enable row level security;
    alter table account force row level security;
    execute format('create policy tenant on account to flowpilot_app using (id = %s) with check (id = %s)', mine, mine);
end $$;

grant select on account, app_user, access_token, web_session, trusted_browser, open_ticket, account_stream,
    client_presence to flowpilot_definer;
grant update (last_used_at) on access_token to flowpilot_definer;
grant update (used_at) on open_ticket to flowpilot_definer;
grant update (seen_at), delete on client_presence to flowpilot_definer;
create policy lookup on account to flowpilot_definer using (true);
create policy lookup on app_user to flowpilot_definer using (true);
create policy lookup on access_token to flowpilot_definer using (true) with check (true);
create policy lookup on web_session to flowpilot_definer using (true);
create policy lookup on trusted_browser to flowpilot_definer using (true);
create policy lookup on open_ticket to flowpilot_definer using (true) with check (true);
create policy lookup on account_stream to flowpilot_definer using (true);
create policy lookup on client_presence to flowpilot_definer using (true) with check (true);
