"""Sentences that say the same, and how well vectors find them."""

import pytest

from workloads.embeddings.sentences import PAIRS, sentences_of_pairs, similarity_metrics


def test_every_sentence_is_said_once_and_has_one_other_wording() -> None:
    texts, labels = sentences_of_pairs()
    assert len(set(texts)) == len(texts) == 2 * len(PAIRS)
    assert all(labels.count(each) == 2 for each in labels)


def test_metrics_are_those_of_a_recomputation_by_hand() -> None:
    vectors = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]]
    found = similarity_metrics(vectors, ["0", "0", "1", "1"])
    # The second is nearer to the fourth (0.96) than to the first (0.8), and the fourth to the second.
    assert found["pairs_found"] == 0.5
    assert found["similarity_within"] == pytest.approx((0.8 + 0.8) / 2)
    assert found["similarity_between"] == pytest.approx((0.0 + 0.6 + 0.6 + 0.96) / 4)
