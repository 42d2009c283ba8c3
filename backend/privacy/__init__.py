"""Privacy: how long things are kept, what is known of a person, and forgetting one."""
