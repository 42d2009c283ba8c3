"""Who was told, how and when: receipts and presence."""
