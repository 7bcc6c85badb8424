#!/bin/sh
# SPDX-License-Identifier: ISC
# usage: run.sh SECONDS TARGET…: each target under libFuzzer with ASan and UBSan.
# What it finds is left in build/fuzz/; put the file into t/fuzz/corpus/TARGET.
set -eu
seconds=$1
shift
packages=$(make -s --no-print-directory libraries)
at=build/fuzz/lib
mkdir -p "$at"

build() { # ARGUMENT… of the compiler
	# shellcheck disable=SC2046,SC2086 # flags are words
	clang -std=c11 -D_GNU_SOURCE -DKN_VERSION='"fuzz"' -Ilib -I. -O1 -g \
	    -fno-sanitize-recover=all $(pkg-config --cflags $packages) "$@"
}

# An archive: a target may bring a module of its own (t/fuzz/noise.c does).
echo 'building lib/ for the fuzzer'
for source in lib/*/*.c; do
	object=$at/$(echo "$source" | tr / -).o
	build -fsanitize=fuzzer-no-link,address,undefined -c -o "$object" \
	    "$source"
done
rm -f "$at.a"
ar rcs "$at.a" "$at"/*.o

for target; do
	mkdir -p "build/fuzz/$target"
	# shellcheck disable=SC2046,SC2086 # flags are words
	build -fsanitize=fuzzer,address,undefined -o "build/fuzz/$target.bin" \
	    "t/fuzz/$target.c" "$at.a" $(pkg-config --libs $packages)
	echo "$target: $seconds s"
	"build/fuzz/$target.bin" -max_total_time="$seconds" -verbosity=0 \
	    -print_final_stats=1 -artifact_prefix="build/fuzz/$target-" \
	    "build/fuzz/$target" "t/fuzz/corpus/$target" 2>&1 |
	    grep -E 'stat::number_of_executed_units|ERROR|SUMMARY|Test unit' || true
	for found in build/fuzz/"$target"-*; do
		[ ! -e "$found" ] || { echo "found: $found"; exit 1; }
	done
done
