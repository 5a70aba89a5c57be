"""Alerts: who is told of anomalies and of runs that ended badly, once, and when it is over.

`rules` says who is told of what, `grouping` what becomes of an alert, `dispatch` what goes out next, `sender` delivers,
`messages` says it, `notifiers` are the ways. Everything that must survive is in the database.
"""

from opsconsole.monitoring.alerts.alerts import Alerts

__all__ = ["Alerts"]
