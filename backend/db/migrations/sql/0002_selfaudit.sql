-- What the self-audit finds and the canary leaves behind.
select 1;
