"""Answer and score the episodes of one-shot data sets: an object is shown, and asked for elsewhere.

What lies in OUTPUT afterwards::

    results.json                     figures of means, folds and classes, and what made them
    report.html                      the same for a person, and the worst episodes as pictures
    episodes.jsonl                   the episodes, which ``episodes=`` takes for another run
    finished.jsonl                   settings, and pixels and seconds of each finished episode
    predictions/fold0/00000.png      a mask for each episode (OBJECT/01.png for PerSeg)
    .lock                            empty; keeps a second run out

A line of ``episodes.jsonl``::

    {"fold": 0, "number": 7, "class_id": 12, "class": "dog", "name": "fold0/00007",
     "query": [IMAGE, INSTANCE or null], "supports": [[IMAGE, INSTANCE or null], ...],
     "boxes_xyxy": [[x0, y0, x1, y1], ...] of query and supports, or null}

Of these, ``class``, ``name`` and ``boxes_xyxy`` are for people; they are not read.
"""

from .results import OneShotScore, table_rows
from .run import OneShotEvents, evaluate_one_shot, photo_segmenter, stored_masks

__all__ = [
    "OneShotEvents",
    "OneShotScore",
    "evaluate_one_shot",
    "photo_segmenter",
    "stored_masks",
    "table_rows",
]
