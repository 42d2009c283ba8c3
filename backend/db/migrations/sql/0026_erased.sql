-- Erasing a person reaches what it had left behind: a name from before a change of name, names in the words of a further
-- alert, notes on tickets, who stopped a reply, and an address that a mail server or a PSA repeated in its refusal.

-- A text as a pattern that matches it and nothing else.
create function literally(p_text text) returns text
language sql immutable parallel safe as $$
    select regexp_replace(p_text, '([^[:alnum:][:space:]])', '\\\1', 'g')
$$;

-- JSON that the product made, with another name wherever it names the person by id, whatever the name was at the time.
create function renamed_by_id(p_json text, p_user uuid, p_to text) returns text
language sql immutable parallel safe as $$
    select regexp_replace(p_json, '(\{"id": "' || p_user || '", "name": )"(?:[^"\\]|\\.)*"', '\1' || to_jsonb(p_to)::text, 'g')
$$;

-- A line of the product's own without this address; one that only ends or begins like it stays.
create function without_address(p_text text, p_email text) returns text
language sql immutable parallel safe as $$
    select regexp_replace(p_text, '(?<![[:alnum:]._%+-])' || literally(p_email) || '(?!\.?[[:alnum:]-])', 'erased', 'gi')
$$;

drop function rename_in_logs(uuid, uuid, text, text);
create function rename_in_logs(p_account uuid, p_user uuid, p_from text, p_to text, p_email text) returns void
language plpgsql security definer as $$
begin
    perform set_config('app.account_id', p_account::text, true);
    update account_event e set data = renamed_by_id(e.data::text, p_user, p_to)::jsonb
    where e.account_id = p_account and position(p_user::text in e.data::text) > 0;
    -- The events of further alerts and of deliveries, by what only those have.
    update account_event e set data = jsonb_set(e.data, '{note}', to_jsonb(replace(e.data ->> 'note', p_from, p_to)))
    where e.account_id = p_account and e.data ? 'cause' and position(p_from in e.data ->> 'note') > 0;
    update account_event e set data = jsonb_set(e.data, '{detail}', to_jsonb(without_address(e.data ->> 'detail', p_email)))
    where e.account_id = p_account and e.data ? 'channel' and e.data #>> '{user,id}' = p_user::text
      and e.data ->> 'detail' is not null;
    update handoff_timeline t set detail = without_address(replace(t.detail, p_from, p_to), p_email)
    where t.account_id = p_account
      and (position(p_from in t.detail) > 0 or position(lower(p_email) in lower(t.detail)) > 0);
end $$;

-- The rest of `forget_person` is as it was, so it is not written out again.
do $$
declare
    change record;
    v_body text := pg_get_functiondef('forget_person(uuid, uuid, text, text, text)'::regprocedure);
begin
    for change in select * from (values
        ('external_id = null, active = false', 'external_id = null, email_refused_at = null, email_refusal = null, active = false'),
        ('update delivery d set device = ''erased''',
         'update delivery d set device = ''erased'', detail = without_address(without_address(d.detail, d.device), p_email)'),
        ('replace(w.data::text, to_jsonb(p_name)::text', 'replace(renamed_by_id(w.data::text, p_user, p_former), to_jsonb(p_name)::text'),
        ('perform rename_in_logs(p_account, p_user, p_name, p_former);', $new$update webhook_delivery x
    set data = jsonb_set(x.data, '{note}', to_jsonb(replace(x.data ->> 'note', p_name, p_former)))
    where x.account_id = p_account and x.kind = 'realerted' and position(p_name in x.data ->> 'note') > 0;
    -- The first line of a note says by whom; below it stands what people wrote.
    perform from psa_note n where n.account_id = p_account and position(p_user::text in n.data::text) > 0
        order by n.at, n.id for update;
    update psa_note n set data = renamed_by_id(n.data::text, p_user, p_former)::jsonb,
        text = case when by.who ->> 'id' = p_user::text
               then regexp_replace(n.text, '^([^\n]* by )' || literally(by.who ->> 'name'), '\1' || p_former) else n.text end,
        error = without_address(n.error, p_email), remedy = without_address(n.remedy, p_email)
    from (select x.id, case x.kind when 'claimed' then x.data -> 'claimed_by' else x.data -> 'actor' end as who
          from psa_note x where x.account_id = p_account and position(p_user::text in x.data::text) > 0) by
    where n.account_id = p_account and n.id = by.id;
    update assistant_reply r set reason = 'Stopped by ' || p_former || '.'
    where r.account_id = p_account and r.reason = 'Stopped by ' || p_name || '.';
    perform rename_in_logs(p_account, p_user, p_name, p_former, p_email);$new$)
    ) as c (was, now) loop
        if length(v_body) - length(replace(v_body, change.was, '')) <> length(change.was) then
            raise exception 'forget_person is not the function of 0021: %', change.was;
        end if;
        v_body := replace(v_body, change.was, change.now);
    end loop;
    execute v_body;
end $$;

grant execute on function literally(text), renamed_by_id(text, uuid, text), without_address(text, text)
    to flowpilot_definer;
