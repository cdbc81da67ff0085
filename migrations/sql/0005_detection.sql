-- Findings of rules: they open, change and close. Issues of single events are over at once.
ALTER TABLE monitoring.issues
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN ended_at timestamptz,
    -- event: raised by what came in; rule: found by looking at the whole conference.
    ADD COLUMN source text NOT NULL DEFAULT 'event' CHECK (source IN ('event', 'rule'));

-- When a conference was last looked at; NULL when it must be, because it has ended or changed since.
ALTER TABLE monitoring.conferences ADD COLUMN diagnosed_at timestamptz;

-- Why a call was bad for somebody (participant_id) or as a whole (NULL). Written anew each time, by the version of the rules.
CREATE TABLE monitoring.diagnoses (
    id uuid PRIMARY KEY,
    app_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    conference_id uuid NOT NULL REFERENCES monitoring.conferences (id) ON DELETE CASCADE,
    participant_id uuid REFERENCES monitoring.participants (id) ON DELETE CASCADE,
    cause text NOT NULL,
    -- Whose network, device and so on; NULL when nobody's alone.
    culprit_id uuid,
    sentence text NOT NULL,
    score smallint CHECK (score BETWEEN 0 AND 100),
    parts jsonb NOT NULL,
    events uuid[] NOT NULL,
    issues uuid[] NOT NULL,
    version smallint NOT NULL,
    computed_at timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (conference_id, participant_id)
);
CREATE INDEX diagnoses_participant ON monitoring.diagnoses (participant_id) WHERE participant_id IS NOT NULL;
