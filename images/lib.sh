# shellcheck shell=bash
# lib.sh - what every recipe shares; sourced from /opt/sos/lib.sh.
#
# images/README.md has the contract of a recipe: its verbs, environment and directories.

set -euo pipefail
umask 022
export HOME=/tmp/home
mkdir -p "$HOME"

# Say a command, then run it.
run()
{
    printf '+ %s\n' "$*"
    "$@"
}

# Like run(), and keep what the command printed in $LOG for explain functions to search.
LOG=/tmp/sos.log
run_logged()
{
    printf '+ %s\n' "$*"
    "$@" 2>&1 | tee "$LOG"
}

note() { printf 'note: %s\n' "$*"; }

# A string of JSON; what is not UTF-8 is left out, control characters become blanks.
json_string()
{
    local text
    text=$(printf '%s' "$1" | iconv -c -f UTF-8 -t UTF-8)
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//[[:cntrl:]]/ }
    printf '"%s"' "$text"
}

# fail REASON MESSAGE [HINT]: end the verb and say why in a form that the farm can show.
fail()
{
    printf '{"reason":"%s","message":%s,"hint":%s}\n' \
        "$1" "$(json_string "$2")" "$(json_string "${3:-}")" > /out/failure.json
    printf 'error: %s\n' "$2" >&2
    [ -z "${3:-}" ] || printf 'hint: %s\n' "$3" >&2
    exit 1
}

# inspected ENTRY: the answer of the verb inspect. The image's tools are lines of "name version".
inspected()
{
    local tools
    tools=$(sed -e 's/^\([^ ]*\) \(.*\)$/"\1":"\2"/' /opt/sos/tools | paste -sd,)
    printf '{"entry":%s,"tools":{%s}}\n' "$(json_string "$1")" "$tools" > /out/inspect.json
    [ -z "$1" ] || printf 'entry point: %s\n' "$1"
}

# An artifact's file name may hold only the project's own name.
artifact_path()
{
    mkdir -p /out/artifact
    printf '/out/artifact/%s%s' "$SOS_PROJECT" "${1:-}"
}

# starts PATTERN COMMAND...: does the program start?
#
# It is asked for its help, then for its version. A program that prints a line matching PATTERN (an
# ERE of what its runtime says when a part is missing), that cannot be executed or that dies of a
# signal does not start. One that is still running after START_S seconds is a service and does.
# Any other exit status is the program's own business.
START_S=${START_S:-5}
starts()
{
    local pattern=$1 arg rc
    shift
    for arg in --help --version; do
        printf '+ %s %s\n' "$*" "$arg"
        rc=0
        # Its own working directory: a service may want to write there.
        (mkdir -p /tmp/check && cd /tmp/check &&
            exec timeout -k 1 "$START_S" "$@" "$arg") > "$LOG" 2>&1 < /dev/null || rc=$?
        head -c 4000 "$LOG"
        if grep -qE "$pattern" "$LOG"; then
            return 1
        fi
        case $rc in
        0) return 0 ;;
        124 | 137) # timeout's own: it was still running
            note "still running after $START_S s, counted as a service that started"
            return 0 ;;
        12[5-7] | 12[89] | 1[3-9]? | 2??)
            printf 'exit status %s\n' "$rc"
            return 1 ;;
        esac
    done
    note "exit status $rc for --help and --version; the program itself starts"
}
