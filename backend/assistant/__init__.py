"""FlowPilot, the assistant: replies in the chat, proposals, assessments of hand-offs, guided mode."""
