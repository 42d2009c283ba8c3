"""What every route shares: problems, middleware, request helpers."""
