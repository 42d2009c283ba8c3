"""What the tray app knows and decides: plain asyncio Python, no Qt, no network library, no operating system."""
