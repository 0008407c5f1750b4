#!/bin/bash
# A tiny image for tests of the worker: busybox and a recipe that runs whatever the source says.
#
#   make_image.sh OUT [SHELL]    leaves OUT/oci and OUT/busybox.json, as images/make does;
#                                SHELL changes the image's tree before, in its folder
#
# Verb VERB runs /src/VERB.sh when the source has it. Limits are small: they are what is tested.
set -euo pipefail

OUT=$1
TREE=$(mktemp -d)
trap 'rm -rf "$TREE"' EXIT
mkdir -p "$OUT"
rm -rf "$OUT/oci"

mkdir -p "$TREE"/{bin,etc,opt/sos,tmp,src,out,cache,artifact}
cp /bin/busybox "$TREE/bin/"
for applet in $(/bin/busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$TREE/bin/$applet"
done
# What hardening must take away: a set-uid program.
cp /bin/busybox "$TREE/bin/busybox-root"
chmod 4755 "$TREE/bin/busybox-root"
echo 'sos:x:1000:1000::/tmp/home:/bin/sh' > "$TREE/etc/passwd"
cat > "$TREE/opt/sos/recipe" <<'RECIPE'
#!/bin/sh
set -e
if [ -f "/src/$1.sh" ]; then
    exec sh "/src/$1.sh"
fi
case $1 in
build)
    mkdir -p /out/artifact
    printf '#!/bin/sh\necho made by %s\n' "$SOS_PROJECT" > "/out/artifact/$SOS_PROJECT"
    chmod 755 "/out/artifact/$SOS_PROJECT" ;;
check)
    exec "/artifact/$SOS_PROJECT" ;;
esac
RECIPE
chmod 755 "$TREE/opt/sos/recipe"
(cd "$TREE" && eval "${2:-}")

umoci init --layout "$OUT/oci"
umoci new --image "$OUT/oci:busybox-build"
umoci insert --image "$OUT/oci:busybox-build" "$TREE" / > "$OUT/umoci.log" 2>&1
umoci tag --image "$OUT/oci:busybox-build" busybox-run
digest=$(/usr/bin/python3 -c 'import json, sys
for m in json.load(open(sys.argv[1]))["manifests"]:
    if m["annotations"]["org.opencontainers.image.ref.name"] == "busybox-build":
        print(m["digest"])' "$OUT/oci/index.json")

cat > "$OUT/busybox.json" <<JSON
{
  "name": "busybox", "language": "sh", "description": "for tests", "default": true,
  "limits": {"memoryBytes": "67108864", "cpuMillis": 1000, "pids": 64, "diskBytes": "67108864",
             "cacheBytes": "33554432", "logBytes": "1048576", "artifactBytes": "8388608",
             "artifactFiles": 4, "timeout": "60s", "silence": "4s"},
  "artifact": {"platform": "linux-amd64", "run": "{file}"},
  "build": {"digest": "$digest", "reference": "busybox-build"},
  "run": {"digest": "$digest", "reference": "busybox-run"},
  "recipeSha256": "$(sha256sum < "$TREE/opt/sos/recipe" | cut -d' ' -f1)"
}
JSON
