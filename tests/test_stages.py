"""`clipstr.stages`: a stage knows its side and number, and is called by its name."""

from __future__ import annotations

import copy
import pickle

from clipstr.stages import Stage


def test_a_stage_has_its_side_its_number_and_its_name() -> None:
    stage = Stage("decoder", 3)
    assert (stage.side, stage.number, str(stage)) == ("decoder", 3, "decoder 3")
    assert {stage: 1}["decoder 3"] == 1
    assert Stage("decoder", 3) == stage != Stage("text", 3)


def test_a_stage_is_itself_after_a_copy_and_a_pickle() -> None:
    stage = Stage("image", 4)
    for again in (copy.deepcopy(stage), pickle.loads(pickle.dumps(stage))):
        assert (again, again.side, again.number) == (stage, "image", 4)
