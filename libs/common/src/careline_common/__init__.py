"""What every Careline service stands on: events, messaging, database, HTTP, observability."""
