"""FlowPilot sessions: chat, steps, facts."""
