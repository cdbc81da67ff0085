"""The tables of schema `monitoring`. The migrations are the authority; these mirror them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    REAL,
    BigInteger,
    Computed,
    Date,
    Double,
    ForeignKey,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

Instant = TIMESTAMP(timezone=True)


class OneByte(UserDefinedType[str]):
    """PostgreSQL's internal one-byte `"char"`."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The name in DDL; the quotes tell it from char(1)."""
        return '"char"'


class Base(DeclarativeBase):
    """Common to all tables of this context."""

    metadata = MetaData(schema="monitoring")
    type_annotation_map = {str: Text(), datetime: Instant}  # noqa: RUF012 - SQLAlchemy reads it so


def _made(kind: Any = Text) -> Any:
    """A column that the database works out; its formula stands in the migration."""
    return mapped_column(kind, Computed(""), nullable=True)


class Owned(Base):
    """A thing of one app, with an id, that can be hidden."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    app_id: Mapped[UUID]
    organization_id: Mapped[UUID]
    created_at: Mapped[datetime]
    is_active: Mapped[bool] = mapped_column(server_default="true")


class Conference(Owned):
    """A call that is observed."""

    __tablename__ = "conferences"
    __table_args__ = (UniqueConstraint("app_id", "conference_id"),)

    app_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("accounts.apps.id"))
    conference_id: Mapped[str]
    conference_name: Mapped[str | None]
    conference_info: Mapped[Any] = mapped_column(JSONB, nullable=False, server_default="{}")
    start_time: Mapped[datetime | None]
    call_start: Mapped[datetime | None]
    end_time: Mapped[datetime | None]
    ongoing: Mapped[bool] = mapped_column(server_default="false")
    duration: Mapped[int] = mapped_column(server_default="0")
    last_seen_at: Mapped[datetime]
    judged_at: Mapped[datetime | None]
    diagnosed_at: Mapped[datetime | None]
    timeline: Mapped[Any] = mapped_column(JSONB, nullable=True)


class Participant(Owned):
    """A person, or an SFU, as the customer's application names it."""

    __tablename__ = "participants"
    __table_args__ = (UniqueConstraint("app_id", "participant_id"),)

    app_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("accounts.apps.id"))
    participant_id: Mapped[str]
    participant_name: Mapped[str | None]
    is_sfu: Mapped[bool] = mapped_column(server_default="false")
    erased_at: Mapped[datetime | None]


class ConferenceParticipant(Base):
    """Who is linked to which conference, and with how many sessions."""

    __tablename__ = "conference_participants"

    conference_id: Mapped[UUID] = mapped_column(
        ForeignKey(Conference.id, ondelete="CASCADE"), primary_key=True
    )
    participant_id: Mapped[UUID] = mapped_column(
        ForeignKey(Participant.id, ondelete="CASCADE"), primary_key=True
    )
    sessions: Mapped[int] = mapped_column(server_default="0")


class Session(Owned):
    """One participant's stay in one conference."""

    __tablename__ = "sessions"

    conference_id: Mapped[UUID] = mapped_column(ForeignKey(Conference.id))
    participant_id: Mapped[UUID] = mapped_column(ForeignKey(Participant.id))
    end_time: Mapped[datetime | None]
    duration: Mapped[int] = mapped_column(server_default="0")
    call_start: Mapped[datetime | None]
    constraints: Mapped[Any] = mapped_column(JSONB, nullable=True)
    devices: Mapped[Any] = mapped_column(JSONB, nullable=True)
    platform: Mapped[Any] = mapped_column(JSONB, nullable=True)
    # `metadata` is taken by SQLAlchemy on a declarative class.
    meta: Mapped[Any] = mapped_column("metadata", JSONB, nullable=True)
    geo_ip: Mapped[Any] = mapped_column(JSONB, nullable=True)
    session_info: Mapped[Any] = mapped_column(JSONB, nullable=False, server_default="{}")
    app_version: Mapped[str | None]
    webrtc_sdk: Mapped[str | None]
    last_seen_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    # Made by the database from `platform` and `geo_ip`.
    browser: Mapped[str | None] = _made()
    os: Mapped[str | None] = _made()
    country: Mapped[str | None] = _made()
    city: Mapped[str | None] = _made()
    latitude: Mapped[float | None] = _made(Double)
    longitude: Mapped[float | None] = _made(Double)


