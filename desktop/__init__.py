"""FlowPilot Escalations: the tray app of a senior technician."""
