-- Delivery by e-mail, escalation steps, idle claims.
select 1;
