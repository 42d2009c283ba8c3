-- The manual baseline in versions: what an escalation costs by hand, who said so, and from when. Append only: a figure of
-- last month can be made again with what counted then. In force at a moment is the version with the latest
-- effective_from up to it, and of several with the same one the last that was set.

create table baseline (
    account_id uuid not null references account (id),
    id uuid not null,
    minutes double precision check (minutes between 0.5 and 480), -- null: no baseline from then on
    basis text not null check (basis in ('measured', 'estimated')),
    origin text not null check (origin in ('product', 'carried', 'person')),
    note text,
    effective_from timestamptz not null,
    set_by uuid,
    set_at timestamptz not null default clock_timestamp(),
    primary key (account_id, id),
    check ((origin = 'person') = (set_by is not null)),
    foreign key (account_id, set_by) references app_user (account_id, id)
);
create index baseline_in_force on baseline (account_id, effective_from, set_at);

-- Today's single value, from the first month that can be asked for. Forced row-level security binds the owner too.
alter table account no force row level security;
insert into baseline (account_id, id, minutes, basis, origin, note, effective_from)
select a.id, gen_random_uuid(), a.manual_baseline_minutes, 'estimated',
       case when a.baseline_is_estimate then 'product' else 'carried' end,
       case when a.baseline_is_estimate then 'Two calls of five minutes' end,
       '2000-01-01 00:00:00+00'
from account a;
-- Names of people in analytics: who of the seniors sees all of them, and whether groups of one or two are shown.
alter table account
    add column analytics_names_for_seniors boolean not null default false,
    add column analytics_small_groups boolean not null default false;
alter table account force row level security;
comment on column account.manual_baseline_minutes is 'of the version before baseline was kept in versions; not read any more';
comment on column account.baseline_is_estimate is 'of the version before baseline was kept in versions; not read any more';

alter table baseline enable row level security;
alter table baseline force row level security;
create policy tenant on baseline to flowpilot_app
    using (account_id = nullif(current_setting('app.account_id', true), '')::uuid)
    with check (account_id = nullif(current_setting('app.account_id', true), '')::uuid);
grant select, insert on baseline to flowpilot_app;
