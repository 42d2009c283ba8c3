"""Messages and the mail server: composing, sending, and what became of it. Knows no database."""
