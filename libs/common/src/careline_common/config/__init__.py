"""The configuration file: sections, each owned by one or more services, kept in their databases.

    SECTIONS = (Section("queues", QueueEntry), Section("skills", PlainEntry, plain=True),
                Section("crm", Crm, singleton=True, secrets=("password",)))
    store = ConfigStore(database, SECTIONS, clock=clock, cross_check=cross_check)
    store.on_applied(floor.reconfigure)      # after every change, here or in another replica
    await store.load()                       # once at start
    app.state.config_store = store
    add_router(app, config_routes())
    background = [("watch-config", lambda: watch_config(store)), …]

In the file an unknown key is an error, so that typing slips are found; in a body of
`PUT /v1/<section>/{id}` it is ignored, as everywhere in the API.
"""

from careline_common.config.calendar import Calendar, Window
from careline_common.config.entries import ConfigInvalidError, Configuration, Counts, Entry
from careline_common.config.models import (
    AgentEntry,
    ConfigModel,
    Group,
    HttpAddress,
    Id,
    Insurer,
    Line,
    Organisation,
    PhoneNumber,
    PlainEntry,
    Role,
    Subject,
    Team,
    Territory,
    User,
    WebhookSecret,
    ZoneName,
)
from careline_common.config.routes import config_routes, entry_routes
from careline_common.config.secrets import MASK, with_absolute_files
from careline_common.config.section import Fault, Section
from careline_common.config.store import ConfigStore
from careline_common.config.watch import watch_config

__all__ = [
    "MASK",
    "AgentEntry",
    "Calendar",
    "ConfigInvalidError",
    "ConfigModel",
    "ConfigStore",
    "Configuration",
    "Counts",
    "Entry",
    "Fault",
    "Group",
    "HttpAddress",
    "Id",
    "Insurer",
    "Line",
    "Organisation",
    "PhoneNumber",
    "PlainEntry",
    "Role",
    "Section",
    "Subject",
    "Team",
    "Territory",
    "User",
    "WebhookSecret",
    "Window",
    "ZoneName",
    "config_routes",
    "entry_routes",
    "watch_config",
    "with_absolute_files",
]
