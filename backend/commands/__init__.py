"""What the command line does: one module per command, thin over the services."""
