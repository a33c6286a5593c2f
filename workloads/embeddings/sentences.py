"""Sentences that a model of sentence embeddings is judged by: pairs that say the same in other words.

Embedded in the steps that log a model and judge it, so it imports nothing of this repository.
"""

from typing import Any

import numpy as np

PAIRS = (
    ("A man is eating food.", "A man is eating a piece of bread."),
    ("A man is riding a horse.", "Someone rides a white horse across a field."),
    ("The new movie is awesome", "The new movie is so great"),
    ("A woman plays the violin.", "A lady is making music on a violin."),
    ("How do I change my password?", "I forgot my password, how can I set a new one?"),
    ("The parcel has not arrived yet.", "My delivery is late."),
    ("Interest rates were raised by the central bank.", "The central bank made borrowing more expensive."),
    ("It will rain all day tomorrow.", "Tomorrow's forecast is wet from morning to night."),
    ("The flight to Berlin was cancelled.", "No plane leaves for Berlin today after the cancellation."),
    ("She studies the stars with a telescope.", "The astronomer looks at the night sky."),
    ("Cats sleep for most of the day.", "A cat spends many hours asleep."),
    ("The server ran out of memory.", "There was not enough RAM on the machine."),
    ("Our team won the football match.", "We were victorious in the soccer game."),
    ("Add two eggs and stir the flour in.", "Mix the flour with two eggs."),
    ("The patient was given antibiotics.", "Doctors treated the infection with medicine."),
    ("The train station is behind the museum.", "Walk around the museum to reach the railway station."),
)
"""What is said, in two wordings."""


def sentences_of_pairs() -> tuple[list[str], list[str]]:
    """Return every sentence, and for each the number of its pair."""
    numbered = [(text, str(place)) for place, pair in enumerate(PAIRS) for text in pair]
    return [text for text, _ in numbered], [place for _, place in numbered]


def similarity_metrics(vectors: Any, labels: list[str]) -> dict[str, float]:
    """Return how well vectors of length one separate sentences that say the same from all others.

    Args:
        vectors: One row for each sentence.
        labels: Equal for sentences that say the same.

    Returns:
        pairs_found: Share of the sentences whose nearest other one says the same.
        similarity_within: Mean cosine of sentences that say the same.
        similarity_between: Mean cosine of all others.
    """
    rows = np.asarray(vectors, dtype="float64")
    cosines = rows @ rows.T
    other = ~np.eye(len(rows), dtype=bool)
    same = (np.array(labels)[:, None] == np.array(labels)[None, :]) & other
    nearest = np.where(other, cosines, -np.inf).argmax(axis=1)
    return {
        "pairs_found": float(same[np.arange(len(rows)), nearest].mean()),
        "similarity_within": float(cosines[same].mean()),
        "similarity_between": float(cosines[other & ~same].mean()),
    }
