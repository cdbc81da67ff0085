"""Conferences, participants, apps and organizations whose names are alike a text.

An index on hashed trigrams finds the candidates, by those trigrams of the text that few rows have; how alike they are is then worked out exactly.
Trigrams that are on very many rows are not looked up one by one: of the rows that have all of those, some are looked at beside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from signalbox.core.actor import Actor
from signalbox.core.db import Tx
from signalbox.monitoring.rules.trigrams import THRESHOLD, Plan, plan, similarity, trigrams

MOST_MATCHES = 5
# Each costs some 5 µs to fetch and 3 to 12 µs to compare.
MOST_CANDIDATES = 500

_OWN = """
    SELECT a.id, a.organization_id, a.name, a.api_key, a.created_at, o.name AS organization
    FROM accounts.apps a JOIN accounts.organizations o ON o.id = a.organization_id
    WHERE a.is_active AND o.is_active AND (%(all)s OR a.organization_id = ANY(%(organizations)s)) AND (%(app)s::uuid IS NULL OR a.id = %(app)s)"""
_ORGANIZATIONS = """
    SELECT id, name FROM accounts.organizations WHERE is_active AND (%(all)s OR id = ANY(%(organizations)s))"""
_OWNED = "SELECT organization_id FROM accounts.memberships WHERE user_id = %s AND role = 'owner'"
# The most frequent elements that ANALYZE has seen; others are on few rows.
_KEYS = """
    SELECT wanted.trigram, keys.key, coalesce(conferences.share, 0) * %(conferences)s, coalesce(participants.share, 0) * %(participants)s
    FROM unnest(%(organizations)s::uuid[]) AS organization, unnest(%(trigrams)s::text[]) AS wanted (trigram)
    CROSS JOIN LATERAL (SELECT (monitoring.search_keys(organization, ARRAY[wanted.trigram]))[1]) AS keys (key)
    LEFT JOIN ({conferences}) AS conferences ON conferences.key = keys.key
    LEFT JOIN ({participants}) AS participants ON participants.key = keys.key ORDER BY organization"""
_SHARES = """
    SELECT key, share FROM pg_catalog.pg_stats AS s, unnest(s.most_common_elems::text::bigint[], s.most_common_elem_freqs) AS common (key, share)
    WHERE s.schemaname = 'monitoring' AND s.tablename = '{}' AND key IS NOT NULL"""
_KEYS = _KEYS.format(
    conferences=_SHARES.format("conferences_search"),
    participants=_SHARES.format("participants_search"),
)
_SIZES = """
    SELECT greatest(c.reltuples, 0), greatest(p.reltuples, 0) FROM pg_class AS c, pg_class AS p
    WHERE c.oid = 'monitoring.conferences'::regclass AND p.oid = 'monitoring.participants'::regclass"""
_FOUND = """
    SELECT id, {own_id}, {name} FROM monitoring.{table}
    WHERE is_active AND app_id = ANY(%(apps)s) AND ({condition}) LIMIT %(most)s"""
# Where every row matches, the planner would rather work out the keys of rows of the table than look into the index, at 40 µs each.
_BY_KEYS = """
    SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_seqscan', 'enable_indexscan']) AS name"""
_BY_TIME = "SELECT set_config('enable_indexscan', 'on', true)"
_NEWEST = """
    SELECT found.* FROM unnest(%(apps)s) AS app (id) CROSS JOIN LATERAL (
        SELECT id, {own_id}, {name} FROM monitoring.{table} WHERE app_id = app.id AND is_active ORDER BY created_at DESC LIMIT %(most)s) AS found
    LIMIT %(most)s"""
