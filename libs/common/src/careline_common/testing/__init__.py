"""What tests stand on: real PostgreSQL, RabbitMQ, Asterisk and sipp, and `careline` processes."""
