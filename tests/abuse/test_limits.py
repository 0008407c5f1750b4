"""Builds that take too much: each ends with its own reason, and nobody else notices."""
import time

import pytest

from rig import Rig


def test_an_honest_build_succeeds(rig):
    record = rig.build({"README": "hello"})
    assert record["state"] == "STORING", record
    assert [s["state"] for s in record["steps"]] == ["SUCCEEDED"] * 7
    assert "made by demo" in rig.build_log(record["id"])


@pytest.mark.parametrize("where", ["/src", "/tmp", "/cache"])
def test_a_full_disk(rig, where):
    rig.attack(f"dd if=/dev/zero of={where}/big bs=1M count=500", "DISK_FULL")


def test_a_full_disk_that_is_emptied_again(rig):
    rig.attack("dd if=/dev/zero of=/src/big bs=1M count=500; rm /src/big; exit 1", "DISK_FULL")


def test_too_many_inodes(rig):
    rig.attack("i=0; while :> /src/f$i; do i=$((i+1)); done; exit 1", "DISK_FULL")


def test_a_source_that_does_not_fit(rig):
    """Compressed it would."""
    record = rig.build({"big": bytes(80 << 20)})
    assert (record["state"], record["attempt"], record["result"]["reason"]) == ("FAILED", 1, "DISK_FULL"), record


def test_a_source_of_nothing_but_zeros(rig):
    assert rig.build({"zeros": bytes(20 << 20)})["state"] == "STORING"


@pytest.mark.parametrize("fill", ["dd if=/dev/zero of=/src/big bs=64k", "i=0; while :> /src/f$i; do i=$((i+1)); done"])
def test_a_disk_that_is_left_full_is_nobodys_fault(rig, fill):
    """The artifact was made before; its check needs no room."""
    artifact = "mkdir /out/artifact; echo 'echo made' > /out/artifact/demo; chmod 755 /out/artifact/demo"
    record = rig.build({"build.sh": f"{artifact}; ({fill}) 2> /dev/null; exit 0"})
    assert record["state"] == "STORING" and record["attempt"] == 1, (record, rig.build_log(record["id"]))


def test_shared_memory_counts_as_memory(rig):
    rig.attack("dd if=/dev/zero of=/dev/shm/big bs=1M count=200", "OOM")


def test_shared_memory_has_a_size_and_a_number_of_files(rig):
    rig.attack("i=0; while :> /dev/shm/f$i; do i=$((i+1)); done; echo $i files; exit 1", "DISK_FULL")


def test_a_memory_hog(rig):
    rig.attack("tail -c 1000m /dev/zero | wc -c", "OOM")


def test_a_memory_hog_whose_parent_carries_on(rig):
    log = rig.attack("while :; do dd if=/dev/zero of=/dev/null bs=200M count=1; echo again; sleep 1; done", "OOM")
    assert log.count("again") < 5


def test_a_fork_bomb(rig):
    rig.attack("f() { f | f & }; while :; do f; done", "PIDS_LIMIT")


def test_a_fork_bomb_in_sessions_of_its_own(rig):
    rig.attack("while :; do setsid sleep 1000 & done", "PIDS_LIMIT")


def test_silence(rig):
    rig.attack("sleep 1000", "SILENT_TIMEOUT", state="TIMED_OUT")


def test_silence_after_the_output_was_closed(rig):
    rig.attack("exec > /dev/null 2>&1; sleep 1000", "SILENT_TIMEOUT", state="TIMED_OUT")


def test_a_busy_loop_that_ignores_signals(rig):
    rig.attack('trap "" TERM INT HUP; while :; do echo .; sleep 0.1; done', "BUILD_TIMEOUT", state="TIMED_OUT",
               timeout="3s")


def test_a_log_flood(rig):
    log = rig.attack("yes", "LOG_LIMIT")
    assert len(log) < 1048576 + 4096


def test_a_flood_of_one_line(rig):
    rig.attack("cat /dev/zero", "LOG_LIMIT")


def test_a_file_of_impossible_size(rig):
    rig.attack("dd if=/dev/zero of=/src/x bs=1 count=1 seek=8000000000000000", "DISK_FULL")


def test_a_daemon_dies_with_the_step(rig):
    started = time.monotonic()
    record = rig.build({"build.sh": "(setsid sh -c 'sleep 300 & sleep 300' > /dev/null 2>&1 &)\n"
                                    "mkdir /out/artifact; printf '#!/bin/sh\\n' > /out/artifact/demo\n"
                                    "chmod 755 /out/artifact/demo"})
    assert record["state"] == "STORING", record
    assert time.monotonic() - started < 20


def test_a_daemon_that_holds_the_output_dies_with_the_step(rig):
    rig.attack("setsid sleep 300 & exit 3", "COMPILE")


def test_a_step_that_dies_of_a_signal(rig):
    rig.attack("kill -SEGV $$", "SIGNALED")


