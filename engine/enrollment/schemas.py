"""What comes from outside about enrollments: the answers of somebody who applies."""

from typing import Annotated

from pydantic import Field, StringConstraints

from engine.programs.schemas import Input

Question = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Answer = Annotated[str, StringConstraints(max_length=5_000)]


class ApplicationDraft(Input):
    """The answers to the brand's questions, by question; none where the brand asks nothing."""

    answers: dict[Question, Answer] = Field(default_factory=dict, max_length=50)
