#!/usr/bin/env bash
# Gets the Raspberry Pi's boot firmware: what the SD card needs beside the kernel. It comes from
# Debian's package raspi-firmware, out of the mirror that this system's apt already uses; nothing is
# installed, and apt's configuration stays as it is.
#
# Usage: tools/fetch-firmware.sh FOLDER
set -euo pipefail

[ $# = 1 ] || { sed -n '6s/^# //p' "$0" >&2; exit 2; }
folder=$1
package=raspi-firmware

give_up() {
  cat >&2 <<TEXT
fetch-firmware: $*
The card needs bootcode.bin, start_cd.elf and fixup_cd.dat. Get them from the folder 'boot' of the
repository raspberrypi/firmware, or from the boot partition of a card with Raspberry Pi OS, and name
the folder: make sdcard FIRMWARE=folder
TEXT
  exit 1
}

[ ! -e "$folder/bootcode.bin" ] || exit 0
for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || give_up "there is no $tool here to get Debian's $package with"
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/lists/partial" "$scratch/cache/archives/partial"
# apt's own user reads the lists.
chmod -R a+rx "$scratch"

# The main archive as this system knows it: where it is and which release.
# shellcheck disable=SC2016 # apt's variables
target=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' \
  'Component: main' 2>/dev/null | grep -v -e -updates -e -security | head -n 1)
[ -n "$target" ] || give_up "this system's apt knows no Debian archive"
read -r uri release <<<"$target"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
options=''
[ ! -f "$keyring" ] || options="[signed-by=$keyring]"
echo "deb $options $uri $release non-free-firmware" >"$scratch/sources.list"

apt_get() {
  apt-get -qq -o Dir::Etc::sourcelist="$scratch/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$scratch/lists" -o Dir::Cache="$scratch/cache" -o APT::Sandbox::User=root "$@"
}
echo "fetching $package of $release" >&2
(cd "$scratch" && apt_get update && apt_get download "$package") >/dev/null || give_up "cannot get Debian's $package"
dpkg-deb -x "$scratch/$package"_*.deb "$scratch/unpacked"

# Whole or not at all.
mkdir -p "$(dirname "$folder")"
mkdir "$scratch/firmware"
(
  cd "$scratch/unpacked"
  for name in bootcode.bin start.elf fixup.dat start_cd.elf fixup_cd.dat; do
    cp "usr/lib/$package/$name" "$scratch/firmware/"
  done
  cp "usr/share/doc/$package/copyright" "$scratch/firmware/LICENCE.broadcom"
)
rm -rf "$folder"
cp -R "$scratch/firmware" "$folder"
