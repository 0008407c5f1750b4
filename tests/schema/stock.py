"""The model by the stock protobuf library: classes of every message that travels."""
import os
import pathlib

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "sos.v1."


def files():
    data = pathlib.Path(os.environ["SOS_DESCRIPTORS"]).read_bytes()
    return descriptor_pb2.FileDescriptorSet.FromString(data).file


def load():
    """(classes by name without the package, descriptor pool, message factory)."""
    pool = descriptor_pool.DescriptorPool()
    for file in files():
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    found = factory.GetMessages([file.name for file in files()])
    classes = {name.removeprefix(PACKAGE): made for name, made in found.items()
               if name.startswith(PACKAGE) and not made.DESCRIPTOR.GetOptions().map_entry}
    classes.update({f"{name}.{nested.name}": factory.GetPrototype(nested)
                    for name, made in list(classes.items())
                    for nested in made.DESCRIPTOR.nested_types
                    if not nested.GetOptions().map_entry})
    del classes["HttpRule"]                  # an option of the .proto files; never travels
    return classes, pool, factory


def http_rules():
    """method name -> HttpRule, of the whole service."""
    _, pool, factory = load()
    options = factory.GetPrototype(pool.FindMessageTypeByName("google.protobuf.MethodOptions"))
    http = pool.FindExtensionByName(PACKAGE + "http")
    service = pool.FindServiceByName(PACKAGE + "Farm")
    return {method.name:
            options.FromString(method.GetOptions().SerializeToString()).Extensions[http]
            for method in service.methods}
