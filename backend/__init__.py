"""FlowPilot Escalations: the server."""
