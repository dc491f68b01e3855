"""The exercises of the lessons in ``docs/learn``: `check` says whether an answer is right, or what is wrong."""

from validation.lessons.marking import Mark, check

__all__ = ["Mark", "check"]
