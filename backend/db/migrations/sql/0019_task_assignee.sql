-- Who is to do a line of a session's checklist. Null: nobody in particular.
alter table task
    add column assignee_id uuid,
    add constraint task_assignee foreign key (account_id, assignee_id) references app_user (account_id, id);
