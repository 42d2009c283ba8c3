"""Pure rules: states, outcomes, policies. No I/O, no framework."""
