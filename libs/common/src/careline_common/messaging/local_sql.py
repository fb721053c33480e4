"""The statements of the local transport. All times are the database server's."""

CHANNEL = "careline_bus"
NOTIFY = f"NOTIFY {CHANNEL}"

SCHEMA = """
SELECT pg_advisory_xact_lock(hashtext('careline.bus.schema'));
CREATE SCHEMA IF NOT EXISTS bus;
CREATE TABLE IF NOT EXISTS bus.subscription (
    consumer text PRIMARY KEY,
    types text[] NOT NULL
);
CREATE TABLE IF NOT EXISTS bus.event (
    event_id text PRIMARY KEY,
    type text NOT NULL,
    body bytea NOT NULL,
    held boolean NOT NULL,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS bus.delivery (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer text NOT NULL,
    event_id text NOT NULL REFERENCES bus.event,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'parked')),
    attempts integer NOT NULL DEFAULT 0,
    queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    parked_at timestamptz,
    reason text,
    UNIQUE (event_id, consumer)
);
CREATE INDEX IF NOT EXISTS delivery_waiting ON bus.delivery (consumer, id)
    WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS delivery_parked ON bus.delivery (consumer, parked_at)
    WHERE state = 'parked';
"""
"""Idempotent; whoever connects first makes it. `held` events have found no consumer yet."""

SHARE_SUBSCRIPTIONS = "SELECT pg_advisory_xact_lock_shared(hashtext('careline.bus.subscription'))"
ALTER_SUBSCRIPTIONS = "SELECT pg_advisory_xact_lock(hashtext('careline.bus.subscription'))"
"""Nobody subscribes while somebody publishes: no event falls between the two."""

SUBSCRIBE = """
INSERT INTO bus.subscription (consumer, types) VALUES ($1, $2)
ON CONFLICT (consumer) DO UPDATE SET types = excluded.types
"""

ADOPT = """
WITH adopted AS (
    UPDATE bus.event SET held = false WHERE held AND type = ANY($2::text[])
    RETURNING event_id, published_at
)
INSERT INTO bus.delivery (consumer, event_id, queued_at)
SELECT $1, event_id, published_at FROM adopted ORDER BY published_at, event_id
ON CONFLICT DO NOTHING
"""
"""Gives a new consumer what was published before anybody wanted it."""

PUBLISH = """
WITH incoming AS (
    SELECT event_id, type, body, position
    FROM unnest($1::text[], $2::text[], $3::bytea[])
        WITH ORDINALITY AS message (event_id, type, body, position)
), stored AS (
    INSERT INTO bus.event (event_id, type, body, held)
    SELECT event_id, type, body,
        NOT EXISTS (SELECT FROM bus.subscription WHERE incoming.type = ANY(types))
    FROM incoming
    ON CONFLICT DO NOTHING
), delivered AS (
    INSERT INTO bus.delivery (consumer, event_id)
    SELECT consumer, event_id
    FROM incoming JOIN bus.subscription ON incoming.type = ANY(types)
    ORDER BY position
    ON CONFLICT DO NOTHING
    RETURNING consumer
)
SELECT pg_notify('careline_bus', consumer) FROM (SELECT DISTINCT consumer FROM delivered) AS told
"""
"""Tells each consumer that has something, and nobody else. An empty name, as `NOTIFY` says, is for all."""

LEAD = "SELECT pg_try_advisory_lock(hashtext('careline.bus.consumer'), hashtext($1))"

CLAIM = """
SELECT delivery.id, delivery.attempts, event.body
FROM bus.delivery JOIN bus.event USING (event_id)
WHERE delivery.consumer = $1 AND delivery.state = 'waiting'
    AND delivery.due_at <= clock_timestamp()
ORDER BY delivery.id LIMIT $2
FOR UPDATE OF delivery SKIP LOCKED
"""

NEXT_DUE_S = """
SELECT greatest(0.005, extract(epoch FROM min(due_at) - clock_timestamp()))::float
FROM bus.delivery WHERE consumer = $1 AND state = 'waiting' AND due_at > clock_timestamp()
HAVING count(*) > 0
"""
"""No row when nothing is due later: of NULL and 0.005 the greatest would be 0.005."""

DONE = """
WITH gone AS (
    DELETE FROM bus.delivery WHERE id = ANY($1::bigint[]) RETURNING id, event_id
)
DELETE FROM bus.event USING gone
WHERE event.event_id = gone.event_id AND NOT EXISTS (
    SELECT FROM bus.delivery WHERE delivery.event_id = gone.event_id AND delivery.id <> gone.id
)
"""
"""Where two consumers finish with an event at once each sees the other's row; the sweep gets it."""

AGAIN = """
UPDATE bus.delivery SET attempts = attempts + 1,
    due_at = clock_timestamp() + make_interval(secs => $2)
WHERE id = $1
"""

PARK = """
UPDATE bus.delivery SET attempts = attempts + 1, state = 'parked', reason = $2,
    parked_at = clock_timestamp()
WHERE id = $1
"""

EXPIRE = """
UPDATE bus.delivery SET state = 'parked', reason = 'not handled in time',
    parked_at = clock_timestamp()
WHERE state = 'waiting' AND queued_at < clock_timestamp() - make_interval(secs => $1)
"""

FORGET_PARKED = """
DELETE FROM bus.delivery
WHERE state = 'parked' AND parked_at < clock_timestamp() - make_interval(secs => $1)
"""

FORGET_EVENTS = """
DELETE FROM bus.event
WHERE NOT EXISTS (SELECT FROM bus.delivery WHERE delivery.event_id = event.event_id)
    AND (NOT held OR published_at < clock_timestamp() - make_interval(secs => $1))
"""

DEPTHS = """
SELECT consumer, count(*) FILTER (WHERE state = 'waiting') AS waiting,
    count(*) FILTER (WHERE state = 'parked') AS parked
FROM bus.subscription LEFT JOIN bus.delivery USING (consumer)
WHERE consumer = ANY($1::text[])
GROUP BY consumer
"""

PARKED = """
SELECT event_id, event.type, coalesce(reason, '') AS reason, attempts, parked_at
FROM bus.delivery JOIN bus.event USING (event_id)
WHERE consumer = $1 AND state = 'parked'
ORDER BY parked_at, id LIMIT $2
"""

REPLAY = """
UPDATE bus.delivery SET state = 'waiting', attempts = 0, reason = NULL, parked_at = NULL,
    queued_at = clock_timestamp(), due_at = clock_timestamp()
WHERE consumer = $1 AND state = 'parked' AND ($2::text IS NULL OR event_id = $2)
RETURNING id
"""

DROP = """
DELETE FROM bus.delivery
WHERE consumer = $1 AND state = 'parked' AND ($2::text IS NULL OR event_id = $2)
RETURNING id
"""
