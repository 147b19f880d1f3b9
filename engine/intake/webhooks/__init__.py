"""The inbox: webhooks as they came, kept until they are read, and dead letters kept until somebody looks."""
