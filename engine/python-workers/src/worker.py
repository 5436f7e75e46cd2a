"""A worker: a process of the user's Python that runs the functions of on-demand feature views.

Owns everything that happens on Python's side: the sandbox, loading of functions, calls, and what becomes of their results. The server
hands over this text, then one request a frame over the socket that was its stdin. Must not know the registry or Feast's packages, and
nothing outside the standard library before a function needs it: a worker of python mode alone starts in 40 ms and holds 13 MB, one
with pandas in 0.7 s and 105 MB. Runs on Python 3.9 and later.

A frame is a length (4 bytes, of this machine's order) and so many bytes. A request is a number that its answer repeats, a kind, and
what `messages.rs` lists. Columns are in `columns.py`, which is run before this, in the same module.
"""
import __future__
import ast
import importlib
import json
import os
import resource
import socket
import struct
import sys
import textwrap

HEADER = struct.Struct("=IB")  # number, kind of a request or status of an answer
CALL = struct.Struct("=III")  # view, rows, length of the shape
OK, RAISED, WRONG_OUTPUT, UNCONVERTIBLE, NOT_LOADED = range(5)
LIBRARIES = {"pd": "pandas", "pandas": "pandas", "np": "numpy", "numpy": "numpy"}
MAX_SHAPES = 256  # of calls, kept parsed
MAX_TEXT = 64 * 1024  # of an error
# Libraries keep small caches and named semaphores in files. What is larger is a mistake, and would fill the server's disk.
MAX_FILE = 16 * 1024 * 1024


class WrongOutput(Exception):
    """The result is not what the view's schema says."""


# ---------------------------------------------------------------------------------------------------------------------- sandbox


def enter_sandbox(setup):
    """Gives up all that the functions do not need. Before any code of the user is imported."""
    limits = [
        (resource.RLIMIT_AS, setup["memory_bytes"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_FSIZE, MAX_FILE),
    ]
    for limit, value in limits:
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))
    if os.geteuid() == 0:
        become(setup["user"])
    prctl = prctl_function()
    prctl(38, 1)  # PR_SET_NO_NEW_PRIVS
    end_with_parent(prctl, setup["server"])
    forking = []
    os.register_at_fork(
        before=lambda: forking.append(os.getpid()),
        after_in_parent=lambda: forking.pop(),
        # A child must not hold the socket, and does not inherit that it ends with its parent.
        after_in_child=lambda: (connection.close(), end_with_parent(prctl, forking.pop())),
    )


def become(name):
    import pwd

    if name == "root":
        return
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise RuntimeError(f"there is no user {name}: name another one in serving.python.user") from None
    os.setgroups(os.getgrouplist(name, user.pw_gid))
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"] = user.pw_dir
    environment = os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))
    needed = {environment: "the environment of serving.python.command", sys.base_prefix: "the Python of that environment"}
    needed.update((path, "the feature repository") for path in setup["paths"])
    for directory, what in needed.items():
        if not os.access(directory, os.R_OK | os.X_OK):
            raise RuntimeError(f"the user {name} cannot read {what}: make it readable, or name another one in serving.python.user")


def prctl_function():
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)

    def prctl(option, value):
        arguments = [ctypes.c_ulong(argument) for argument in (value, 0, 0, 0)]
        if library.prctl(ctypes.c_int(option), *arguments) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option}) failed")

    return prctl


def end_with_parent(prctl, parent):
    """Also when the parent is killed. A change of user undoes it, so this comes after that."""
    prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    if os.getppid() != parent:
        os._exit(0)  # it had ended before


# -------------------------------------------------------------------------------------------------------------------- functions


def load(view):
    """The function of a view, and its mode. Raises what keeps it from being one."""
    namespace = {"__name__": f"feast_function_{view['view']}"}
    tree, definition = parse(view["text"])
    for name in wanted_libraries(view["mode"], view["names"], tree):
        try:
            namespace[name] = importlib.import_module(LIBRARIES[name])
        except ImportError:
            if view["mode"] == "pandas":
                raise
    if view["mode"] == "pandas":
        importlib.import_module("pyarrow")
    file = f"<{view['view']}>"
    if view["names"]:
        exec(compiled(ast.parse(view["names"]), file, "exec"), namespace)
    if isinstance(definition, ast.Lambda):
        function = eval(compiled(ast.Expression(definition), file, "eval"), namespace)
    else:
        exec(compiled(tree, file, "exec"), namespace)
        function = namespace[definition.name]
    return function, view["mode"]


def compiled(tree, file, kind):
    # As Feast, which runs functions in a module with this import: annotations are not evaluated.
    return compile(tree, file, kind, flags=__future__.annotations.compiler_flag, dont_inherit=True)