def test_the_last_line_is_the_message(rig):
    log = rig.attack("echo first; echo 'no such thing: \x1b[31mred\x1b[0m' >&2; exit 7", "COMPILE")
    assert "no such thing" in log


def test_what_the_recipe_says_about_its_failure(rig):
    script = """echo '{"reason":"TEST","message":"two tests failed","hint":"look"}' > /out/failure.json; exit 1"""
    record = rig.build({"build.sh": script})
    assert record["result"]["reason"] == "TEST"
    assert record["result"]["message"] == "two tests failed"
    assert record["result"]["hint"] == "look"


@pytest.mark.parametrize("text", [
    '{"reason":"WORKER_LOST","message":"x"}', '{"reason":"SUCCESS"}', '[]', '{"reason":1}', "\0\0", '{"reason":"TEST"',
])
def test_a_lie_about_a_failure_is_not_believed(rig, text):
    record = rig.build({"build.sh": "cp /src/text /out/failure.json; echo last; exit 1", "text": text})
    assert record["state"] == "FAILED"
    assert record["result"]["reason"] == "COMPILE"


@pytest.mark.parametrize("make", [
    "mkfifo /out/failure.json", "ln -s /etc/passwd /out/failure.json", "ln -s /proc/1/environ /out/failure.json",
    "mkdir -p /out/failure.json/x", "mknod /out/failure.json c 0 0", "truncate -s 60M /out/failure.json",
    """printf '{"reason":"TEST","message":"' > /out/failure.json; head -c 3000000 /dev/zero | tr '\\0' a >> /out/failure.json""",
    "head -c 8000 /dev/zero | tr '\\0' [ > /out/failure.json", "rm -r /out/*; chmod 0 /out; ln -s /etc/passwd /tmp/failure.json",
    "ln -s failure.json /out/failure.json",
])
def test_a_trap_in_place_of_failure_json(rig, make):
    rig.attack(f"{make}\nexit 1", "COMPILE")


def test_what_a_failure_says_is_made_harmless(rig):
    text = '{"reason":"TEST","message":"red \\u001b[31m\\u202e end\\nFAKE: [sos] done","hint":"\\u0007"}'
    record = rig.build({"build.sh": "cp /src/text /out/failure.json; exit 1", "text": text})
    assert record["result"]["reason"] == "TEST"
    assert record["result"]["message"] == "red  [31m  end FAKE: [sos] done"


def test_output_that_is_no_text(rig):
    log = rig.attack(r"printf 'nul \0 and \377\376 and \033]0;x\007 end\n'; exit 1", "COMPILE")
    assert "nul \0 and" in log
    record = rig.build({"build.sh": r"printf '\377\376\0\033[2J'; exit 1"})
    assert record["result"]["message"] == "??  [2J", record["result"]


def test_orphans_are_reaped(rig_big):
    # On a busy machine the kernel takes its time to give back what thousands of them took.
    log = rig_big.said("/src/attack orphans; ls -d /proc/[0-9]* | wc -l")
    assert "orphaned" in log
    assert int(log.splitlines()[-2]) < 8, log


def test_the_neighbour_does_not_notice(rig):
    bomb = rig.submit({"build.sh": "while :; do setsid sleep 1000 & done"}, project="bomb")
    hog = rig.submit({"build.sh": "while :; do dd if=/dev/zero of=/dev/null bs=200M count=1; done"}, project="hog")
    honest = rig.build({"README": "hello"}, project="honest")
    assert honest["state"] == "STORING", honest
    assert rig.end_of(bomb)["result"]["reason"] == "PIDS_LIMIT"
    assert rig.end_of(hog)["result"]["reason"] == "OOM"


def test_a_cancel_is_quick(rig):
    build = rig.submit({"build.sh": "while :; do echo .; sleep 0.1; done"})
    rig.wait(build, lambda r: r["state"] == "RUNNING" and "\n." in rig.build_log(build))
    started = time.monotonic()
    rig.answer("post", f"/v1/builds/{build}:cancel", json={})
    assert rig.end_of(build)["state"] == "CANCELED"
    assert time.monotonic() - started < 10


def test_the_cache_is_the_projects_own_and_is_kept():
    fill = "cat /cache/mark 2> /dev/null || echo empty; echo mine > /cache/mark; exit 1"
    # One slot after another: the owner of the files changes with the slot.
    with Rig(slots=2) as rig:
        def said(project, fill=fill):
            return rig.build_log(rig.build({"build.sh": fill}, project=project, noCache=False)["id"])
        assert "empty" in said("one")
        assert "mine" in said("one", fill + "\n# other bytes, another build")
        assert "empty" in said("two")
        rig.attack("sleep 1000", "SILENT_TIMEOUT", state="TIMED_OUT", project="one", noCache=False)
        # A build that was cut short may have left half a file: its cache is gone.
        assert "empty" in said("one", fill + "\n# once more")
