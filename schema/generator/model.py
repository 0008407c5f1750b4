"""The model as the generators see it: messages, enums and routes with their C names.

Read from a FileDescriptorSet made with --include_imports and --include_source_info. Whatever the
C mapping (include/sos/base/wire.h) has no form for is refused here, with its name.
"""
import re
from dataclasses import dataclass, field

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "sos.v1"
FIELDS_MAX = 64                      # the parser keeps what it has seen in 64 bits
EMPTY = ".google.protobuf.Empty"
PROTO = descriptor_pb2.FieldDescriptorProto
SCALARS = {PROTO.TYPE_STRING: "string", PROTO.TYPE_INT32: "int32", PROTO.TYPE_INT64: "int64",
           PROTO.TYPE_BOOL: "bool"}
WELL_KNOWN = {".google.protobuf.Timestamp": "time", ".google.protobuf.Duration": "duration"}
C_WORDS = frozenset("""auto break case char const continue default do double else enum extern float
    for goto if inline int long register restrict return short signed sizeof static struct switch
    typedef union unsigned void volatile while bool true false""".split())


class Unsupported(Exception):
    """The .proto files hold something that has no C form."""


@dataclass
class EnumValue:
    name: str
    number: int
    c_name: str
    comment: str


@dataclass
class Enum:
    name: str                        # "Build.State"
    c_name: str                      # "sos_build_state"
    comment: str
    values: list = field(default_factory=list)


@dataclass
class Field:
    name: str                        # as in the .proto file
    json: str
    c_name: str
    kind: str                        # a key of c.KINDS
    repeated: bool
    target: str                      # full name of the message or enum; "" for the others
    comment: str


@dataclass
class Message:
    name: str                        # "LockRule.Condition"
    c_name: str                      # "sos_lock_rule_condition"
    comment: str
    fields: list = field(default_factory=list)


@dataclass
class Query:
    name: str
    kind: str                        # string, int32, int64


@dataclass
class Route:
    name: str                        # "CreateBuild"
    comment: str
    rule: object                     # sos.v1.HttpRule
    request: str                     # full name of the message, "" for none
    answer: str
    query: list

    @property
    def op(self):
        return "SOS_OP_" + snake(self.name).upper()

    @property
    def status(self):
        return self.rule.status or 200

    @property
    def params(self):
        return re.findall(r"\{(\w+)\}", self.rule.path)


@dataclass
class Model:
    messages: dict = field(default_factory=dict)     # full name -> Message, in order of the files
    enums: dict = field(default_factory=dict)
    routes: list = field(default_factory=list)


def snake(name):
    """ListBuildsResponse -> list_builds_response."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.replace(".", "_")).lower()


def load(descriptor_set):
    """Model of the package in the bytes of a FileDescriptorSet."""
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file
    rule_of = http_rules(files)
    model = Model()
    for file in files:
        if file.package == PACKAGE:
            FileReader(file, model, option_types(files), rule_of).read()
    return model


def option_types(files):
    """Messages that are options of the .proto files themselves and never travel."""
    return {extension.type_name for file in files for extension in file.extension}


def http_rules(files):
    """A function that gives the HttpRule of a MethodDescriptorProto."""
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    factory.GetMessages([file.name for file in files])       # makes the extension known
    options_class = factory.GetPrototype(
        pool.FindMessageTypeByName("google.protobuf.MethodOptions"))
    extension = pool.FindExtensionByName(PACKAGE + ".http")

    def rule_of(method):
        options = options_class.FromString(method.options.SerializeToString())
        return options.Extensions[extension]
    return rule_of


class FileReader:
    """Adds what one .proto file holds to the model."""

    def __init__(self, file, model, skip, rule_of):
        self.file, self.model, self.skip, self.rule_of = file, model, skip, rule_of
        self.comments = {tuple(where.path): where.leading_comments or where.trailing_comments
                         for where in file.source_code_info.location}

    def read(self):
        for i, enum in enumerate(self.file.enum_type):
            self.add_enum(enum, "", (5, i))
        for i, message in enumerate(self.file.message_type):
            self.add_message(message, "", (4, i))
        for i, service in enumerate(self.file.service):
            for j, method in enumerate(service.method):
                self.add_route(method, (6, i, 2, j))

    def comment(self, path):
        return " ".join(self.comments.get(path, "").split())

    def add_enum(self, enum, outer, path):
        name = outer + enum.name
        c_name = "sos_" + snake(name)
        made = Enum(name, c_name, self.comment(path))
        if any(value.number < 0 for value in enum.value):
            raise Unsupported(f"{name}: a negative number")
        for i, value in enumerate(enum.value):
            # ROLE_UNSPECIFIED of Role: the enum's own name is said once.
            short = re.sub("^" + snake(enum.name).upper() + "_", "", value.name)
            made.values.append(EnumValue(value.name, value.number, f"{c_name.upper()}_{short}",
                                         self.comment(path + (2, i))))
        self.model.enums[f".{PACKAGE}.{name}"] = made

    def add_message(self, message, outer, path):
        name = outer + message.name
        full = f".{PACKAGE}.{name}"
        if full in self.skip or message.options.map_entry:
            return
        for i, enum in enumerate(message.enum_type):
            self.add_enum(enum, name + ".", path + (4, i))
        for i, nested in enumerate(message.nested_type):
            self.add_message(nested, name + ".", path + (3, i))
        if len(message.field) > FIELDS_MAX:
            raise Unsupported(f"{name}: more than {FIELDS_MAX} fields")
        maps = read_maps(message, full)
        made = Message(name, "sos_" + snake(name), self.comment(path))
        for i, one in enumerate(message.field):
            made.fields.append(read_field(one, name, maps, self.comment(path + (2, i))))
        self.model.messages[full] = made

    def add_route(self, method, path):
        query = [Query(*(entry.split(":") + ["string"])[:2])
                 for entry in self.rule_of(method).query]
        self.model.routes.append(Route(
            method.name, self.comment(path), self.rule_of(method),
            "" if method.input_type == EMPTY else method.input_type,
            "" if method.output_type == EMPTY else method.output_type, query))


def read_maps(message, full):
    """Full name of each map's entry type -> the field's kind, None when it has none."""
    return {f"{full}.{entry.name}": map_kind(entry) for entry in message.nested_type
            if entry.options.map_entry}


def map_kind(entry):
    strings = all(one.type == PROTO.TYPE_STRING for one in entry.field)
    return "pairs" if strings else None


def read_field(one, owner, maps, comment):
    kind = field_kind(one, maps)
    if not kind or one.HasField("oneof_index"):
        raise Unsupported(f"{owner}.{one.name}: this kind of field has no C form")
    repeated = one.label == PROTO.LABEL_REPEATED and kind != "pairs"
    target = one.type_name if kind in ("enum", "message") else ""
    return Field(one.name, one.json_name, c_field_name(one.name, kind), kind, repeated, target,
                 comment)


def field_kind(one, maps):
    """Kind of a field, None when there is none for it."""
    if one.type == PROTO.TYPE_ENUM:
        return "enum"
    if one.type != PROTO.TYPE_MESSAGE:
        return SCALARS.get(one.type)
    if one.type_name in maps:
        return maps[one.type_name]
    if one.type_name in WELL_KNOWN:
        return WELL_KNOWN[one.type_name]
    return "message" if one.type_name.startswith(f".{PACKAGE}.") else None


def c_field_name(name, kind):
    if kind in ("time", "duration"):
        return name + "_ms"
    return name + "_" if name in C_WORDS else name