def parse(text):
    """The tree of a function's text without decorators, and the function in it. Lines keep their numbers."""
    text = textwrap.dedent(text)
    try:
        tree = ast.parse(text)
    except SyntaxError:
        # A lambda as the argument of a call leaves a piece of that call.
        start = text.find("lambda")
        if start < 0:
            raise
        tree = lambda_at(text, start)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if functions:
        for function in functions:
            function.decorator_list = []
        return tree, functions[-1]
    lambdas = outermost_lambdas(tree)
    if len(lambdas) != 1:
        raise SyntaxError(f"the text has {len(lambdas) or 'no'} functions, and one is needed")
    return tree, lambdas[0]


def lambda_at(text, start):
    """Of the longest piece from `start` that is an expression."""
    for end in range(len(text), start, -1):
        try:
            return ast.parse("\n" * text.count("\n", 0, start) + "(" + text[start:end] + "\n)")
        except SyntaxError:
            pass
    raise SyntaxError("the text is no function")


def outermost_lambdas(node):
    if isinstance(node, ast.Lambda):
        return [node]
    return [found for child in ast.iter_child_nodes(node) for found in outermost_lambdas(child)]


def wanted_libraries(mode, names, tree):
    if mode == "pandas":
        return list(LIBRARIES)
    trees = [tree, ast.parse(names)]
    used = {node.id for each in trees for node in ast.walk(each) if isinstance(node, ast.Name)}
    return [name for name in LIBRARIES if name in used]


# ------------------------------------------------------------------------------------------------------------------------ calls


def call(view, rows, shape, body):
    loaded = functions.get(view)
    if loaded is None:
        return answer(NOT_LOADED, text="it was not loaded")
    function, mode = loaded
    run = {"python": call_python, "singleton": call_singleton, "pandas": call_pandas}[mode]
    columns = run(function, rows, shape, body)
    given = {number for number, _ in columns}
    for number, (name, _) in enumerate(shape["outputs"]):
        if number not in given:
            raise WrongOutput(f"the function gives no column {name}")
    return bytes([OK]) + b"".join([struct.pack("=I", len(columns))] + [struct.pack("=I", n) + data for n, data in columns])


def dict_of(rows, shape, body):
    columns, at = {}, 0
    for name, _, kind in shape["inputs"]:
        columns[name], at = read_column(body, at, rows, kind)
    for name, twin, kind in shape["inputs"]:
        if twin is not None:
            # Changing one of the two in place must not change the other.
            columns[twin] = [v[:] if v is not None else None for v in columns[name]] if kind[0] == "[" else columns[name][:]
    return columns


def positions(result, shape):
    """The numbers of the outputs that a dict has, in its order."""
    if not hasattr(result, "keys"):
        raise TypeError(f"'{type(result).__name__}' object is not a mapping")
    outputs = shape["positions"]
    return [outputs[name] for name in result if isinstance(name, str) and name in outputs]


def call_python(function, rows, shape, body):
    result = function(dict_of(rows, shape, body))
    columns = []
    for number in positions(result, shape):
        name, kind = shape["outputs"][number]
        values = result[name]
        if not isinstance(values, list):
            if rows != 1 or isinstance(values, tuple) or type(values).__name__ in ("ndarray", "Series"):
                raise WrongOutput(f"{name} of the function's result is a {type(values).__name__}, not a list with a value for each row")
            # Feast takes a single value for the only row.
            values = [values]
        check_rows(name, len(values), rows)
        columns.append((number, column_of(name, values, kind)))
    return columns


def call_singleton(function, rows, shape, body):
    columns = dict_of(rows, shape, body)
    results = [function({name: values[row] for name, values in columns.items()}) for row in range(rows)]
    order = positions(results[0], shape) if results else range(len(shape["outputs"]))
    given = []
    for number in order:
        name, kind = shape["outputs"][number]
        values = []
        for result in results:
            positions(result, shape)
            if name not in result:
                raise WrongOutput(f"the function gives no column {name}")
            values.append(result[name])
        given.append((number, column_of(name, values, kind)))
    return given


def call_pandas(function, rows, shape, body):
    import pandas
    import pyarrow

    table = pyarrow.ipc.open_stream(body).read_all()
    for position, (name, twin, _) in enumerate(shape["inputs"]):
        if twin is not None:
            table = table.append_column(twin, table.column(position))
    frame = table.to_pandas()
    for position, (name, twin, kind) in enumerate(shape["inputs"]):
        if any(code in kind for code in "jDz"):
            values = [None if text is None else parsed_text(text, kind) for text in table.column(position).to_pylist()]
            for wanted in (name, twin):
                if wanted is not None:
                    frame[wanted] = pyarrow.array(values).to_pandas()
    if not shape["inputs"]:
        frame = pandas.DataFrame(index=range(rows))
    result = function(frame)
    if not isinstance(result, pandas.DataFrame):
        raise AttributeError(f"'{type(result).__name__}' object has no attribute 'columns'")
    columns, outputs = [], shape["positions"]
    for name in result.columns:
        if isinstance(name, str) and name in outputs:
            number = outputs[name]
            check_rows(name, len(result), rows)
            columns.append((number, frame_column(name, result, shape["outputs"][number][1])))
    return columns


