"""Training a recogniser, with or without a teacher."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clipstr.data import LabelRule, Source
from clipstr.distil import Pair, PairSizes, SymmetricalDistillation, pairs_of
from clipstr.evaluation import Evaluation, WordResult, evaluate_set
from clipstr.form import Preprocessing
from clipstr.imaging import load_image
from clipstr.models import find_model
from clipstr.student import Recogniser, StudentConfig
from clipstr.student.adaptation import adapt
from clipstr.student.encoder import Encoder
from clipstr.student.storage import load_recogniser, save_recogniser
from clipstr.teacher import Guidance, Teacher, TeacherSizes
from clipstr.training.observer import SampleReading, Validation
from clipstr.training.recipe import Recipe
from clipstr.training.samples.validation import validation_sets
from clipstr.training.tasks.objective import Batch, Learner, make_batch
from clipstr.training.tasks.prompted import prompted_recogniser, save_trained
from clipstr.training.tasks.soft_labels import new_labeller
from clipstr.training.tasks.task import compile_blocks
from clipstr.training.tasks.validation import reading_with

__all__ = ["Recognition", "pair_sizes"]

_SHOWN = 24
"""Readings that are shown of a validation."""


class Recognition:
    """The `Task` of a `Recipe`: word accuracy judges it, a model folder is its file."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.form = recipe.student.form
        self._rule = LabelRule(self.form.charset, self.form.max_length)
        judges = validation_sets(recipe.data, self._rule)
        self.sets, self.notes = judges.sets, judges.notes
        self.teacher: Teacher | None = None
        distillation = None
        if recipe.teacher.weights:
            self.teacher = Teacher(recipe.teacher, self.form.preprocessing)
            if recipe.encoder == "student":
                self._check_alphabet(self.teacher)
                sizes = partial(pair_sizes, recipe.student, self.teacher.sizes)
                distillation = SymmetricalDistillation(recipe.distillation, sizes)
                self._wanted = distillation.wanted
        if recipe.start.model:
            learned, _ = load_recogniser(find_model(recipe.start.model))
            adaptation = adapt(learned.train(), recipe.student)
            self.student, self.notes = adaptation.model, [*adaptation.notes(), *self.notes]
        elif self.teacher is not None and recipe.encoder == "clip":
            self.student = prompted_recogniser(recipe, self.teacher)
        else:
            self.student = Recogniser(recipe.student)
        self.model = self.student
        if recipe.run.compile:
            encoder = self.student.encoder
            if isinstance(encoder, Encoder):
                compile_blocks(encoder.blocks)
            elif self.teacher is not None:
                compile_blocks(self.teacher.clip.visual.transformer.resblocks)
        self.learner = Learner(
            self.student,
            ctc_weight=recipe.optimisation.ctc_weight,
            label_smoothing=recipe.optimisation.label_smoothing,
            distillation=distillation,
            soft_labels=recipe.soft_labels,
        )
        # Last, so that first weights are the same without it.
        self.labeller = new_labeller(recipe.soft_labels, self.form)
        if self.labeller is not None:
            self.notes = [*self.labeller.notes, *self.notes]
            if recipe.run.compile:
                compile_blocks(self.labeller.blocks)

    def _check_alphabet(self, teacher: Teacher) -> None:
        """Raises `TeacherError` now for what would fail at some later label: characters and length."""
        if any(pair.teacher.side == "text" for pair in pairs_of(self.recipe.distillation)):
            characters = self.form.charset.characters
            for character in characters:
                teacher.tokens.ids(character)
            if teacher.config.tokens == "characters":
                teacher.tokens.ids(characters[0] * self.form.max_length)

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Moves the teacher and the better recogniser, which the learner does not hold."""
        if self.teacher is not None:
            self.teacher.to(device, dtype)
        if self.labeller is not None:
            self.labeller.to(device, dtype)

    def inputs(
        self, images: Tensor, texts: list[str], share: Tensor, progress: float
    ) -> tuple[Batch] | tuple[Batch, Guidance]:
        """The batch with its soft labels, and what the teacher says of it, if there are such."""
        new = bool(self.recipe.start.model) and progress < self.recipe.optimisation.head_warm_up
        batch = make_batch(images, texts, self.form.charset, share, heads_alone=new)
        if self.labeller is not None:
            batch = batch._replace(soft_labels=self.labeller.labels(images, batch.tokens))
        if self.teacher is None or self.recipe.encoder == "clip":
            return (batch,)
        padding = self.recipe.distillation.padding == "include"
        return batch, self.teacher.guide(images, texts, self._wanted, padding=padding)

    def validate(self) -> Validation:
        """Word accuracy by set, their sample-weighted mean, and how the first words of each set are read."""
        if not self.sets:
            return Validation(accuracy={})
        watch = _FirstReadings(self.sets, self.form.preprocessing, each=max(_SHOWN // len(self.sets), 1))
        # Pictures of a validation come in other numbers than those of a step: nothing is compiled for them.
        eager = torch.compiler.set_stance("force_eager")
        with eager, reading_with(self.student, name=self.recipe.name) as reader:
            results = [
                evaluate_set(reader, name, source, self._rule, batch_size=reader.batch_size, watch=watch)
                for name, source in self.sets.items()
            ]
        mean = Evaluation(model=self.recipe.name, rule=self._rule, sets=tuple(results)).weighted.accuracy
        accuracy = {result.name: result.means.accuracy for result in results} | {"mean": mean}
        return Validation(accuracy=accuracy, readings=tuple(watch.readings))

    def save(self, folder: Path, source: dict[str, Any]) -> None:
        """The recogniser alone: nothing that only training needs, and never CLIP."""
        if self.recipe.encoder == "clip":
            save_trained(self.student, folder, name=self.recipe.name, source=source)
            return
        save_recogniser(self.student, folder, name=self.recipe.name, source=source)


class _FirstReadings:
    """Collects the readings of the first words of each set, with their pictures."""

    def __init__(self, sets: dict[str, Source], preprocessing: Preprocessing, *, each: int) -> None:
        self.sets, self.preprocessing, self.each = sets, preprocessing, each
        self.readings: list[SampleReading] = []
        self._counts: Counter[str] = Counter()

    def __call__(self, word: WordResult) -> None:
        if self._counts[word.set_name] == self.each or word.error is not None:
            return
        self._counts[word.set_name] += 1
        picture = self.preprocessing.resize(load_image(self.sets[word.set_name].image_bytes(word.index)))
        self.readings.append(
            SampleReading(picture=picture, label=word.label, text=word.text, confidence=word.confidence)
        )


def pair_sizes(student: StudentConfig, teacher: TeacherSizes, pair: Pair) -> PairSizes:
    """The shapes that meet in ``pair``."""
    if pair.module == "global":
        return PairSizes(student_width=student.width, teacher_width=teacher.embedding)
    if pair.textual:
        return PairSizes(student_width=student.width, teacher_width=teacher.text_width)
    rows, columns = student.grid
    stage = teacher.image[pair.teacher.number]
    return PairSizes(
        student_width=student.width,
        teacher_width=stage.width,
        student_tokens=1 + rows * columns,
        teacher_tokens=stage.tokens,
    )
