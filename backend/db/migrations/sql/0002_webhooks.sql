-- Outgoing webhooks.
select 1;