class SessionLife(Base):
    """The facts that the state of a session is folded from."""

    __tablename__ = "session_lives"

    session_id: Mapped[UUID] = mapped_column(
        ForeignKey(Session.id, ondelete="CASCADE"), primary_key=True
    )
    facts: Mapped[Any] = mapped_column(JSONB, nullable=False, server_default="[]")
    recent: Mapped[bytes] = mapped_column(LargeBinary, server_default="")
    counted: Mapped[Any] = mapped_column(JSONB, nullable=False, server_default="{}")
    timeline: Mapped[Any] = mapped_column(JSONB, nullable=True)


class Connection(Owned):
    """One RTCPeerConnection, as seen from one end."""

    __tablename__ = "connections"

    session_id: Mapped[UUID] = mapped_column(ForeignKey(Session.id))
    conference_id: Mapped[UUID] = mapped_column(ForeignKey(Conference.id))
    participant_id: Mapped[UUID]
    peer_id: Mapped[UUID]
    type: Mapped[str | None]
    state: Mapped[str] = mapped_column(server_default="new")
    state_changed_at: Mapped[datetime | None]
    connection_info: Mapped[Any] = mapped_column(JSONB, nullable=False)
    start_time: Mapped[datetime]
    end_time: Mapped[datetime | None]
    duration: Mapped[int | None]
    stats_seen: Mapped[bytes] = mapped_column(LargeBinary, server_default="")
    type_at: Mapped[datetime | None]
    established: Mapped[bool] = mapped_column(server_default="false")
    last_seen_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    # Made by the database from `connection_info`.
    setup_ms: Mapped[float | None] = _made(Double)


class ConnectionLife(Base):
    """The facts that the state of a connection is folded from."""

    __tablename__ = "connection_lives"

    connection_id: Mapped[UUID] = mapped_column(
        ForeignKey(Connection.id, ondelete="CASCADE"), primary_key=True
    )
    initial_state: Mapped[str] = mapped_column(server_default="new")
    facts: Mapped[Any] = mapped_column(JSONB, nullable=False, server_default="[]")
    recent: Mapped[bytes] = mapped_column(LargeBinary, server_default="")
    rejoined: Mapped[bool] = mapped_column(server_default="false")


class Track(Owned):
    """One audio or video flow in one direction."""

    __tablename__ = "tracks"
    __table_args__ = (UniqueConstraint("session_id", "track_id", "direction"),)

    session_id: Mapped[UUID] = mapped_column(ForeignKey(Session.id))
    conference_id: Mapped[UUID]
    participant_id: Mapped[UUID]
    connection_id: Mapped[UUID | None]
    track_id: Mapped[str]
    kind: Mapped[str | None]
    direction: Mapped[str]
    label: Mapped[str | None]
    track_info: Mapped[Any] = mapped_column(JSONB, nullable=False, server_default="{}")
    info_at: Mapped[Any] = mapped_column(JSONB, nullable=False, server_default="{}")


class Issue(Owned):
    """A finding about a session, a connection or a conference."""

    __tablename__ = "issues"

    session_id: Mapped[UUID | None]
    conference_id: Mapped[UUID | None]
    participant_id: Mapped[UUID | None]
    connection_id: Mapped[UUID | None]
    track_id: Mapped[UUID | None]
    type: Mapped[str]
    code: Mapped[str]
    data: Mapped[Any] = mapped_column(JSONB, nullable=True)
    count: Mapped[int] = mapped_column(server_default="1")
    events: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    updated_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    source: Mapped[str] = mapped_column(server_default="event")


