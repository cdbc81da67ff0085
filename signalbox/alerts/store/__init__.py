"""Every statement of alerts that changes rows."""

from __future__ import annotations

from signalbox.alerts.store.evaluated import (
    NewAlert,
    StateRow,
    advance,
    claim,
    clear_alert,
    delete_state,
    detach,
    insert_alert,
    insert_evaluation,
    nest,
    record_delivery,
    save_state,
    told,
)
from signalbox.alerts.store.written import (
    acknowledge,
    delete_channel,
    delete_rule,
    forget,
    insert_channel,
    insert_rule,
    update_channel,
    update_rule,
)

__all__ = [
    "NewAlert",
    "StateRow",
    "acknowledge",
    "advance",
    "claim",
    "clear_alert",
    "delete_channel",
    "delete_rule",
    "delete_state",
    "detach",
    "forget",
    "insert_alert",
    "insert_channel",
    "insert_evaluation",
    "insert_rule",
    "nest",
    "record_delivery",
    "save_state",
    "told",
    "update_channel",
    "update_rule",
]