_KEYS_OF = "monitoring.search_keys(organization_id, {own_id}, {name})"
_TABLES = (
    ("conference", "conferences", "conference_id", "conference_name"),
    ("participant", "participants", "participant_id", "participant_name"),
)
_PATHS = {
    "conference": "/conference/",
    "participant": "/participant/",
    "app": "/apps/",
    "organization": "/organization/",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Something found. `id` is the application's own, empty for apps and organizations; `alike` is 0 to 1."""

    key: UUID
    kind: str
    name: str
    id: str
    alike: float

    @property
    def url(self) -> str:
        """Its page in the dashboard."""
        return f"{_PATHS[self.kind]}{self.key}"


@dataclass(frozen=True, slots=True)
class _Keys:
    """By trigram: its keys, one for each tenant, and on how many rows of a table it is, about."""

    of: Mapping[str, list[int]]
    rows: tuple[Mapping[str, float], Mapping[str, float]]


async def search(tx: Tx, actor: Actor, text: str) -> list[Match]:
    """At most five things of the actor whose names are alike `text`, the most alike first."""
    scope = {
        "all": actor.kind == "system",
        "organizations": sorted(actor.organization_ids),
        "app": actor.app_id,
    }
    apps = await _rows(tx, _OWN, scope)
    wanted = trigrams(text)
    found = [*_alike_apps(apps, wanted), *await _by_key(tx, actor, apps, text)]
    for key, name in await _rows(tx, _ORGANIZATIONS, scope):
        found += _match("organization", key, wanted, name=name)
    if wanted and apps:
        found += await _called(tx, apps, wanted)
    return _best(found)


def _best(found: Iterable[Match]) -> list[Match]:
    order = list(_PATHS)
    ranked = sorted(
        found,
        key=lambda match: (-match.alike, order.index(match.kind), match.name, match.id, match.key),
    )
    once = {(match.kind, match.key): match for match in reversed(ranked)}
    return [match for match in ranked if once[match.kind, match.key] is match][:MOST_MATCHES]


async def _rows(tx: Tx, statement: str, values: Any) -> Sequence[tuple[Any, ...]]:
    cursor = await tx.psycopg.execute(statement, values)
    return await cursor.fetchall()


def _match(
    kind: str, key: UUID, wanted: frozenset[str], *, name: str | None, own_id: str = ""
) -> list[Match]:
    alike = max(similarity(wanted, name), similarity(wanted, own_id))
    if alike < THRESHOLD:
        return []
    return [Match(key=key, kind=kind, name=name or own_id, id=own_id, alike=alike)]


def _alike_apps(apps: Iterable[tuple[Any, ...]], wanted: frozenset[str]) -> list[Match]:
    return [match for row in apps for match in _match("app", row[0], wanted, name=row[2])]


async def _by_key(tx: Tx, actor: Actor, apps: Iterable[tuple[Any, ...]], text: str) -> list[Match]:
    """The app whose whole public key was given, for an owner of its organization and for administrators."""
    held = [row for row in apps if row[3] == text]
    if not held or actor.kind == "key":
        return []
    if not (actor.is_admin or actor.kind == "system"):
        owned = {row[0] for row in await _rows(tx, _OWNED, (actor.user_id,))}
        held = [row for row in held if row[1] in owned]
    return [Match(key=row[0], kind="app", name=row[2], id="", alike=1.0) for row in held]


async def _called(tx: Tx, apps: Sequence[tuple[Any, ...]], wanted: frozenset[str]) -> list[Match]:
    """Conferences and participants."""
    keys = await _keys(tx, {row[1] for row in apps}, wanted)
    ids = [row[0] for row in apps]
    found: list[Match] = []
    for (kind, table, own_id, name), rows_with in zip(_TABLES, keys.rows, strict=True):
        names = {"table": table, "own_id": own_id, "name": name}
        where = plan(wanted, rows_with, most_rows=MOST_CANDIDATES)
        matches: list[Match] = []
        for how, statement, values in _statements(where, keys, names):
            if sum(match.alike >= where.complete for match in matches) >= MOST_MATCHES:
                break
            values |= {"apps": ids, "most": MOST_CANDIDATES}
            await tx.psycopg.execute(how)
            for row in await _rows(tx, statement, values):
                matches += _match(kind, row[0], wanted, name=row[2], own_id=row[1])
        found += matches
    return found


def _statements(
    where: Plan, keys: _Keys, names: Mapping[str, str]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What to look at first, and what then if places are left; each with what tells the planner how."""
    own = _KEYS_OF.format(**names)
    if where.some_of:
        some = [key for trigram in where.some_of for key in keys.of[trigram]]
        condition = f"{own} && %(some)s::bigint[]"
        yield _BY_KEYS, _FOUND.format(condition=condition, **names), {"some": some}
    if where.newest:
        yield _BY_TIME, _NEWEST.format(**names), {}
    elif where.all_of:
        tenants = zip(*(keys.of[trigram] for trigram in where.all_of), strict=True)
        values: dict[str, Any] = {f"all{number}": list(each) for number, each in enumerate(tenants)}
        condition = " OR ".join(f"{own} @> %({name})s::bigint[]" for name in values)
        yield _BY_KEYS, _FOUND.format(condition=condition, **names), values


async def _keys(tx: Tx, organizations: Iterable[UUID], wanted: Iterable[str]) -> _Keys:
    ((conferences, participants),) = await _rows(tx, _SIZES, None)
    values = {
        "organizations": sorted(organizations),
        "trigrams": sorted(wanted),
        "conferences": conferences,
        "participants": participants,
    }
    of: dict[str, list[int]] = {}
    rows: tuple[dict[str, float], dict[str, float]] = ({}, {})
    # Tenants come in the same order for every trigram.
    for trigram, key, *estimates in await _rows(tx, _KEYS, values):
        of.setdefault(trigram, []).append(key)
        for known, estimate in zip(rows, estimates, strict=True):
            known[trigram] = known.get(trigram, 0.0) + estimate
    return _Keys(of, rows)
