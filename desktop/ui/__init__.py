"""What is drawn: tray icon, queue window, toasts of our own. No rule lives here."""
