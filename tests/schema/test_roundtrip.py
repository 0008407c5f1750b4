"""Every message type against the stock protobuf library: what json_format prints, the C codec
reads and writes, and json_format reads as an equal message.

The seed is printed with each failure; SOS_SEED and SOS_ROUNDS set another one and more rounds.
"""
import json
import os
import random
import subprocess

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor as Kind

import stock

SEED = int(os.environ.get("SOS_SEED", "1"))
ROUNDS = int(os.environ.get("SOS_ROUNDS", "150"))
CLASSES = stock.load()[0]
TIME_MIN_MS, TIME_MAX_MS = -62135596800000, 253402300799999
DURATION_MAX_MS = 315576000000000
ALPHABET = "abcXYZ019 _-/~.\"\\\n\t\r\b\f\x01\x1f\x7f\u0080é€\u2028\ufeff\ufffd\U0001f600"


class Codec:
    """The C program: one line in, one line out."""

    def __init__(self):
        self.process = subprocess.Popen([os.environ["SOS_ROUNDTRIP"]], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def ask(self, mode, name, text):
        self.process.stdin.write(f"{mode} {name} {text}\n".encode())
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode()
        assert answer.endswith("\n"), f"the codec died of {name} {text!r}"
        return answer[:-1]

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=30) == 0


@pytest.fixture(scope="module", name="codec")
def codec_fixture():
    codec = Codec()
    yield codec
    codec.close()


# --- random messages ---

def random_text(rng):
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randrange(12)))


def random_ms(rng, least, most):
    """Never 0: that is absent in C."""
    near = rng.randrange(-5000, 5000)
    return rng.choice([near, rng.randrange(least, most + 1), least, most]) or 1


def set_ms(message, ms):
    """Seconds and nanoseconds of a Timestamp (nanos never negative) or Duration (one sign)."""
    if message.DESCRIPTOR.name == "Timestamp":
        message.seconds, message.nanos = ms // 1000, ms % 1000 * 1000000
    else:
        sign = -1 if ms < 0 else 1
        message.seconds, message.nanos = sign * (abs(ms) // 1000), sign * (abs(ms) % 1000) * 1000000


def random_scalar(rng, field):
    if field.type == Kind.TYPE_STRING:
        return random_text(rng)
    if field.type == Kind.TYPE_BOOL:
        return rng.random() < 0.5
    if field.type == Kind.TYPE_ENUM:
        return rng.choice(field.enum_type.values).number
    bits = {Kind.TYPE_INT32: 31, Kind.TYPE_INT64: 63}[field.type]
    return rng.choice([0, 1, -1, -2 ** bits, 2 ** bits - 1, rng.randrange(-2 ** bits, 2 ** bits)])


def fill(rng, message):
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.3:
            continue
        value = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            for _ in range(rng.randrange(4)):
                value[random_text(rng)] = random_text(rng)
        elif field.label == Kind.LABEL_REPEATED and field.message_type:
            for _ in range(rng.randrange(4)):
                fill(rng, value.add())
        elif field.label == Kind.LABEL_REPEATED:
            value.extend(random_scalar(rng, field) for _ in range(rng.randrange(4)))
        elif field.message_type:
            value.SetInParent()
            fill_single(rng, value)
        else:
            setattr(message, field.name, random_scalar(rng, field))


def fill_single(rng, message):
    if message.DESCRIPTOR.name == "Timestamp":
        set_ms(message, random_ms(rng, TIME_MIN_MS, TIME_MAX_MS))
    elif message.DESCRIPTOR.name == "Duration":
        set_ms(message, random_ms(rng, -DURATION_MAX_MS, DURATION_MAX_MS))
    else:
        fill(rng, message)


def random_messages(name):
    rng = random.Random(f"{SEED} {name}")
    for i in range(ROUNDS):
        message = CLASSES[name]()
        if i > 0:                            # the first one is empty
            fill(rng, message)
        yield rng, message


def printed(rng, message):
    """JSON in one of the ways the library has, all of which a reader must take."""
    return json_format.MessageToJson(
        message, indent=None, preserving_proto_field_name=rng.random() < 0.3,
        use_integers_for_enums=rng.random() < 0.3,
        including_default_value_fields=rng.random() < 0.3)


# --- where a JSON text holds messages ---

def objects(value, descriptor, pointer=""):
    """(object, its descriptor, its JSON pointer) of each message in a JSON tree."""
    yield value, descriptor, pointer
    for field in descriptor.fields:
        name = field.json_name if field.json_name in value else field.name
        kind = field.message_type
        if name not in value or not kind or kind.GetOptions().map_entry or kind.file.package != \
                "sos.v1":
            continue
        if field.label == Kind.LABEL_REPEATED:
            for i, element in enumerate(value[name]):
                yield from objects(element, kind, f"{pointer}/{name}/{i}")
        else:
            yield from objects(value[name], kind, f"{pointer}/{name}")


# --- tests ---

@pytest.mark.parametrize("name", sorted(CLASSES))
def test_equal_after_a_round(codec, name):
    for rng, message in random_messages(name):
        text = printed(rng, message)
        answer = codec.ask(rng.choice(["strict", "lenient"]), name, text)
        assert not answer.startswith("!"), f"seed {SEED}: {answer}: {text}"
        back = json_format.Parse(answer, CLASSES[name]())
        assert back == message, f"seed {SEED}: {text} became {answer}"


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_what_is_written_is_what_the_library_prints(codec, name):
    """Not only equal: the same JSON values, so that nobody can tell which one wrote."""
    for _, message in random_messages(name):
        text = json_format.MessageToJson(message, indent=None)
        assert json.loads(codec.ask("strict", name, text)) == json.loads(text), f"seed {SEED}"


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_an_unknown_field_is_refused_with_its_path(codec, name):
    for rng, message in random_messages(name):
        tree = json.loads(printed(rng, message))
        where, _, pointer = rng.choice(list(objects(tree, CLASSES[name].DESCRIPTOR)))
        where["qqqqqqqq"] = rng.choice([None, 1, {"a": [1]}])
        text = json.dumps(tree)
        assert codec.ask("strict", name, text) == f"! {pointer}/qqqqqqqq unknown field"

        back = json_format.Parse(codec.ask("lenient", name, text), CLASSES[name]())
        assert back == message, f"seed {SEED}: {text}"


def test_times_and_durations_are_cut_to_milliseconds(codec):
    answer = codec.ask("strict", "Build", json.dumps({
        "createTime": "2026-11-23T16:02:11.250999999Z", "startTime": "2026-11-23T16:02:11+00:00",
        "timeout": "1.999999999s"}))
    assert json.loads(answer) == {"createTime": "2026-11-23T16:02:11.250Z",
                                  "startTime": "2026-11-23T16:02:11Z", "timeout": "1.999s"}
