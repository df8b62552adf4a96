"""Reads a program without running it: which v1 members it uses, and which names that newer libraries have removed.

Types are followed through assignments, annotations, known return types, loops, ``with`` and calls of the program's own
functions. Where nothing tells what ``ws``, ``run`` or ``experiment`` holds, the usual is taken; of such a guess only
members that v1 has are reported.
"""

from __future__ import annotations

import ast
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple, Union

from terrazul.compatibility import known_types, surface
from terrazul.compatibility.values import (
    BUILT_IN,
    KEEPING_BUILT_IN,
    OF_MAPPING,
    OTHER,
    UNKNOWN,
    Shape,
    Value,
    element_of,
    first_known,
    given,
    iterated,
    made_by,
    owner_of,
    parts_of,
)
from terrazul.core.requirement import removal

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
Comprehension = Union[ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp]
Place = Callable[[int], str]


class Definition(NamedTuple):
    """A function or class of the program, with the names it sees and how its lines are called."""

    node: Union[Function, ast.ClassDef]
    scopes: List[Dict[str, Value]]
    place: Place


class Scanner(ast.NodeVisitor):
    """Collects from the trees of one program, given to ``scan`` in the order in which they run."""

    def __init__(self) -> None:
        self.uses: Dict[Tuple[str, str], List[str]] = {}
        """Places by the home of a class, function or constant, and the member of the class."""
        self.unknown: Dict[str, List[str]] = {}
        """Places of names that v1's public surface does not have."""
        self.traps: Dict[Tuple[str, str], List[str]] = {}
        """Places by a removed name and the pin that brings it back."""
        self.pythons: Dict[str, List[str]] = {}
        """Places where a Python version is asked for."""
        self.imports_v1 = False
        self._place: Place = str
        self._scopes: List[Dict[str, Value]] = [{}]
        self._waiting: List[Definition] = []
        self._returned: List[Value] = []
        self._results: Dict[ast.AST, Value] = {}

    def scan(self, tree: ast.Module, place: Place) -> None:
        """Read a tree, naming its lines by ``place``."""
        self._place = place
        self.visit(tree)

    def finish(self) -> None:
        """Read the functions that the program does not call itself."""
        while self._waiting:
            self._run(self._waiting.pop(0), [], {})

    def _note(self, table: Dict[Any, List[str]], key: Any, node: ast.AST) -> None:
        places = table.setdefault(key, [])
        place = self._place(getattr(node, "lineno", 0))
        if place not in places:
            places.append(place)

    # names

    def visit_Import(self, node: ast.Import) -> None:
        """Bind modules."""
        for alias in node.names:
            self._check_module(alias.name, node)
            bound = alias.name if alias.asname else alias.name.partition(".")[0]
            self._scopes[-1][alias.asname or bound] = Value(Shape.NAME, bound)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Bind names of modules."""
        if node.level or not node.module:
            return
        self._check_module(node.module, node)
        for alias in node.names:
            for name, value in self._imported(node.module, alias, node):
                self._scopes[-1][name] = value

    def _imported(self, module: str, alias: ast.alias, node: ast.AST) -> Iterable[Tuple[str, Value]]:
        facts = surface.module(module)
        if alias.name == "*":
            return [(name, Value(Shape.NAME, home)) for name, home in facts.homes().items()] if facts else []
        return [(alias.asname or alias.name, self._part(module, alias.name, node))]

    def _check_module(self, module: str, node: ast.AST) -> None:
        if module.partition(".")[0] != "azureml":
            self._check_trap(module, node)
            return
        self.imports_v1 = True
        if not any(name == module or name.startswith(f"{module}.") for name in surface.module_names()):
            self._note(self.unknown, module, node)

    def _check_trap(self, name: str, node: ast.AST) -> None:
        trap = removal.trap_in(name)
        if trap:
            self._note(self.traps, trap, node)

    def _part(self, whole: str, name: str, node: ast.AST) -> Value:
        """What a module or class has under a name."""
        dotted = f"{whole}.{name}"
        if whole.partition(".")[0] != "azureml":
            self._check_trap(dotted, node)
            return Value(Shape.NAME, dotted)
        facts = surface.module(whole)
        home = facts.homes().get(name) if facts else None
        if home:
            return Value(Shape.NAME, home)
        if isinstance(surface.find(whole), surface.Class):
            return self._member(Value(Shape.OBJECT, whole), name, node)
        if facts and dotted not in surface.module_names() and not name.startswith("__"):
            self._note(self.unknown, dotted, node)
        return Value(Shape.NAME, dotted)

    def visit_Name(self, node: ast.Name) -> Value:
        """What the variable holds."""
        found = self._lookup(node.id)
        if found.shape is Shape.UNKNOWN and self.imports_v1 and node.id in known_types.USUAL_NAMES:
            return given(known_types.USUAL_NAMES[node.id], certain=False)
        return self._mentioned(found, node)

    def _lookup(self, name: str) -> Value:
        return next((scope[name] for scope in reversed(self._scopes) if name in scope), UNKNOWN)

    def _mentioned(self, value: Value, node: ast.AST) -> Value:
        """Note the use of a constant; a function is used when it is called."""
        found = surface.find(value.name) if value.shape is Shape.NAME else None
        if isinstance(found, surface.Member) and not found.kind.is_called:
            self._note(self.uses, (value.name, ""), node)
        return value

    def visit_Attribute(self, node: ast.Attribute) -> Value:
        """What the attribute of an expression is."""
        whole = self.visit(node.value)
        kept = self._lookup(_own_attribute(node))
        if kept.shape is not Shape.UNKNOWN:
            return kept
        if whole.shape is Shape.NAME:
            return self._mentioned(self._part(whole.name, node.attr, node), node)
        if whole.shape is Shape.OBJECT:
            return self._member(whole, node.attr, node)
        if whole.shape is Shape.MAPPING and node.attr in OF_MAPPING:
            return Value(Shape.CALLABLE, gives=whole.of_shape(OF_MAPPING[node.attr]))
        return UNKNOWN

    def _member(self, whole: Value, name: str, node: ast.AST) -> Value:
        owner = owner_of(whole.name, name)
        if owner is None:
            self._unknown_member(whole, name, node)
            return UNKNOWN
        self._note(self.uses, (owner.home, name), node)
        home = whole.name if owner in surface.lineage(whole.name) else owner.home
        gives = given(known_types.given_by(home, name), certain=whole.certain)
        if owner.members[name].kind.is_called:
            return Value(Shape.CALLABLE, f"{owner.home}.{name}", gives=gives)
        return gives

    def _unknown_member(self, whole: Value, name: str, node: ast.AST) -> None:
        reads = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        if whole.certain and reads and not name.startswith("__"):
            self._note(self.unknown, f"{whole.name}.{name}", node)

    # calls

    def visit_Call(self, node: ast.Call) -> Value:
        """What a call gives."""
        function: Value = self.visit(node.func)
        arguments = [self.visit(argument) for argument in node.args]
        keywords = {keyword.arg or "**": self.visit(keyword.value) for keyword in node.keywords}
        if function.shape is Shape.NAME:
            return self._call_of_name(function.name, node)
        if function.shape is Shape.CALLABLE:
            return self._call_of_member(function, node, [*arguments, *keywords.values()])
        if function.shape is Shape.LOCAL:
            return self._call_of_local(function, node, arguments, keywords)
        if function.shape is Shape.OBJECT:
            return function  # what v1 has as a class attribute may be a function: `Dataset.get_by_name`
        return self._call_of_built_in(node, arguments)

    def _call_of_name(self, name: str, node: ast.Call) -> Value:
        found = surface.find(name)
        if isinstance(found, surface.Class):
            self._note(self.uses, (name, "__init__"), node)
            return made_by(name)
        if isinstance(found, surface.Member):
            self._note(self.uses, (name, ""), node)
            return given(known_types.given_by_function(name), certain=True)
        for keyword in node.keywords:
            pin = removal.pin_for_keyword(name, keyword.arg or "")
            if pin:
                self._note(self.traps, (f"{name}({keyword.arg}=…)", pin), node)
        return UNKNOWN

    def _call_of_member(self, function: Value, node: ast.Call, arguments: Sequence[Value]) -> Value:
        for keyword in node.keywords:
            if keyword.arg == "python_version" and isinstance(keyword.value, ast.Constant):
                self._note(self.pythons, str(keyword.value.value), node)
        if function.name.endswith(".Experiment.submit"):
            names = [argument.name.rpartition(".")[2] for argument in arguments if argument.shape is Shape.OBJECT]
            runs = (known_types.RUN_OF_CONFIGURATION.get(name) for name in names)
            return given(next(filter(None, runs), "Run"), certain=True)
        gives: Value = function.gives
        return gives

    def _call_of_built_in(self, node: ast.Call, arguments: Sequence[Value]) -> Value:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if not arguments or arguments[0].shape is not Shape.MANY:
            return UNKNOWN
        if name in KEEPING_BUILT_IN:
            return arguments[0]
        return arguments[0].of_shape(BUILT_IN[name]) if name in BUILT_IN else UNKNOWN

    def _call_of_local(
        self, function: Value, node: ast.Call, arguments: Sequence[Value], keywords: Dict[str, Value]
    ) -> Value:
        definition: Definition = function.gives
        if isinstance(definition.node, ast.ClassDef):
            if function.name:
                self._note(self.uses, (function.name, "__init__"), node)
            return Value(Shape.OBJECT, function.name, certain=False) if function.name else UNKNOWN
        self._run(definition, arguments, keywords)
        return self._results.get(definition.node, UNKNOWN)

    # the program's own functions and classes

    def visit_FunctionDef(self, node: Function) -> None:
        """Keep the function until it is called, or the end."""
        for expression in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(expression)
        definition = Definition(node, list(self._scopes), self._place)
        self._scopes[-1][node.name] = Value(Shape.LOCAL, gives=definition)
        self._waiting.append(definition)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 ast decides on the name

    def _run(self, definition: Definition, arguments: Sequence[Value], keywords: Dict[str, Value]) -> None:
        """Read the function's body, once, as the first call gives its arguments."""
        function = definition.node
        if function in self._results or isinstance(function, ast.ClassDef):
            return
        before = self._scopes, self._place
        self._scopes, self._place = definition.scopes, definition.place
        self._results[function] = self._annotated(function.returns)
        self._scopes = [*definition.scopes, self._parameters(function, arguments, keywords)]
        self._returned.append(UNKNOWN)
        for statement in function.body:
            self.visit(statement)
        returned = self._returned.pop()
        self._scopes, self._place = before
        if self._results[function] is UNKNOWN:
            self._results[function] = returned

    def _parameters(
        self, function: Function, arguments: Sequence[Value], keywords: Dict[str, Value]
    ) -> Dict[str, Value]:
        parameters = [*function.args.posonlyargs, *function.args.args]
        given = {**{parameter.arg: value for parameter, value in zip(parameters, arguments)}, **keywords}
        every = [*parameters, *function.args.kwonlyargs]
        annotated = {parameter.arg: self._annotated(parameter.annotation) for parameter in every}
        return {name: given.get(name, UNKNOWN) if value is UNKNOWN else value for name, value in annotated.items()}

    def _annotated(self, annotation: Optional[ast.expr]) -> Value:
        """An object of the class that an annotation names, through ``Optional``, ``List``, ``X | None`` and quotes."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            return self._annotated(_parsed(annotation.value))
        if isinstance(annotation, ast.BinOp):
            return self._annotated(annotation.left)
        if isinstance(annotation, ast.Subscript):
            return self._annotated_generic(annotation)
        if not isinstance(annotation, (ast.Name, ast.Attribute)):
            return UNKNOWN
        named = self.visit(annotation)
        is_class = named.shape is Shape.NAME and isinstance(surface.find(named.name), surface.Class)
        return made_by(named.name) if is_class else UNKNOWN

    def _annotated_generic(self, annotation: ast.Subscript) -> Value:
        generic = annotation.value.attr if isinstance(annotation.value, ast.Attribute) else ""
        generic = annotation.value.id if isinstance(annotation.value, ast.Name) else generic
        inner: ast.AST = getattr(annotation.slice, "value", annotation.slice)  # Python 3.8 wraps it in an Index
        element = self._annotated(inner if isinstance(inner, ast.expr) else None)
        if generic == "Optional" or element is UNKNOWN:
            return element
        return element.of_shape(Shape.MANY) if generic in {"List", "list", "Iterable", "Sequence"} else UNKNOWN

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Read the class, and remember which class of v1 it inherits from."""
        bases = [self.visit(base) for base in node.bases]
        homes = [base.name for base in bases if isinstance(surface.find(base.name), surface.Class)]
        self._scopes[-1][node.name] = Value(
            Shape.LOCAL, homes[0] if homes else "", gives=Definition(node, list(self._scopes), self._place)
        )
        self._scopes.append({})
        for statement in (*node.decorator_list, *node.body):
            self.visit(statement)
        self._scopes.pop()

    def visit_Return(self, node: ast.Return) -> None:
        """Remember what the function gives."""
        value = self.visit(node.value) if node.value else OTHER
        if self._returned and self._returned[-1].shape in {Shape.UNKNOWN, Shape.OTHER}:
            self._returned[-1] = value

    # binding

    def _bind(self, target: ast.AST, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._scopes[-1][target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part, part_value in zip(target.elts, parts_of(value, len(target.elts))):
                self._bind(part, part_value)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, UNKNOWN)
        else:
            self.visit(target)
            if isinstance(target, ast.Attribute) and _own_attribute(target):
                self._scopes[-2 if len(self._scopes) > 1 else -1][_own_attribute(target)] = value

    def visit_Assign(self, node: ast.Assign) -> None:
        """Bind what is assigned."""
        value = self.visit(node.value)
        for target in node.targets:
            self._bind(target, value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Bind what is declared."""
        value = self.visit(node.value) if node.value else UNKNOWN
        declared = self._annotated(node.annotation)
        self._bind(node.target, value if declared is UNKNOWN else declared)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Value:
        """Bind in an expression."""
        value: Value = self.visit(node.value)
        self._bind(node.target, value)
        return value

    def visit_For(self, node: Union[ast.For, ast.AsyncFor]) -> None:
        """Bind what a loop goes through."""
        self._bind(node.target, iterated(self.visit(node.iter)))
        for statement in (*node.body, *node.orelse):
            self.visit(statement)

    visit_AsyncFor = visit_For  # noqa: N815 ast decides on the name

    def visit_withitem(self, node: ast.withitem) -> None:
        """Bind what a ``with`` gives; v1's objects give themselves."""
        value = self.visit(node.context_expr)
        if node.optional_vars:
            self._bind(node.optional_vars, value)

    def visit_ListComp(self, node: Comprehension) -> Value:
        """Bind what a comprehension goes through; it gives many of its elements."""
        self._scopes.append({})
        for generator in node.generators:
            self._bind(generator.target, iterated(self.visit(generator.iter)))
            for condition in generator.ifs:
                self.visit(condition)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        value: Value = [self.visit(part) for part in parts][-1]
        self._scopes.pop()
        if value.shape is not Shape.OBJECT:
            return UNKNOWN
        return value.of_shape(Shape.MAPPING if isinstance(node, ast.DictComp) else Shape.MANY)

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp  # noqa: N815 ast decides on the names

    # the other expressions

    def visit_Subscript(self, node: ast.Subscript) -> Value:
        """One of many, or some of them."""
        whole: Value = self.visit(node.value)
        self.visit(node.slice)
        if isinstance(node.slice, ast.Slice) and whole.shape is Shape.MANY:
            return whole
        return element_of(whole) if whole.shape in {Shape.MANY, Shape.MAPPING, Shape.FIRST} else UNKNOWN

    def visit_IfExp(self, node: ast.IfExp) -> Value:
        """Either, whichever is known."""
        self.visit(node.test)
        return first_known([self.visit(node.body), self.visit(node.orelse)])

    def visit_BoolOp(self, node: ast.BoolOp) -> Value:
        """Any, whichever is known."""
        return first_known([self.visit(value) for value in node.values])

    def visit_Await(self, node: ast.Await) -> Value:
        """What is awaited."""
        value: Value = self.visit(node.value)
        return value

    def visit_List(self, node: Union[ast.List, ast.Tuple]) -> Value:
        """Many, when its elements are objects."""
        elements: List[Value] = [self.visit(element) for element in node.elts]
        is_known = bool(elements) and elements[0].shape is Shape.OBJECT
        return elements[0].of_shape(Shape.MANY) if is_known else OTHER

    visit_Tuple = visit_List  # noqa: N815 ast decides on the name

    def visit_Lambda(self, node: ast.Lambda) -> Value:
        """Read its body with its parameters unknown."""
        self._scopes.append({parameter.arg: UNKNOWN for parameter in node.args.args})
        self.visit(node.body)
        self._scopes.pop()
        return OTHER

    def visit_Constant(self, node: ast.Constant) -> Value:
        """No object of v1's; ``None`` tells nothing of what a variable will hold."""
        return UNKNOWN if node.value is None else OTHER

    def generic_visit(self, node: ast.AST) -> Value:
        """Read what is inside; nothing is known of the whole."""
        super().generic_visit(node)
        return UNKNOWN


def _own_attribute(node: ast.Attribute) -> str:
    """``self.name`` as the variable that it is; nothing for another attribute."""
    is_own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
    return f"self.{node.attr}" if is_own else ""


def _parsed(annotation: str) -> Optional[ast.expr]:
    try:
        return ast.parse(annotation, mode="eval").body
    except SyntaxError:
        return None
