"""Stand-ins with the semantics of the real thing, seeded and without sockets, for the core's tests and for authors."""
