"""Records: objects of ours as plain dicts, for a fitted estimator to be written and read again.

What training leaves behind is arrays and numbers, in classes that a reader of files should not have
to know: secure formats (skops) load only types that they are told to trust. So each such class is a
row of a table here, by `recorded`; `plain` puts a dict in the place of its objects, however deep
within lists, tuples and dicts they are, and `restored` puts objects back. What only follows from
the rest (a network, its layout, views, caches) is no part of a record and is made anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type)

# The key by which a record is known among dicts.
RECORD = "skdeep record"


@dataclass(frozen=True)
class _Row:
    """How objects of a class become dicts, and dicts objects."""

    cls: type
    take: Callable[[Any], dict[str, object]]
    make: Callable[[dict[str, Any]], object]


_ROWS: dict[str, _Row] = {}


def recorded(cls: Class) -> Class:
    """Let objects of a class be recorded: a dataclass's fields, or all attributes."""

    def make(values: dict[str, Any]) -> object:
        made: Any = object.__new__(cls)
        made.__dict__.update(values)
        return made

    return recorded_by(_fields if is_dataclass(cls) else lambda one: dict(vars(one)), make)(cls)


def recorded_tuple(cls: Class) -> Class:
    """The same for a NamedTuple."""
    return recorded_by(lambda one: one._asdict(), lambda values: cls(**values))(cls)


def recorded_by(
    take: Callable[[Any], dict[str, object]], make: Callable[[dict[str, Any]], object]
) -> Callable[[Class], Class]:
    """The same where a few values say all, from which an object is made again."""

    def register(cls: Class) -> Class:
        _ROWS[cls.__name__] = _Row(cls, take, make)
        return cls

    return register


def _fields(one: Any) -> dict[str, object]:
    return {field.name: getattr(one, field.name) for field in fields(one)}


def plain(value: object) -> object:
    """The same with dicts in place of recorded objects; what holds none of them is not copied."""
    row = _ROWS.get(type(value).__name__)
    if row is not None and type(value) is row.cls:
        return {RECORD: row.cls.__name__, **{k: plain(v) for k, v in row.take(value).items()}}
    return _each(plain, value)


def restored(value: object) -> Any:
    """What `plain` was given, made again."""
    if isinstance(value, dict) and RECORD in value:
        values = {k: restored(v) for k, v in value.items() if k != RECORD}
        row = _ROWS.get(value[RECORD])
        if row is None:
            raise ValueError(
                f"The state has a record of {value[RECORD]!r}, which this version of skdeep does "
                "not know. Load it with the version that wrote it."
            )
        return row.make(values)
    return _each(restored, value)


def _each(change: Callable[[object], object], value: object) -> object:
    """A list, tuple or dict with its values changed; itself where none of them is another one.

    So lists that two attributes share, or are written once, stay the same object.
    """
    if type(value) is dict:
        changed = {k: change(v) for k, v in value.items()}
        return value if all(changed[k] is v for k, v in value.items()) else changed
    if type(value) in (list, tuple):
        assert isinstance(value, (list, tuple))
        each = [change(v) for v in value]
        if all(new is old for new, old in zip(each, value, strict=True)):
            return value
        return each if isinstance(value, list) else tuple(each)
    return value
