#!/bin/sh
# SPDX-License-Identifier: ISC
# Every fuzz target over its corpus (t/fuzz/corpus/TARGET) and mutations of it.
at=$(dirname "$0")
n=0
for source in t/fuzz/*.c; do
	target=$(basename "$source" .c)
	[ "$target" != replay ] || continue
	n=$((n + 1))
	if said=$(timeout 300 "$at/$target" t/fuzz/corpus/"$target"/* 2>&1); then
		echo "ok $n - $target: $said"
	else
		echo "not ok $n - $target"
		printf '%s\n' "$said" | sed 's/^/# /'
	fi
done
echo "1..$n"
