"""Who is calling: accounts, users, tokens, web sign-in, one-time tickets."""
