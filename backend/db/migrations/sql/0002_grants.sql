-- Every table with an account that this version made is forced under the tenant policy, its functions get their owners.
-- Runs last. The condition stands inline, as in 0001_roles.sql.

do $$
declare
    mine constant text := 'nullif(current_setting(''app.account_id'', true), '''')::uuid';
    t text;
    f record;
begin
    for t in
        select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'account_id'
          and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'tenant')
    loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I to flowpilot_app using (account_id = %s) with check (account_id = %s)',
            t, mine, mine);
        execute format('grant select, insert, update, delete on %I to flowpilot_app', t);
    end loop;

    -- Temporary objects come last: a table of the caller's own must never stand in for one of ours.
    for f in select p.oid::regprocedure as name from pg_proc p
             where p.pronamespace = 'public'::regnamespace and p.prosecdef
    loop
        execute format('alter function %s set search_path = pg_catalog, public, pg_temp', f.name);
    end loop;

    grant create on schema public to flowpilot_definer;
    for f in select p.oid::regprocedure as name, p.prosecdef as definer from pg_proc p
             where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
               and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
               and not (p.prosecdef and p.proowner = 'flowpilot_definer'::regrole)
    loop
        execute format('revoke all on function %s from public', f.name);
        if f.definer then
            execute format('alter function %s owner to flowpilot_definer', f.name);
            execute format('revoke all on function %s from public', f.name);
            execute format('grant execute on function %s to flowpilot_app, flowpilot_definer', f.name);
        else
            execute format('grant execute on function %s to flowpilot_app', f.name);
        end if;
    end loop;
    revoke create on schema public from flowpilot_definer;
end $$;