class Diagnosis(Base):
    """Why a conference was bad, for one participant or (participant_id None) as a whole."""

    __tablename__ = "diagnoses"
    __table_args__ = (UniqueConstraint("conference_id", "participant_id"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    app_id: Mapped[UUID]
    organization_id: Mapped[UUID]
    conference_id: Mapped[UUID] = mapped_column(ForeignKey(Conference.id, ondelete="CASCADE"))
    participant_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Participant.id, ondelete="CASCADE")
    )
    cause: Mapped[str]
    culprit_id: Mapped[UUID | None]
    sentence: Mapped[str]
    score: Mapped[int | None] = mapped_column(SmallInteger)
    parts: Mapped[Any] = mapped_column(JSONB, nullable=False)
    events: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    issues: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    version: Mapped[int] = mapped_column(SmallInteger)
    computed_at: Mapped[datetime]


class Event(Base):
    """Something that was reported. Daily partitions by `received_at`; `data` is packed JSON."""

    __tablename__ = "events"
    __table_args__ = ({"postgresql_partition_by": "RANGE (received_at)"},)

    # The table has no primary key: its writer never repeats an id. The mapper needs one.
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    app_id: Mapped[UUID]
    conference_id: Mapped[UUID]
    participant_id: Mapped[UUID]
    session_id: Mapped[UUID]
    peer_id: Mapped[UUID | None]
    connection_id: Mapped[UUID | None]
    track_id: Mapped[UUID | None]
    type: Mapped[str]
    category: Mapped[str] = mapped_column(OneByte)
    created_at: Mapped[datetime]
    received_at: Mapped[datetime]
    data: Mapped[bytes | None] = mapped_column(LargeBinary)


class Sample(Base):
    """One stats post: the report as sent, packed, and its figures, one array element per RTP report."""

    __tablename__ = "samples"
    __table_args__ = ({"postgresql_partition_by": "RANGE (received_at)"},)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    app_id: Mapped[UUID]
    conference_id: Mapped[UUID]
    participant_id: Mapped[UUID]
    session_id: Mapped[UUID]
    peer_id: Mapped[UUID]
    connection_id: Mapped[UUID]
    created_at: Mapped[datetime]
    received_at: Mapped[datetime]
    time_taken_ms: Mapped[float | None] = mapped_column(REAL)
    thinned: Mapped[bool] = mapped_column(server_default="false")
    emos_version: Mapped[int | None] = mapped_column(SmallInteger)
    rtt_ms: Mapped[float | None] = mapped_column(REAL)
    available_bps: Mapped[float | None] = mapped_column(REAL)
    flows: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    tracks: Mapped[list[UUID | None]] = mapped_column(ARRAY(Uuid))
    # Named so that the annotation of `report` still means the type.
    byte_counts: Mapped[list[int | None]] = mapped_column("bytes", ARRAY(BigInteger))
    packets: Mapped[list[int | None]] = mapped_column(ARRAY(BigInteger))
    lost: Mapped[list[int | None]] = mapped_column(ARRAY(BigInteger))
    jitter_ms: Mapped[list[float | None]] = mapped_column(ARRAY(REAL))
    emos: Mapped[list[float | None]] = mapped_column(ARRAY(REAL))
    report: Mapped[bytes | None] = mapped_column(LargeBinary)


class AppUsage(Base):
    """Participant seconds of an app that ended on a UTC day."""

    __tablename__ = "app_usage"

    app_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    seconds: Mapped[int] = mapped_column(BigInteger, server_default="0")


class Retention(Base):
    """Up to which day the rows of an app were deleted from a partitioned table."""

    __tablename__ = "retention"

    app_id: Mapped[UUID] = mapped_column(primary_key=True)
    table_name: Mapped[str] = mapped_column(Text, primary_key=True)
    through: Mapped[date] = mapped_column(Date)


