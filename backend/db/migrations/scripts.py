"""Migrations are plain SQL files of many statements, run in the version's own transaction."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from alembic import op

# A migration that takes its locks one by one, as its statements come, closes circles with transactions of servers at
# work, and the database then ends one of the two: somebody's escalation, as often as not. So all are taken first and
# none is waited for: what holds everything waits for nobody, and what got nothing holds nothing.
_TAKE_ALL: Final = """
do $$
declare
    every text;
begin
    select string_agg(format('%I.%I', n.nspname, c.relname), ', ' order by c.oid) into every
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relname <> 'alembic_version'
      and pg_has_role(c.relowner, 'usage');
    if every is null then
        return;
    end if;
    for attempt in 1..100 loop
        begin
            execute format('lock table %s in access exclusive mode nowait', every);
            return;
        exception when lock_not_available then
            perform pg_sleep(0.02 + 0.1 * random());
        end;
    end loop;
    raise lock_not_available using message = 'the tables are in use without a pause: is a backup running';
end $$
"""


def run_scripts(names: Sequence[str]) -> None:
    """Run files of the `sql` folder one after the other, with every table to themselves."""
    driver = op.get_bind().connection.dbapi_connection
    if driver is None:
        raise RuntimeError("the migration lost its connection")
    scripts = [(Path(__file__).parent / "sql" / name).read_text(encoding="utf-8") for name in names]
    for script in (_TAKE_ALL, *scripts):
        # The driver's own execute takes a script of many statements; SQLAlchemy's takes one.
        driver.run_async(lambda raw, script=script: raw.execute(script))
