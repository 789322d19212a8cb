"""Sheets to look at: labelled pictures at one glance, and readings with what was misread."""

from __future__ import annotations

from clipstr.sheets.contact import contact_sheet
from clipstr.sheets.readings import SampleReading, readings_sheet

__all__ = ["SampleReading", "contact_sheet", "readings_sheet"]
