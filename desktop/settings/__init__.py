"""What one start of the tray app is told, and the user's and the administrators' settings in their layers."""

from desktop.settings.start import Settings, SettingsError, load, server_address

__all__ = ["Settings", "SettingsError", "load", "server_address"]
