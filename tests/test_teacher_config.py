"""What may be said of a teacher."""

from __future__ import annotations

import pytest

from clipstr.errors import InputError
from clipstr.teacher import TeacherConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"positions": "stretch"}, "TeacherConfig.positions is 'stretch'; it must be cut or interpolate"),
        ({"tokens": "bytes"}, "TeacherConfig.tokens"),
        ({"case": "upper"}, "TeacherConfig.case"),
        ({"tokens": "words", "case": "keep"}, "CLIP's words have one case"),
        ({"cache_mib": -1}, "TeacherConfig.cache_mib is -1"),
        (
            {"image_stages": (3, 2, 1)},
            r"TeacherConfig: image_stages is \[3, 2, 1\]; it must be 3 rising layer numbers",
        ),
        ({"text_stages": (3,)}, "TeacherConfig: text_stages"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TeacherConfig(**settings)  # type: ignore[arg-type]
