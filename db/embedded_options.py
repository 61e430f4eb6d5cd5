"""What the users of the embedded PostgreSQL and its holder agree on."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from db.embedded_binaries import Source

HOLDER_LOCK = "holder.lock"  # held by the holder for its life; its pid is inside
START_LOCK = "start.lock"  # held while a user starts or joins
USERS_LOCK = "users.lock"  # shared by all users; alone, the holder ends
LOG = "postgres.log"


@dataclass(frozen=True)
class Options:
    """What a test may want to be different."""

    settings: Mapping[str, str] = field(default_factory=dict)  # of the server
    source: Source = "any"  # of the programs
    namespaces: bool = True

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Options":
        return cls(**json.loads(text))
