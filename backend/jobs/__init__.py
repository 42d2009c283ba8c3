"""Work that is due later: one table, leased with SKIP LOCKED, fair between accounts."""
