"""Training a recogniser, with or without a teacher."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clipstr.data import LabelRule, LmdbDataset
from clipstr.distil import Pair, PairSizes, SymmetricalDistillation, pairs_of
from clipstr.evaluation import Evaluation, evaluate_set
from clipstr.imaging import Preprocessing
from clipstr.student import Recogniser, StudentConfig
from clipstr.student.storage import save_recogniser
from clipstr.teacher import Guidance, Teacher, TeacherSizes
from clipstr.training.objective import Batch, Learner, make_batch
from clipstr.training.prompted import PromptedClip, save_trained
from clipstr.training.recipe import Recipe
from clipstr.training.stream import validation_sets
from clipstr.training.task import SampleFormat
from clipstr.training.validation import StudentReader

__all__ = ["Recognition", "pair_sizes"]


class Recognition:
    """The `Task` of a `Recipe`: word accuracy judges it, a model folder is its file."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.format = SampleFormat(
            charset=recipe.student.charset,
            max_length=recipe.student.max_length,
            preprocessing=Preprocessing(height=recipe.student.image_height, width=recipe.student.image_width),
        )
        self.sets: list[LmdbDataset] = validation_sets(recipe.data)
        self.teacher: Teacher | None = None
        encoder, distillation = None, None
        if recipe.teacher.weights:
            self.teacher = Teacher(recipe.teacher, self.format.preprocessing)
            if recipe.encoder == "clip":
                encoder = PromptedClip(self.teacher, prompts=recipe.prompts, width=recipe.student.width)
            else:
                self._check_alphabet(self.teacher)
                sizes = partial(pair_sizes, recipe.student, self.teacher.sizes)
                distillation = SymmetricalDistillation(recipe.distillation, sizes)
                self._wanted = distillation.wanted
        self.student = Recogniser(recipe.student, encoder)
        if recipe.run.compile:
            self.student.compile()
        self.learner = Learner(
            self.student,
            ctc_weight=recipe.optimisation.ctc_weight,
            label_smoothing=recipe.optimisation.label_smoothing,
            distillation=distillation,
        )

    def _check_alphabet(self, teacher: Teacher) -> None:
        """Raises `TeacherError` now for what would fail at some later label: characters and length."""
        if any(pair.teacher.startswith("text") for pair in pairs_of(self.recipe.distillation)):
            characters = self.format.charset.characters
            for character in characters:
                teacher.tokens.ids(character)
            if teacher.config.tokens == "characters":
                teacher.tokens.ids(characters[0] * self.format.max_length)

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Moves the teacher, which the learner does not hold."""
        if self.teacher is not None:
            self.teacher.to(device, dtype)

    def inputs(self, images: Tensor, texts: list[str]) -> tuple[Batch] | tuple[Batch, Guidance]:
        """The batch, and what the teacher says of it if there is one."""
        batch = make_batch(images, texts, self.format.charset)
        if self.teacher is None or self.recipe.encoder == "clip":
            return (batch,)
        padding = self.recipe.distillation.padding == "include"
        return batch, self.teacher.guide(images, texts, self._wanted, padding=padding)

    def validate(self) -> dict[str, float]:
        """Word accuracy by set, 0 to 1, and their sample-weighted mean."""
        if not self.sets:
            return {}
        reader = StudentReader(self.student, self.format.preprocessing, name=self.recipe.name)
        rule = LabelRule(self.format.charset, self.format.max_length)
        results = [
            evaluate_set(reader, s.path.name, s, rule, batch_size=reader.batch_size) for s in self.sets
        ]
        mean = Evaluation(model=reader.name, rule=rule, sets=tuple(results)).weighted.accuracy
        return {result.name: result.means.accuracy for result in results} | {"mean": mean}

    def save(self, folder: Path, source: dict[str, Any]) -> None:
        """The recogniser alone: nothing that only training needs, and never CLIP."""
        if self.recipe.encoder == "clip":
            save_trained(self.student, folder, source=source)
            return
        save_recogniser(self.student, folder, name=self.recipe.name, source=source)


def pair_sizes(student: StudentConfig, teacher: TeacherSizes, pair: Pair) -> PairSizes:
    """The shapes that meet in ``pair``."""
    if pair.module == "global":
        return PairSizes(student_width=student.width, teacher_width=teacher.embedding)
    if pair.textual:
        return PairSizes(student_width=student.width, teacher_width=teacher.text_width)
    rows, columns = student.grid
    stage = teacher.image[int(pair.teacher.split()[1])]
    return PairSizes(
        student_width=student.width,
        teacher_width=stage.width,
        student_tokens=1 + rows * columns,
        teacher_tokens=stage.tokens,
    )
