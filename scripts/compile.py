"""Build the hot modules as native code, beside the source: `build/compiled` holds the whole package again.

    python scripts/compile.py           build what is not built, or not of this source (minutes)
    python scripts/compile.py --check   say whether what is built is of this source; exits 1 if it is not

Needs a C compiler, and mypyc, which comes with mypy. `PYTHONPATH=build/compiled` makes a gate use it;
without, the same source runs as it stands. No module knows which of both it is.

mypyc reads the fields of its own classes directly and those of any other class by the general way, which
costs as much as compiling wins. So in the copy, and only there, the values of the hot modules (msgspec's
structs) become classes of mypyc with the same fields, arguments, equality and hash. What a struct refuses
at run time, to be changed, mypy has refused in the source (docs/decisions/0014-two-forms-of-one-source.md).
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "yett"
BUILD = ROOT / "build" / "compiled"

# What a call goes through. A package with a `/` at the end stands for the modules in it, not below it.
HOT = (
    "pipeline.py", "core/call.py", "core/document.py", "core/identity.py", "core/operations.py", "core/proofs.py",
    "core/secret.py", "core/standing.py", "core/summary.py", "core/talk.py", "core/target.py", "core/tasks.py",
    "audit/chain.py", "audit/encode.py", "audit/port.py", "audit/record.py", "audit/stage.py", "audit/stamp.py",
    "audit/turn.py", "audit/backends/file.py", "audit/backends/segment.py", "authentication/stage.py", "authorization/marking.py", "authorization/stage.py",
    "catalogue/stage.py", "catalogue/view.py", "credentials/honeytokens.py", "credentials/stage.py",
    "limits/admission.py", "limits/balances.py", "limits/breaker.py", "limits/journal.py", "limits/outcome.py",
    "limits/plans.py", "limits/port.py", "limits/prices.py", "limits/rules.py", "limits/stage.py", "limits/state.py",
    "limits/steady.py", "limits/backends/book_ledger.py", "limits/backends/journal_file.py",
    "limits/backends/memory_counter.py",
    "sanitising/redactor.py", "sanitising/scanner.py", "sanitising/shape.py", "sanitising/stage.py",
    "upstreams/breaker.py", "upstreams/port.py", "upstreams/requests.py", "upstreams/rpc.py", "upstreams/stage.py",
    "upstreams/text_answers.py", "upstreams/backends/http/plain_calls.py",
    "upstreams/backends/http/client.py", "upstreams/backends/http/connection.py",
    "upstreams/backends/http/conversation.py", "upstreams/backends/http/headers.py", "upstreams/backends/http/pool.py",
    "upstreams/backends/http/response.py", "upstreams/backends/http/transport.py",
    "validation/arguments.py", "validation/stage.py",
    "edge/arrival.py", "edge/router.py", "edge/http/connection.py", "edge/http/heads.py", "edge/http/message.py",
    "edge/http/reader.py", "edge/mcp/envelope.py", "edge/mcp/inbound.py", "edge/mcp/legacy.py", "edge/mcp/modern.py",
    "edge/mcp/outbound.py", "edge/mcp/params.py", "edge/mcp/plain.py", "edge/mcp/repeated.py", "edge/mcp/route.py",
    "edge/mcp/sessions.py", "edge/mcp/translate.py",
)  # fmt: skip
# What it goes through as well: msgspec makes values of their structs, and of no class of mypyc.
AS_IT_IS = ("edge/mcp/wording.py",)

# No debugger's tables, and no way for another library to put itself in between our own calls: a tenth of the time.
_WITHOUT = ("-g0", "-fno-plt", "-fno-semantic-interposition")

_REPLACE = "yett.core.replacing"
_REPLACING = '''"""`msgspec.structs.replace` for values of both kinds."""

from typing import Any

import msgspec


def replace(value: Any, /, **changes: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.replace(value, **changes)
    kept = {name: getattr(value, name) for name in value.__match_args__ if name not in changes}
    return type(value)(**kept, **changes)
'''

# What asyncio calls on a protocol, where a protocol does not say it itself (asyncio.Protocol).
_PROTOCOL = {
    "eof_received": "def eof_received(self) -> bool | None:\n        return None",
    "pause_writing": "def pause_writing(self) -> None:\n        pass",
    "resume_writing": "def resume_writing(self) -> None:\n        pass",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    made, wanted = BUILD / "made-of", digest()
    is_current = made.exists() and made.read_text() == wanted
    if options.check or is_current:
        print(f"{BUILD} is {'' if is_current else 'not '}of this source")
        return 0 if is_current else 1
    if shutil.which("cc") is None:
        print("compile: cc not found; on Debian: apt-get install gcc libc6-dev")
        return 2
    shutil.rmtree(BUILD, ignore_errors=True)
    shutil.copytree(SOURCE, BUILD / "yett", ignore=shutil.ignore_patterns("__pycache__"))
    rewrite(BUILD / "yett")
    built = subprocess.run([sys.executable, __file__, "--native"], cwd=BUILD, check=False)
    if built.returncode == 0:
        shutil.rmtree(BUILD / "build", ignore_errors=True)
        made.write_text(wanted)
        print(f"compiled; PYTHONPATH={BUILD} makes a gate use it")
    return built.returncode


def digest(source: Path = SOURCE) -> str:
    """Return what tells one source, one compiler script and one Python from all others."""
    found = hashlib.sha256(f"{sys.version}\n".encode() + Path(__file__).read_bytes())
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(f"{path.relative_to(source)}\n".encode() + path.read_bytes())
    return found.hexdigest()


# ---------- the copy ----------
def rewrite(package: Path) -> None:
    (package / "core" / "replacing.py").write_text(_REPLACING)
    for path in package.rglob("*.py"):
        name = str(path.relative_to(package))
        before = after = path.read_text()
        if name in HOT:
            after = after.replace("msgspec.structs.force_setattr(", "setattr(")
            wrong = misread(after)
            assert not wrong, f"{name}: {wrong}"
            after = with_native_classes(with_names_apart(after))
        if name != "core/replacing.py" and "msgspec.structs.replace(" in after:
            after = after.replace("msgspec.structs.replace(", "_replace(")
            after = importing(f"from {_REPLACE} import replace as _replace", after)
        if after != before:
            path.write_text(after)


def importing(line: str, source: str) -> str:
    first = re.search(r"^(import|from) (?!__future__)", source, re.MULTILINE)
    assert first is not None
    return f"{source[: first.start()]}{line}\n{source[first.start() :]}"


def misread(source: str) -> list[str]:
    """Return what mypyc makes something else of: bounds of slices that do something, which it works out twice,
    slices that are kept, which it takes for numbers where bytes are cut, and cases of numbers, where a name holds 1
    for True."""
    tree = list(ast.walk(ast.parse(source)))
    bounds = [part for item in tree if isinstance(item, ast.Slice) for part in ast.walk(item)]
    doing = [item for item in bounds if isinstance(item, ast.Await | ast.NamedExpr | ast.Call)]
    kept = [item for item in tree if isinstance(item, ast.Call)]
    cases = [ast.unparse(item) for item in tree if isinstance(item, ast.MatchClass)]
    return [
        *(text for text in cases if re.match(r"(int|float)\([^)]", text)),
        *(text for text in map(ast.unparse, doing) if not re.match(r"len\(|[\w.]+\.find\(", text)),
        *(text for text in map(ast.unparse, kept) if text.startswith("slice(")),
    ]


def with_names_apart(source: str) -> str:
    """Return the module with a name of its own for whatever a handler catches. mypyc gives a name of a function the
    type that it has first, and refuses what the next handler catches under the same one."""
    lines = [line.encode() for line in source.split("\n")]
    names: dict[tuple[int, int, str], str] = {}
    for handler in ast.walk(ast.parse(source)):
        if isinstance(handler, ast.ExceptHandler) and handler.name and handler.type:
            name, apart = handler.name, f"{handler.name}_{handler.lineno}"
            place = (handler.type.end_lineno or 0, handler.type.end_col_offset or 0)
            names[*place, f" as {name}"] = f" as {apart}"
            for node in ast.walk(handler):
                if isinstance(node, ast.Name) and node.id == name:
                    names[node.lineno, node.col_offset, name] = apart
    for (row, column, name), apart in sorted(names.items(), reverse=True):
        before, after = lines[row - 1][:column], lines[row - 1][column:]
        assert after.startswith(name.encode()), f"{row}: {after!r}"
        lines[row - 1] = before + apart.encode() + after.removeprefix(name.encode())
    return b"\n".join(lines).decode()


def with_native_classes(source: str) -> str:
    """Return the module with each struct as a plain class, and each protocol without its base."""
    lines = source.split("\n")
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    for node in reversed(classes):
        bases = [ast.unparse(base) for base in node.bases]
        body = lines[node.lineno : node.end_lineno]
        if bases == ["msgspec.Struct"]:
            body = _plain_class(node, lines)
        elif bases == ["asyncio.Protocol"]:
            there = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
            body += [f"    {text}" for name, text in _PROTOCOL.items() if name not in there]
        elif bases:
            continue
        deleted = sorted(
            {
                target.attr
                for item in ast.walk(node)
                if isinstance(item, ast.Delete)
                for target in item.targets
                if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
            }
        )
        if deleted:
            body.append(f"    __deletable__ = {deleted}")
        lines[node.lineno - 1 : node.end_lineno] = [f"class {node.name}:", *body]
    return importing("from typing import ClassVar", "\n".join(lines))


def _plain_class(node: ast.ClassDef, lines: list[str]) -> list[str]:
    """Write out what msgspec does with a struct."""
    options = {word.arg: ast.unparse(word.value) for word in node.keywords}
    unknown = options.keys() - {"frozen", "kw_only", "gc", "eq"}
    assert not unknown, f"{node.name}: {unknown}"
    of_class = {
        item
        for item in node.body
        if isinstance(item, ast.AnnAssign) and "ClassVar" in ast.unparse(item.annotation)
    }
    fields = [
        item for item in node.body if isinstance(item, ast.AnnAssign) and item not in of_class
    ]
    names = [ast.unparse(field.target) for field in fields]
    body = [
        f"    {name}: {ast.unparse(field.annotation)}"
        for name, field in zip(names, fields, strict=True)
    ]
    body += [f"    {ast.unparse(item)}" for item in node.body if item in of_class]
    body.append(f"    __match_args__ = ({''.join(f'{name!r}, ' for name in names)})")
    # msgspec writes what calls itself a dataclass field by field, as it does a struct.
    kept = ", ".join(f"{name!r}: None" for name in names)
    body.append(f"    __dataclass_fields__: ClassVar[dict[str, None]] = {{{kept}}}")
    parameters, lines_of_init = [], []
    for name, field in sorted(
        zip(names, fields, strict=True), key=lambda each: each[1].value is not None
    ):
        kind, default = ast.unparse(field.annotation), field.value
        taken = name
        anew = _made_anew(default)
        if anew:
            assert not kind.endswith("| None"), f"{node.name}.{name}: made anew, or None?"
            parameters.append(f"{name}: {kind} | None = None")
            taken = f"{anew} if {name} is None else {name}"
        else:
            parameters.append(
                f"{name}: {kind}" + ("" if default is None else f" = {ast.unparse(default)}")
            )
        lines_of_init.append(f"        self.{name} = {taken}")
    if options.get("kw_only") == "True":
        parameters.insert(0, "*")
    methods = [
        item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    if any(method.name == "__post_init__" for method in methods):
        lines_of_init.append("        self.__post_init__()")
    body += [f"    def __init__(self, {', '.join(parameters)}) -> None:", *lines_of_init]
    if options.get("eq") != "False":
        same = " and ".join(f"self.{name} == other.{name}" for name in names)
        body += ["    def __eq__(self, other: object) -> bool:"]
        body += [f"        return isinstance(other, {node.name}) and {same}"]
        if options.get("frozen") == "True":
            body += ["    def __hash__(self) -> int:"]
            body += [f"        return hash(({''.join(f'self.{name}, ' for name in names)}))"]
    for method in methods:
        begins = min([method.lineno, *(item.lineno for item in method.decorator_list)])
        body += lines[begins - 1 : method.end_lineno]
    return body


def _made_anew(default: ast.expr | None) -> str:
    """Return the expression that makes each value its own default; empty: all share one, or there is none."""
    if isinstance(default, ast.Call) and ast.unparse(default.func) == "msgspec.field":
        (factory,) = default.keywords
        assert factory.arg == "default_factory", ast.unparse(default)
        return f"{ast.unparse(factory.value)}()"
    if isinstance(default, ast.Dict | ast.List | ast.Set):
        assert ast.unparse(default) in ("{}", "[]"), ast.unparse(default)
        return ast.unparse(default)
    return ""


# ---------- the compiler (in a process and a folder of its own) ----------
def compile_native() -> None:
    from mypyc.build import mypycify  # noqa: PLC0415 - only this process needs them
    from setuptools import setup  # type: ignore[import-untyped]  # noqa: PLC0415

    os.environ["MYPYPATH"] = "."
    # The source was checked, strictly; what is not plain here is that protocols have lost their base.
    lenient = ("type-var", "arg-type", "return-value")
    options = [
        "--config-file=", "--ignore-missing-imports", "--explicit-package-bases", "--no-error-summary",
        "--python-version=3.11", *(f"--disable-error-code={code}" for code in lenient),
    ]  # fmt: skip
    modules = [f"yett/{name}" for name in HOT]
    extensions = mypycify([*options, *modules], opt_level="2", multi_file=True, group_name="yett")
    for extension in extensions:
        extension.extra_compile_args = [*extension.extra_compile_args, *_WITHOUT]
    _compile_with_all_cores()
    setup(name="yett", packages=[], ext_modules=extensions, script_args=["-q", "build_ext", "-i"])


def _compile_with_all_cores() -> None:
    """Nearly all is one library of a hundred files, which setuptools would compile one after the other."""
    from distutils.ccompiler import CCompiler  # noqa: PLC0415 - setuptools brings it

    compile_some = CCompiler.compile

    def compile_all(self: Any, sources: list[str], *rest: Any, **options: Any) -> list[str]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            made = pool.map(lambda one: compile_some(self, [one], *rest, **options), sources)
            return [name for names in made for name in names]

    CCompiler.compile = compile_all  # type: ignore[method-assign, assignment]  # the same, at once


if __name__ == "__main__":
    if sys.argv[1:] == ["--native"]:
        compile_native()
    else:
        sys.exit(main())
