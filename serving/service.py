"""What the contracts and the page stand on: ask the model, within limits, and note who answered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request

from serving.capture import Capture
from serving.champion import Follower, Served
from serving.labelled_file import LabelledFile
from serving.metrics import Metrics
from serving.problems import Problem, frames_alone, refused
from serving.room import Room
from serving.scorer import Answer, Question, Scorer
from serving.settings import ServingSettings
from serving.shadow import Second, Shadow

# What JSON can say and UTF-8 can't hold.
_SURROGATE = re.compile("[\ud800-\udfff]")
TITLE = "Triage"


@dataclass
class Service:
    """All that a server has; made once, by `run`.

    Attributes:
        draining: it is about to end, and wants no more requests.
        aborting: it ends now; what is still at work gives up.
    """

    settings: ServingSettings
    follower: Follower
    scorer: Scorer
    metrics: Metrics
    labelled: LabelledFile
    capture: Capture
    room: Room
    shadow: Shadow | None = None
    draining: bool = False
    aborting: bool = False

    @property
    def name(self) -> str:
        """The registered model's."""
        return self.settings.model_name

    @property
    def reaches_registry(self) -> bool:
        """Whether the registry answers, as far as the last looks tell."""
        return self.follower.reaches_registry(self.settings.serve_poll)

    def find(self, which: str) -> Served:
        """The version that an alias or number names.

        Raises:
            Problem: 404, it is not loaded.
        """
        return self.follower.lineup.find(which)

    def require_name(self, name: str) -> None:
        """Raise Problem (404) unless this is the model's name."""
        if name != self.name:
            raise Problem(HTTPStatus.NOT_FOUND, "No model of this name is served here.")

    async def ask(
        self, request: Request, texts: Sequence[str], model: str = "champion", explain: bool = False
    ) -> Answer:
        """What a version says of the messages of a request.

        Raises:
            Problem: 422, too many or too long; 429, too many wait; 404, no such version.
        """
        question = Question(self.checked(texts), model, explain, request.state.request_id)
        answer = await self.scorer.ask(question)
        request.state.messages = len(texts)
        request.state.model_version = answer.served.number
        return answer

    async def compare(self, texts: Sequence[str], model: str, explain: bool) -> Answer:
        """What another version says of messages that are asked already; it counts nowhere.

        Raises:
            Problem: as `ask`.
        """
        return await self.scorer.ask(Question(self.checked(texts), model, explain))

    def checked(self, texts: Sequence[str]) -> Sequence[str]:
        """The messages of a request, if they are within the limits; U+FFFD for what is no text.

        Raises:
            Problem: 422.
        """
        most, longest = self.settings.serve_messages, self.settings.serve_characters
        if len(texts) > most:
            raise refused(
                f"The request has {len(texts):,} messages, more than the {most:,} that one may "
                "have: send several, or a file to /api/batch."
            )
        for at, text in enumerate(texts):
            if len(text) > longest:
                raise refused(
                    f"Message {at + 1} has {len(text):,} characters, more than the {longest:,} "
                    "that one may have."
                )
        if all(text.isascii() for text in texts):
            return texts
        return [_SURROGATE.sub("\ufffd", text) for text in texts]

    def headers(self, served: Served) -> dict[str, str]:
        """Which version has answered, as headers."""
        return {"X-Model-Name": self.name, "X-Model-Version": str(served.number)}

    def watch(self, messages: int, answered: Sequence[tuple[Question, Answer]]) -> None:
        """Count a batch whose answers are out, compare it, and keep it as far as that is wanted."""
        self.metrics.batch(messages, answered)
        seconds: Sequence[Second | None] = [None] * len(answered)
        if self.shadow:
            with frames_alone("The shadow's version"):
                seconds = self.shadow.ask(answered)
        self.capture.keep(
            [
                (question, answer, second)
                for (question, answer), second in zip(answered, seconds, strict=True)
            ]
        )
