"""The server watches itself: overdue work, people not told, and a canary escalation all the way."""
