#!/usr/bin/env bash
# fetch.sh FOLDER: what the arm64 check needs and this machine has not got: an arm64 Python (Debian packages,
# unpacked, not installed) and the arm64 wheels of LiteRT and ExecuTorch in the versions of requirements.lock.
# Exits 3 if something cannot be had.
set -euo pipefail
folder=$1
lock=requirements.lock
python=${PYTHON:-python3}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
version_of() { sed -n "s/^$1==\([^ ;]*\).*/\1/p" "$lock" | head -1; }
not_run() { echo "NOT RUN: $1" >&2; exit 3; }

# An arm64 Debian root, with a package state of its own so that this machine's stays as it is.
if [ ! -e "$folder/root/.done" ]; then
  . /etc/os-release
  mirror=$(sed -nE 's/^URIs: *([^ ]*debian\/?)$/\1/p; s/^deb (\[[^]]*\] )?([^ ]*debian\/?) .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1 || true)
  [ "${ID:-}" = debian ] && [ -n "$mirror" ] || not_run "an arm64 Python is taken from Debian's packages, and this is not Debian"
  state=$folder/apt
  mkdir -p "$state"/lists/partial "$state"/cache/archives/partial "$state"/etc/preferences.d "$folder/root/proc"
  : >"$state/status"
  keys=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb [arch=arm64 signed-by=$keys] $mirror $VERSION_CODENAME main" >"$state/etc/sources.list"
  options=(-o "Dir::Etc=$state/etc" -o "Dir::Etc::sourcelist=$state/etc/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State=$state" -o "Dir::State::Lists=$state/lists" -o "Dir::State::status=$state/status"
    -o "Dir::Cache=$state/cache" -o APT::Architecture=arm64 -o APT::Architectures=arm64
    -o APT::Install-Recommends=0 -o Acquire::Languages=none -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update -qq || not_run "Debian's arm64 package list cannot be fetched"
  apt-get "${options[@]}" install -y -qq --download-only python3 libgomp1 libatomic1 libstdc++6 >/dev/null ||
    not_run "Debian's arm64 packages cannot be fetched"
  for package in "$state"/cache/archives/*.deb; do dpkg-deb -x "$package" "$folder/root"; done
  # qemu-user shows this machine's /proc/cpuinfo unless the root has one; XNNPACK reads it.
  cp "$(dirname "$0")/cpuinfo.txt" "$folder/root/proc/cpuinfo"
  touch "$folder/root/.done"
fi

number=$(ls "$folder"/root/usr/bin/python3.* | sed -nE 's/.*python3\.([0-9]+)$/\1/p' | head -1)
wheels=(--only-binary=:all: --implementation cp --python-version "3.$number" --platform manylinux_2_28_aarch64
  --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64)
if [ ! -e "$folder/site/.done" ]; then
  "$python" -m pip install -q --no-compile --no-deps --root-user-action=ignore --upgrade --target "$folder/site" \
    "${wheels[@]}" "ai-edge-litert==$(version_of ai-edge-litert)" "numpy==$(version_of numpy)" ||
    not_run "the arm64 wheels of LiteRT and numpy cannot be fetched"
  touch "$folder/site/.done"
fi
if [ ! -e "$folder/executorch/.done" ]; then
  "$python" -m pip download -q --no-deps -d "$folder/wheels" "${wheels[@]}" "executorch==$(version_of executorch)" ||
    not_run "the arm64 wheel of ExecuTorch cannot be fetched"
  "$python" - "$folder" <<'PY'
import pathlib, sys, zipfile
folder = pathlib.Path(sys.argv[1])
(wheel,) = (folder / "wheels").glob("executorch-*.whl")
with zipfile.ZipFile(wheel) as archive:
    wanted = ("executorch/include/", "executorch/extension/pybindings/_portable_lib")
    archive.extractall(folder, [name for name in archive.namelist() if name.startswith(wanted)])
PY
  touch "$folder/executorch/.done"
fi
