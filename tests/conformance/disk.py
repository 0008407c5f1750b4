"""What a disk may hold after a power cut, made from a record of all that a program wrote.

Of a file there is what was written before its last sync that ended; what was written since may be
there in part, sector by sector.  Of a folder's names likewise.  No file system is so forgetful in
all of this, and a program that is right here is right on any."""

import os
import re

CALLS = ("open,openat,openat2,close,write,writev,pwrite64,pwritev,sendfile,copy_file_range,"
         "recvfrom,sendto,sendmsg,ftruncate,fallocate,fsync,fdatasync,syncfs,rename,renameat,"
         "renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir")
RECORD = ("strace", "-D", "-f", "-q", "-xx", "-s", "1000000", "--seccomp-bpf", "-e",
          "trace=" + CALLS, "-o")
SYNCS = ("fsync", "fdatasync", "syncfs")
SECTOR = 512
LINE = re.compile(rb"(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)")
TEXT = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
UNFINISHED = b" <unfinished ...>"


def calls(record):
    """(call, arguments, texts, result): as it begins, with the result None, and as it ends.  What
    ended before something else began is told before it."""
    begun = {}
    with open(record, "rb") as lines:
        for found in filter(None, (LINE.match(line.rstrip(b"\n")) for line in lines)):
            thread, call, rest = found[1], found[2].decode(), found[3]
            resumed = thread in begun
            rest = begun.pop(thread, b"") + rest
            ended = not rest.endswith(UNFINISHED)
            if not ended:
                rest = begun[thread] = rest[:-len(UNFINISHED)]
            texts = []
            for text in TEXT.finditer(rest):
                assert not text[2], "strace cut a text short"
                texts.append(bytes.fromhex(text[1].decode().replace("\\x", "")))
            words = TEXT.sub(b"#", rest).decode()
            told, _, result = words.rpartition(") ") if ended else (words, "", "")
            arguments = [word.strip() for word in told.split(",")]
            if not resumed:
                yield call, arguments, texts, None
            if ended:
                number = re.match(r" *= (-?\d+)", result)
                yield call, arguments, texts, int(number[1]) if number else -1


def has_ended(record, pid):
    return re.search(rb"(?m)^%d +\+\+\+" % pid, record.read_bytes()) is not None


class File:
    def __init__(self):
        self.kept = b""     # surely on disk
        self.later = []     # (when, offset, bytes), (when, length, None): cut or made longer

    def size(self):
        return len(self.bytes())

    def bytes(self, choose=lambda later: later):
        data = bytearray(self.kept)
        for _, at, part in choose(self.later):
            if part is None:
                data = data[:at] + bytes(at - len(data[:at]))
            else:
                data += bytes(max(0, at - len(data)))
                data[at:at + len(part)] = part
        return bytes(data)

    def sync(self, when):
        self.kept = self.bytes(lambda later: [change for change in later if change[0] < when])
        self.later = [change for change in self.later if change[0] >= when]


class Folder:
    def __init__(self):
        self.kept = {}      # name -> File or Folder, surely on disk
        self.later = []     # (when, name, what; None: removed)

    def names(self, choose=lambda later: later):
        names = dict(self.kept)
        for _, name, what in choose(self.later):
            names[name] = what
        return {name: what for name, what in names.items() if what}

    def sync(self, when):
        self.kept = self.names(lambda later: [change for change in later if change[0] < when])
        self.later = [change for change in self.later if change[0] >= when]

    def lay(self, place, names, data):
        """Make this folder on a real disk, of what these two choose."""
        for name, what in self.names(names).items():
            path = os.path.join(place, name)
            if isinstance(what, Folder):
                os.mkdir(path)
                what.lay(path, names, data)
            else:
                with open(path, "wb") as file:
                    file.write(what.bytes(data))

    def walk(self, path=""):
        yield path, self
        for name, what in self.names().items():
            yield from what.walk(f"{path}/{name}") if isinstance(what, Folder) else [
                (f"{path}/{name}", what)]


