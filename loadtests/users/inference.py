"""User of a served model: both protocols, two batch sizes, every answer compared."""

import itertools
from collections.abc import Iterator
from typing import ClassVar

from loadtests import expectations
from loadtests.expectations import Question
from loadtests.profile import OPERATIONS, UserKind
from loadtests.users.open_loop import OpenLoopUser, WrongAnswerError


class InferenceUser(OpenLoopUser):
    """A client of one model."""

    questions: ClassVar[dict[str, Iterator[Question]]]
    digest: ClassVar[str]
    host_name: ClassVar[str]
    paths: ClassVar[dict[str, str]]

    @classmethod
    def prepare(cls) -> None:
        """Encode every request body once."""
        expected = cls.access.read_expectations()
        name = cls.access.model
        cls.digest = expected.digest
        cls.host_name = cls.access.model_host
        cls.paths = {"v1": f"/v1/models/{name}:predict", "v2": f"/v2/models/{name}/infer"}
        cls.questions = {}
        for operation in OPERATIONS[UserKind.INFERENCE]:
            protocol, _, size = operation.partition("x")
            cls.questions[operation] = itertools.cycle(expectations.questions(expected, protocol, int(size)))

    def perform(self, operation: str) -> None:
        """Send the next request of a kind."""
        question = next(self.questions[operation])
        answer, headers = self.send(
            "POST",
            self.paths[question.protocol],
            host=self.host_name,
            name=operation,
            body=question.body,
        )
        if reason := expectations.find_fault(question, answer, headers.get("x-model-digest"), self.digest):
            raise WrongAnswerError(reason)
