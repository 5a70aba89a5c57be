"""Reports for programs: JSON and CSV."""

from __future__ import annotations

import csv
import io
import json

from opsconsole.reporting.document import Document
from opsconsole.reporting.quoting import csv_cell


def json_text(document: Document) -> str:
    """One object: `report` (its kind), `title`, `made_at`, and the data."""
    whole = {"report": document.kind, "title": document.title, "made_at": document.made_at, **document.data}
    return json.dumps(whole, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def csv_text(document: Document) -> str:
    """The records, a line each (RFC 4180), with the names of the columns first."""
    stream = io.StringIO()
    columns = list(document.records[0]) if document.records else []
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([csv_cell(record.get(column)) for column in columns] for record in document.records)
    return stream.getvalue()
