"""Why conferences were bad, as it was worked out when they were last looked at."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping as Row
from sqlalchemy import select

from signalbox.core.actor import Actor
from signalbox.core.db import Tx
from signalbox.monitoring.queries.scope import own_apps
from signalbox.monitoring.tables import Conference, ConferenceParticipant, Diagnosis, Participant


async def diagnoses(tx: Tx, actor: Actor, conference: UUID) -> Sequence[Row]:
    """That of the conference (participant None) first, then its participants' by name; empty when it was not yet looked at."""
    return await tx.rows(
        select(
            Diagnosis.conference_id.label("conference"),
            Diagnosis.participant_id.label("participant"),
            Participant.participant_name,
            Diagnosis.cause,
            Diagnosis.culprit_id.label("culprit"),
            Diagnosis.sentence,
            Diagnosis.score,
            Diagnosis.parts,
            Diagnosis.events,
            Diagnosis.issues,
            Diagnosis.version,
            Diagnosis.computed_at,
        )
        .select_from(Diagnosis)
        .join(Conference, Conference.id == Diagnosis.conference_id)
        .outerjoin(Participant, Participant.id == Diagnosis.participant_id)
        .where(
            Diagnosis.conference_id == conference,
            Diagnosis.app_id.in_(own_apps(actor)),
            Conference.is_active,
        )
        .order_by(
            Diagnosis.participant_id.is_not(None),
            Participant.participant_name,
            Diagnosis.participant_id,
        )
    )


async def names(tx: Tx, actor: Actor, conference: UUID) -> dict[str, str]:
    """How the participants of a conference are called, by id: their name, else the application's id of them."""
    rows = await tx.rows(
        select(Participant.id, Participant.participant_name, Participant.participant_id)
        .join(ConferenceParticipant, ConferenceParticipant.participant_id == Participant.id)
        .where(
            ConferenceParticipant.conference_id == conference,
            Participant.app_id.in_(own_apps(actor)),
            Participant.is_active,
        )
    )
    return {str(row["id"]): row["participant_name"] or row["participant_id"] for row in rows}
