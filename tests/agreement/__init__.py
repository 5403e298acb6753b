"""Check that all sources tell the same about contacts.

`of_store` is the measure. Each other module reads one projection, by its documentation alone, and shares no code with
the writer of that projection.
"""

from __future__ import annotations

from tests.agreement.mqtt import of_mqtt
from tests.agreement.past import never_falls, of_the_past
from tests.agreement.queue_log import of_queue_log
from tests.agreement.reports import of_export, of_report, of_report_csv
from tests.agreement.scrape import of_metrics
from tests.agreement.store import of_store
from tests.agreement.told import Told, agree, differences

__all__ = ["Told", "agree", "differences", "never_falls", "of_export", "of_metrics", "of_mqtt", "of_queue_log",
           "of_report", "of_report_csv", "of_store", "of_the_past"]
