-- Runs after the grants: the server writes what happens and seals it; what is sealed it can only read.
revoke update on audit_pending from flowpilot_app;
revoke update, delete on audit_entry from flowpilot_app;
revoke delete on audit_chain from flowpilot_app;
