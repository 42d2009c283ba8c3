"""The event log's readers: hub, WebSocket, long poll."""
