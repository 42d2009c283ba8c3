"""Single sign-on at an account's own OpenID provider."""