class Erasure(Base):
    """A participant whose personal data is, or was, taken out."""

    __tablename__ = "erasures"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    app_id: Mapped[UUID]
    organization_id: Mapped[UUID]
    participant_id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    requested_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    words: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class AppVolume(Base):
    """What is stored of an app, by the UTC day on which it arrived."""

    __tablename__ = "app_volumes"

    app_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    events: Mapped[int] = mapped_column(BigInteger, server_default="0")
    samples: Mapped[int] = mapped_column(BigInteger, server_default="0")
    byte_count: Mapped[int] = mapped_column("bytes", BigInteger, server_default="0")
    counted_at: Mapped[datetime]


class Import(Base):
    """A file that was imported into a conference, known by its content."""

    __tablename__ = "imports"
    __table_args__ = (UniqueConstraint("app_id", "digest", "conference_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    app_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("accounts.apps.id"))
    organization_id: Mapped[UUID]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    format: Mapped[str]
    conference_id: Mapped[UUID]
    created_at: Mapped[datetime]
    summary: Mapped[Any] = mapped_column(JSONB, nullable=False, server_default="{}")


class OverviewDay(Base):
    """The figures of a whole UTC day of an app, as charts add them up."""

    __tablename__ = "overview_days"

    app_id: Mapped[UUID] = mapped_column(
        Uuid, ForeignKey("accounts.apps.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    version: Mapped[int] = mapped_column(SmallInteger)
    figures: Mapped[Any] = mapped_column(JSONB, nullable=False)


class OverviewColumn(Base):
    """A property of all rows of a family of a UTC day of an app, packed; the one without a name tells which keys of metadata there are."""

    __tablename__ = "overview_columns"

    app_id: Mapped[UUID] = mapped_column(
        Uuid, ForeignKey("accounts.apps.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(SmallInteger)
    packed: Mapped[bytes] = mapped_column(LargeBinary)


class OverviewChange(Base):
    """A mark: this day's figures do not count."""

    __tablename__ = "overview_changes"

    # The table has no primary key; the mapper needs one.
    app_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)


class TrackMinute(Base):
    """What was seen of one flow in one minute. Daily partitions by `minute`."""

    __tablename__ = "track_minutes"
    __table_args__ = ({"postgresql_partition_by": "RANGE (minute)"},)

    connection_id: Mapped[UUID] = mapped_column(primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    flow: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    app_id: Mapped[UUID]
    conference_id: Mapped[UUID]
    participant_id: Mapped[UUID]
    session_id: Mapped[UUID]
    peer_id: Mapped[UUID]
    track_id: Mapped[UUID | None]
    relayed: Mapped[bool | None]
    network_type: Mapped[str | None]
    seconds: Mapped[float] = mapped_column(Double)
    totals: Mapped[list[float | None]] = mapped_column(ARRAY(Double))
    weights: Mapped[list[float | None]] = mapped_column(ARRAY(Double))


class FigureRollup(Base):
    """Sums and sketches of an hour or a day of an app, by one property of sessions."""

    __tablename__ = "figure_rollups"

    app_id: Mapped[UUID] = mapped_column(
        Uuid, ForeignKey("accounts.apps.id", ondelete="CASCADE"), primary_key=True
    )
    dimension: Mapped[str] = mapped_column(Text, primary_key=True)
    span: Mapped[str] = mapped_column(Text, primary_key=True)
    starts: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(Text, primary_key=True)
    flow: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    version: Mapped[int] = mapped_column(SmallInteger)
    sessions: Mapped[int]
    sketches: Mapped[bytes] = mapped_column(LargeBinary)


class FigureChange(Base):
    """A mark: this hour's rollups do not count."""

    __tablename__ = "figure_changes"

    # The table has no primary key; the mapper needs one.
    app_id: Mapped[UUID] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)


class FigureProgress(Base):
    """Up to when stored reports were looked at."""

    __tablename__ = "figure_progress"

    step: Mapped[str] = mapped_column(Text, primary_key=True)
    received_through: Mapped[datetime]
