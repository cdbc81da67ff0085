"""Tenants, people, keys and logins as SQLAlchemy sees them; the migration is the authority."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import ARRAY, INET, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Tables of the schema `accounts`."""

    type_annotation_map: ClassVar = {
        datetime: DateTime(timezone=True),
        str: Text(),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
    }


class Organization(Base):
    """A tenant."""

    __tablename__ = "organizations"
    __table_args__ = ({"schema": "accounts"},)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    is_active: Mapped[bool]
    created_at: Mapped[datetime]


class User(Base):
    """Someone who logs in."""

    __tablename__ = "users"
    __table_args__ = ({"schema": "accounts"},)

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    username: Mapped[str | None] = mapped_column(String(255), unique=True)
    display_name: Mapped[str] = mapped_column(String(255))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    must_change_password: Mapped[bool]
    email_verified_at: Mapped[datetime | None]
    role: Mapped[str] = mapped_column(String(20))
    token_epoch: Mapped[int]
    is_active: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]
    facts: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB)


class Membership(Base):
    """A user's role in an organization."""

    __tablename__ = "memberships"
    __table_args__ = ({"schema": "accounts"},)

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("accounts.users.user_id", ondelete="CASCADE"), primary_key=True
    )
    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("accounts.organizations.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str]
    created_at: Mapped[datetime]


class OAuthProvider(Base):
    """A user's account elsewhere; its tokens are encrypted."""

    __tablename__ = "oauth_providers"
    __table_args__ = ({"schema": "accounts"},)

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.users.user_id", ondelete="CASCADE"))
    provider: Mapped[str] = mapped_column(String(50))
    provider_user_id: Mapped[str] = mapped_column(String(255))
    access_token_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    refresh_token_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    token_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class App(Base):
    """A registered application; its `api_key` is public."""

    __tablename__ = "apps"
    __table_args__ = ({"schema": "accounts"},)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.organizations.id"))
    name: Mapped[str]
    api_key: Mapped[str] = mapped_column(Text, unique=True)
    previous_api_key: Mapped[str | None]
    previous_api_key_until: Mapped[datetime | None]
    domain: Mapped[str | None]
    interval_ms: Mapped[int]
    recording: Mapped[bool]
    quota_participant_minutes_monthly: Mapped[int | None] = mapped_column(BigInteger)
    retention_events_days: Mapped[int | None]
    retention_points_days: Mapped[int | None]
    retention_rollups_days: Mapped[int | None]
    retention_days: Mapped[int | None]
    masks: Mapped[list[str] | None]
    quota_playback_reports_daily: Mapped[int | None] = mapped_column(BigInteger)
    playback_rate_limit: Mapped[int | None]
    playback_rate_window_s: Mapped[int | None]
    is_active: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ApiKey(Base):
    """A bearer key for scripts and servers; only its hash is kept."""

    __tablename__ = "api_keys"
    __table_args__ = ({"schema": "accounts"},)

    key_id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("accounts.organizations.id", ondelete="CASCADE")
    )
    app_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.apps.id", ondelete="CASCADE"))
    user_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("accounts.users.user_id", ondelete="CASCADE")
    )
    key_hash: Mapped[str] = mapped_column(String(255), unique=True)
    key_prefix: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(255))
    scopes: Mapped[list[str]]
    is_active: Mapped[bool]
    expires_at: Mapped[datetime | None]
    rotated_from: Mapped[UUID | None] = mapped_column(
        ForeignKey("accounts.api_keys.key_id", ondelete="SET NULL")
    )
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    bucket_id: Mapped[UUID | None]
    rate_limit: Mapped[int | None]
    rate_window_s: Mapped[int | None]
    origins: Mapped[list[str] | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class LoginSession(Base):
    """One browser's login; only the cookie's hash is kept."""

    __tablename__ = "login_sessions"
    __table_args__ = ({"schema": "accounts"},)

    cookie_hash: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.users.user_id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    user_agent: Mapped[str | None]
    ip_address: Mapped[str | None] = mapped_column(INET)


class StoredSetting(Base):
    """A value that the installation as a whole must agree on."""

    __tablename__ = "settings"
    __table_args__ = ({"schema": "accounts"},)

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str]
    updated_at: Mapped[datetime]
