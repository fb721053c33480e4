"""What the migrations make is what the tables say."""

import pytest

from careline_common.db.migrate import differences
from careline_surveys.db.tables import SCHEMA, metadata

pytestmark = pytest.mark.integration


async def test_tables_and_migrations_say_the_same(surveys) -> None:
    assert await differences(surveys.database_url, schema=SCHEMA, metadata=metadata) == []
