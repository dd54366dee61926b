"""Why a task would run at an instant or not, and what became of a slot: pure functions over schedule and snapshot.

named      what the schedule says: field by field, and what the clocks of its zone do that night
obstacles  what stands in the way of a slot to come: pauses, a broken import, other runs, a full pool
past       what became of a slot that has passed: by the row that it left, or that there is none
"""

from __future__ import annotations

from arrcli.model.explain.explanation import Cause, Explanation, Past, explain

__all__ = ["Cause", "Explanation", "Past", "explain"]
