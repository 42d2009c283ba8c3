"""What differs by operating system: notifications, keyring, single instance."""
