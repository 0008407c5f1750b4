"""Images that would lead the runtime astray are refused before anything runs in them."""
import os

import pytest

from rig import Rig


@pytest.mark.parametrize("tree", [
    "ln -s DECOY dev", "ln -s DECOY proc", "ln -s DECOY sys", "ln -s DECOY run", "rm -r etc; ln -s DECOY etc",
    "rm -r src; ln -s ../DECOY src", "ln -s DECOY/hosts etc/hosts", "ln -s DECOY/new etc/resolv.conf",
    "mkfifo etc/pipe", "mknod etc/disk b 7 0", "rm -r tmp; touch tmp", "mkdir etc/hosts",
])
def test_an_image_with_a_trap_is_refused(tmp_path, tree):
    decoy = tmp_path / "decoy"
    decoy.mkdir()
    (decoy / "hosts").write_text("host")
    decoy.chmod(0o755)
    with Rig(slots=1, image=tree.replace("DECOY", str(decoy))) as rig:
        record = rig.build({"README": "x"})
        assert record["state"] == "ERRORED", record
        assert record["result"]["reason"] == "IMAGE_UNAVAILABLE" and record["result"]["message"], record
        assert os.listdir(decoy) == ["hosts"] and (decoy / "hosts").read_text() == "host"
        assert not list((rig.state / "worker/rootfs").glob("tmp-*"))
        rig.assert_clean()


def test_a_damaged_image_is_refused():
    with Rig(slots=1) as rig:
        layer = max((rig.images / "oci/blobs/sha256").iterdir(), key=lambda p: p.stat().st_size)
        data = bytearray(layer.read_bytes())
        data[len(data) // 2] ^= 1
        layer.write_bytes(data)
        record = rig.build({"README": "x"})
        assert record["result"]["reason"] == "IMAGE_UNAVAILABLE", record
        assert not [p for p in (rig.state / "worker/rootfs").iterdir() if p.is_dir()]


def test_a_build_that_stops_while_the_image_is_unpacked_leaves_no_helper(tmp_path):
    """A helper that lives on would write into the folder that the next build unpacks into."""
    slow = tmp_path / "umoci"
    slow.write_text(f"#!/bin/sh\n[ -e {tmp_path}/fast ] || sleep 30\nexec /usr/bin/umoci \"$@\"\n")
    slow.chmod(0o755)
    with Rig(slots=1, around=["env", f"PATH={tmp_path}:{os.environ['PATH']}"]) as rig:
        build = rig.submit({"README": "x"})
        rig.wait(build, lambda r: "[sos] image" in rig.build_log(build))
        rig.answer("post", f"/v1/builds/{build}:cancel", json={})
        assert rig.end_of(build)["state"] == "CANCELED"
        rig.assert_clean(1)
        (tmp_path / "fast").touch()
        assert rig.build({"README": "x"})["state"] == "STORING"
