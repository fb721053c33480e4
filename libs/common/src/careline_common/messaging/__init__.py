"""Events between services: outbox → relay → transport → consumer → inbox."""