class Disk:
    """The folder `root`, empty at first, and what a recorded program does to it."""

    def __init__(self, root):
        self.prefix = str(root) + "/"
        self.root = Folder()
        self.clock = 0
        self.open = {}      # descriptor -> [path, File or Folder, offset]
        self.syncs = {}     # descriptor -> when its sync began

    def find(self, path):
        """The folder that it lies in and its name there; None: not below the root."""
        if not path.startswith(self.prefix):
            return None, None
        *folders, name = path[len(self.prefix):].split("/")
        folder = self.root
        for step in folders:
            folder = folder.names().get(step)
        return folder, name

    def paths(self, arguments, texts):
        """Each path told, with the descriptor of the folder before it."""
        for at, text in zip([i for i, word in enumerate(arguments) if "#" in word], texts):
            before = self.open.get(arguments[at - 1]) if at > 0 else None
            yield os.path.normpath(os.path.join(before[0] if before else "/", text.decode()))

    def name(self, path, what):
        folder, name = self.find(path)
        if folder:
            folder.later.append((self.clock, name, what))

    def what(self, path):
        folder, name = self.find(path)
        return folder.names().get(name) if folder else None

    def program_starts(self):
        """With no descriptor of the one before it, which may have been killed."""
        self.open.clear()
        self.syncs.clear()

    def do(self, call, arguments, texts, result):
        self.clock += 1
        if result is None:
            if call in SYNCS:
                self.syncs[arguments[0]] = self.clock
            elif call == "close":
                self.open.pop(arguments[0].rstrip(")"), None)
        elif result >= 0:
            self.done(call, arguments, texts, result)

    def done(self, call, arguments, texts, result):
        opened = self.open.get(arguments[0])
        if call.startswith("open"):
            self.opened(next(self.paths(arguments, texts)), " ".join(arguments), str(result))
        elif call.startswith("mkdir"):
            self.name(next(self.paths(arguments, texts)), Folder())
        elif call.startswith(("unlink", "rmdir")):
            self.name(next(self.paths(arguments, texts)), None)
        elif call.startswith(("link", "rename")):
            old, new = self.paths(arguments, texts)
            self.name(new, self.what(old))
            if call.startswith("rename"):
                self.name(old, None)
        elif opened and call == "syncfs":
            for _, what in list(self.root.walk()):
                what.sync(self.syncs[arguments[0]])
        elif opened and call in SYNCS:
            opened[1].sync(self.syncs[arguments[0]])
        elif opened and call == "ftruncate":
            opened[1].later.append((self.clock, int(arguments[1]), None))
        elif opened and call == "fallocate":
            size = max(opened[1].size(), int(arguments[2]) + int(arguments[3]))
            opened[1].later.append((self.clock, size, None))
        elif opened and call in ("write", "writev", "pwrite64", "pwritev"):
            self.written(opened, call, int(arguments[-1]), b"".join(texts)[:result])
        else:
            assert not opened or call == "close", f"what does {call} do?"

    def opened(self, path, flags, number):
        folder, name = self.find(path)
        what = folder.names().get(name) if folder else None
        if folder and not what:
            what = File()
            folder.later.append((self.clock, name, what))
        elif folder and "O_TRUNC" in flags:
            what.later.append((self.clock, 0, None))
        if what or path + "/" == self.prefix:
            self.open[number] = [path, what or self.root, 0]

    def written(self, opened, call, last, data):
        at = last if call.startswith("p") else opened[2]
        opened[1].later.append((self.clock, at, data))
        if not call.startswith("p"):
            opened[2] += len(data)


def torn(chance):
    """Chooses some of what may be on disk: of names the first few, of bytes any sectors."""
    def names(later):
        return later[:chance.randint(0, len(later))]

    def data(later):
        for when, at, part in later:
            if part is None:
                if chance.random() < 0.5:
                    yield when, at, None
                continue
            for sector in range(at // SECTOR, (at + len(part)) // SECTOR + 1):
                if chance.random() < 0.5:
                    start = max(at, sector * SECTOR)
                    yield when, start, part[start - at:(sector + 1) * SECTOR - at]
    return names, data


def all_of(later):
    return later


def none_of(later):
    return []


def ways(chance):
    """What a cut may leave: (of the names, of the bytes) that were not synced."""
    return {"least": (none_of, none_of), "names only": (all_of, none_of),
            "bytes only": (none_of, all_of), "torn": torn(chance)}
