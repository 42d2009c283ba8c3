"""PostgreSQL: connection, tenancy, migrations, the event log."""
