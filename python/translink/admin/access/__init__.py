"""Access to the admin server: which clients, how often, over which connections.

`guard` is the middleware in front of every route; the rest are its parts, each sans-IO where it can
be. May import `settings` and `errors`, and nothing of the routes. Start reading at `guard`;
docs/security.md says what each protects against.
"""
