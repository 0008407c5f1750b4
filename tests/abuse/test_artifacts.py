"""Artifacts that are not what they should be are refused before a byte of them is used."""
import pytest

from rig import Rig

REFUSED = {
    "a symbolic link": "ln -s /etc/passwd /out/artifact/x",
    "a fifo": "mkfifo /out/artifact/x",
    "a hard link": "echo a > /out/artifact/x; ln /out/artifact/x /out/y",
    "a folder": "mkdir /out/artifact/x",
    "too many": "for i in 1 2 3 4 5; do echo a > /out/artifact/x$i; done",
    "a name like an option": "echo a > /out/artifact/-rf",
    "a name with a newline": "echo a > '/out/artifact/a\nb'",
    "a name with an escape": "echo a > \"/out/artifact/$(printf 'a\\033[2J')\"",
    "a name of 255 bytes": "echo a > /out/artifact/$(printf '%0255d' 0)",
    "a device": "mknod /out/artifact/x c 0 0 && echo made", # the one that anybody may make: a whiteout
    "a file of a name with a slash": "mkdir -p /out/artifact/a; echo a > /out/artifact/a/b",
    "a hidden file": "echo a > /out/artifact/.x",
    "a name that is no text": "echo a > \"/out/artifact/$(printf 'a\\377')\"",
    "a link to itself": "ln -s x /out/artifact/x",
    "a link to a process": "ln -s /proc/1/environ /out/artifact/x",
    "a hard link to the source": "ln /src/build.sh /out/artifact/x 2> /dev/null || ln -s /src/build.sh /out/artifact/x",
    "a socket": "cd /out/artifact; timeout 1 nc -lU x || nc -l -s local:x & sleep 1; mkfifo y",
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(rig, what):
    rig.attack("mkdir /out/artifact\n" + REFUSED[what], "ARTIFACT_REFUSED")


def test_the_folder_itself_is_a_link(rig):
    rig.attack("ln -s /etc /out/artifact", "ARTIFACT_REFUSED")
    rig.attack("mkdir /src/x; echo a > /src/x/a; ln -s ../src/x /out/artifact", "ARTIFACT_REFUSED")


def test_the_folder_cannot_be_mounted_over(rig):
    log = rig.attack("mkdir /out/artifact; mount -t tmpfs none /out/artifact; mount -o bind /etc /out/artifact; umount /out; "
                     "mv /out /out2; rmdir /out/artifact; ln -s /proc/self/root/etc /out/artifact", "ARTIFACT_REFUSED")
    assert log.count("mount: ") + log.count("umount: ") >= 3 and "mv: " in log, log


def test_the_folder_is_a_file(rig):
    rig.attack("echo a > /out/artifact", "ARTIFACT_REFUSED")


def test_a_huge_sparse_file(rig):
    rig.attack("mkdir /out/artifact; truncate -s 60000000 /out/artifact/x", "ARTIFACT_TOO_BIG")


def test_sparse_files_larger_than_the_disk_together():
    with Rig(slots=1, limits={"artifactBytes": str(60 << 20)}) as rig:
        rig.attack("mkdir /out/artifact; for i in 1 2; do truncate -s 50M /out/artifact/x$i; done", "ARTIFACT_TOO_BIG")
        rig.assert_clean()


def test_nothing(rig):
    rig.attack("true", "ARTIFACT_MISSING")
    rig.attack("mkdir /out/artifact", "ARTIFACT_MISSING")


def test_check_sees_what_was_collected_and_cannot_change_it(rig):
    artifact = "#!/bin/sh\\necho changed > /artifact/demo; ls /src /out /cache; exit 1\\n"
    record = rig.build({"build.sh": f"mkdir /out/artifact; printf '{artifact}' > /out/artifact/demo; "
                                    "chmod 755 /out/artifact/demo; touch /src/x /cache/y"})
    log = rig.build_log(record["id"])
    assert record["result"]["reason"] == "PACKAGE", (record, log)
    assert "Read-only file system" in log
    after = log[log.index("[sos] check"):]
    assert "x" not in after.split() and "y" not in after.split()
