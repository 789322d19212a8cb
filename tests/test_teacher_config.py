"""What may be said of a teacher."""

from __future__ import annotations

import pytest

from clipstr.errors import InputError
from clipstr.teacher import TeacherConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"positions": "stretch"}, "teacher.positions is 'stretch'; it can be cut or interpolate"),
        ({"tokens": "bytes"}, "teacher.tokens"),
        ({"case": "upper"}, "teacher.case"),
        ({"tokens": "words", "case": "keep"}, "CLIP's words have one case"),
        ({"cache_mib": -1}, "teacher.cache_mib is -1"),
        (
            {"image_stages": (3, 2, 1)},
            r"teacher.image_stages is \[3, 2, 1\]; it must be 3 rising layer numbers",
        ),
        ({"text_stages": (3,)}, "teacher.text_stages"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TeacherConfig(**settings)  # type: ignore[arg-type]
