# SPDX-License-Identifier: ISC
# CIDs (version 1, raw, sha2-256) of texts, by perl: sourced by tests.

cids() { # of each line of standard input
	perl -MDigest::SHA=sha256 -ne '
		BEGIN { @a = ("a" .. "z", 2 .. 7) }
		chomp;
		my $b = unpack "B*", pack("H*", "01551220") . sha256($_);
		$b .= "0" x (-length($b) % 5);
		print "b", (map { $a[oct "0b$_"] } $b =~ /.{5}/g), "\n"'
}

cid() { # TEXT
	printf '%s\n' "$1" | cids
}
