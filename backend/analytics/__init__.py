"""Minutes recovered."""
