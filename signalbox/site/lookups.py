"""How connections of writers look for rows."""

from __future__ import annotations

from typing import Final

# A writer finds every row by its key. Its plans are made while tables are small and then kept: they must
# not be plans that read whole tables, as some were seen to do with monitoring.connection_lives.
LOOKUPS_ONLY: Final = """SELECT set_config(name, 'off', false)
    FROM unnest(ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin']) AS name"""