def parsed_text(value, kind):
    return [None if v is None else parsed_text(v, kind[1:]) for v in value] if kind[0] == "[" else CONVERSIONS[kind[0]](value)


def check_rows(name, given, rows):
    if given != rows:
        raise WrongOutput(f"the function gives {given} values of {name} for {rows} rows")


# --------------------------------------------------------------------------------------------------------------------- requests


def answer(status, **members):
    return bytes([status]) + json.dumps(members).encode()


def text_of(error):
    try:
        text = str(error)[:MAX_TEXT]
    except Exception:
        text = f"an exception of class {type(error).__name__}, whose text raises another one"
    # A lone surrogate has no bytes, and must not keep the rest from being told.
    return text.encode("utf-8", "backslashreplace").decode()


def answered_call(body):
    view, rows, length = CALL.unpack_from(body)
    key = bytes(body[CALL.size : CALL.size + length])
    shape = shapes.get(key)
    if shape is None:
        if len(shapes) >= MAX_SHAPES:
            shapes.clear()
        shape = shapes[key] = json.loads(key)
        shape["positions"] = {name: number for number, (name, _) in enumerate(shape["outputs"])}
    try:
        return call(view, rows, shape, body[CALL.size + length :])
    except WrongOutput as error:
        return answer(WRONG_OUTPUT, text=text_of(error))
    except Unconvertible as error:
        return answer(UNCONVERTIBLE, column=error.column, **{"class": type(error.error).__name__, "text": text_of(error.error)})
    except BaseException as error:  # SystemExit too: only the server ends a worker
        return answer(RAISED, **{"class": type(error).__name__, "text": text_of(error)})


def answered_load(body):
    view = json.loads(bytes(body))
    try:
        functions[view["number"]] = load(view)
        return answer(OK)
    except BaseException as error:
        return answer(NOT_LOADED, text=f"{type(error).__name__}: {text_of(error)}")


def receive():
    """The next frame. Ends the process when the server has ended."""
    data = connection.recv(65536)
    wanted = None
    while wanted is None or len(data) < wanted:
        if wanted is None and len(data) >= 4:
            wanted = 4 + int.from_bytes(data[:4], sys.byteorder)
            data = bytearray(data) if len(data) < wanted else data
            continue
        more = connection.recv(min(max((wanted or 4) - len(data), 1), 1 << 20))
        if not more:
            os._exit(0)
        data += more
    return memoryview(bytes(data))[4:]


def serve():
    handlers = {ord("l"): answered_load, ord("c"): answered_call}
    while True:
        frame = receive()
        number, kind = HEADER.unpack_from(frame)
        result = handlers[kind](frame[HEADER.size :])
        if len(result) + 4 > setup["max_frame"]:
            text = f"the result has {len(result)} bytes, and {setup['max_frame']} are the most"
            result = answer(WRONG_OUTPUT, text=text)
        connection.sendall(struct.pack("=II", len(result) + 4, number) + result)


functions, shapes = {}, {}
sys.argv = ["feast-python-worker"]
# The socket came as stdin, the one descriptor besides the outputs that can be handed over without a moment at which other processes
# inherit it. From here on functions find an empty stdin, and the socket is not passed on to what they start.
connection = socket.socket(fileno=os.dup(0))
nothing = os.open(os.devnull, os.O_RDONLY)
os.dup2(nothing, 0)
# Also what the server has inherited from whoever started it.
for descriptor in map(int, os.listdir("/proc/self/fd")):
    if descriptor > 2 and descriptor != connection.fileno():
        try:
            os.close(descriptor)
        except OSError:
            pass  # that of the list itself
for stream in (sys.stdout, sys.stderr):
    stream.reconfigure(line_buffering=True, errors="backslashreplace")
first = receive()
setup = json.loads(bytes(first[HEADER.size :]))
try:
    enter_sandbox(setup)
    # Python was started without it (-S): what is installed in the environment may run code when it is found, and not as root.
    site = importlib.import_module("site")
    site.main()
    sys.path[:0] = setup["paths"]
    result = answer(OK)
except Exception as error:
    result = answer(NOT_LOADED, text=text_of(error))
connection.sendall(struct.pack("=II", len(result) + 4, HEADER.unpack_from(first)[0]) + result)
serve()
