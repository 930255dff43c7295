"""The settings and constants that a class declares, read from its source without importing its module.

Tasks and cells import JAX, which takes longer than composing a whole configuration. So that a wrong setting is an error
before that, the class is parsed, and only the names in its annotations and defaults are imported.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import importlib.util
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gru_bench.errors import ConfigError, nearest


class Declaration(NamedTuple):
    """The declarations of a class, with those of its bases.

    Attributes:
        settings: the keyword-only parameters of `__init__`, or the fields of a dataclass, by name.
        constants: plain values of class attributes, by name.
    """

    settings: Mapping[str, inspect.Parameter]
    constants: Mapping[str, Any]


@functools.cache
def declared(place: str) -> Declaration:
    """Return the declarations of a class.

    Args:
        place: `package.module:Class`.

    Raises:
        ConfigError: there is no such module, or no such class in it.
    """
    module, _, name = place.partition(":")
    source = _source(module)
    if source is None:
        raise ConfigError("class", place, "package.module:Class in a module on Python's path")
    if name not in source.classes:
        raise ConfigError("class", place, f"a class of {module}", nearest(name, source.classes))
    return source.declaration(name)


@functools.cache
def _source(module: str) -> _Source | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return _Source(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))


class _Source(dict[str, Any]):
    """A parsed module: its classes, and the values of its names, which are evaluated lazily."""

    def __init__(self, tree: ast.Module):
        super().__init__()
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self._imported: dict[str, tuple[str, str]] = {}
        self._assigned: dict[str, ast.expr] = {}
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                self._imported |= {alias.asname or alias.name: (node.module or "", alias.name) for alias in node.names}
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self._assigned[node.targets[0].id] = node.value

    def __missing__(self, name: str) -> Any:
        if name in self._assigned:
            self[name] = self._value(self._assigned[name])
        elif name in self._imported:
            module, original = self._imported[name]
            self[name] = getattr(importlib.import_module(module), original)
        else:
            self[name] = getattr(builtins, name)
        return self[name]

    def _value(self, expression: ast.expr) -> Any:
        value = self._value
        match expression:
            case ast.Constant():
                return expression.value
            case ast.Name():
                return self[expression.id]
            case ast.Tuple():
                return tuple(value(element) for element in expression.elts)
            case ast.Attribute():
                return getattr(value(expression.value), expression.attr)
            case ast.Subscript():
                return value(expression.value)[value(expression.slice)]
            case ast.BinOp(op=ast.BitOr()):
                return value(expression.left) | value(expression.right)
            case ast.UnaryOp(op=ast.USub()):
                return -value(expression.operand)
            case ast.Call():
                named = {word.arg: value(word.value) for word in expression.keywords if word.arg}
                return value(expression.func)(*map(value, expression.args), **named)
        raise ConfigError("class", ast.unparse(expression), "a name, a constant, a type or a call of these")

    def declaration(self, name: str) -> Declaration:
        """Return the declarations of a class of this module."""
        settings: dict[str, inspect.Parameter] = {}
        constants: dict[str, Any] = {}
        is_dataclass = any("dataclass" in ast.unparse(decorator) for decorator in self.classes[name].decorator_list)
        for base in reversed(self.classes[name].bases):
            inherited = self._of_base(base)
            settings |= inherited.settings
            constants |= inherited.constants
        for statement in self.classes[name].body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                settings = dict(self._parameters(statement.args))
            for target, annotation, value in _assigned(statement):
                if is_dataclass and annotation is not None and not ast.unparse(annotation).startswith("ClassVar"):
                    settings[target] = self._parameter(target, annotation, value)
                if isinstance(value, ast.Constant | ast.Tuple):
                    constants[target] = self._value(value)
        return Declaration(settings, constants)

    def _of_base(self, base: ast.expr) -> Declaration:
        base = base.value if isinstance(base, ast.Subscript) else base
        if not isinstance(base, ast.Name):
            return Declaration({}, {})
        if base.id in self.classes:
            return self.declaration(base.id)
        module, original = self._imported.get(base.id, ("", ""))
        source = _source(module) if module else None
        if source is None or original not in source.classes:
            return Declaration({}, {})
        return source.declaration(original)

    def _parameters(self, arguments: ast.arguments) -> Iterator[tuple[str, inspect.Parameter]]:
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if argument.annotation is not None:
                yield argument.arg, self._parameter(argument.arg, argument.annotation, default)

    def _parameter(self, name: str, annotation: ast.expr, default: ast.expr | None) -> inspect.Parameter:
        value = inspect.Parameter.empty if default is None else self._value(default)
        kind = inspect.Parameter.KEYWORD_ONLY
        return inspect.Parameter(name, kind, default=value, annotation=self._value(annotation))


def _assigned(statement: ast.stmt) -> Iterator[tuple[str, ast.expr | None, ast.expr | None]]:
    """Yield the names that a statement assigns to, with annotation and value."""
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name, statement.annotation, statement.value
        case ast.Assign(targets=[ast.Name(id=name)]):
            yield name, None, statement.value
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            yield from ((ast.unparse(name), None, value) for name, value in zip(names, values, strict=True))
