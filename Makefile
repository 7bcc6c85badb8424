# SPDX-License-Identifier: ISC
# The two commands a stranger needs are `make run` and `make test`; they install
# what is missing (git, make and a package manager are enough).  `make help`.
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

B       := build$(if $(SAN),/san)
CC      ?= cc
LAYERS  := net s3 dht store web proto crypt wire base
PROGS   := $(patsubst cmd/%.c,%,$(wildcard cmd/kn-*.c))
LIBS    := $(LAYERS:%=$(B)/lib%.a)
VERSION := $(shell sed -n 's/^\([0-9][0-9.]*\).*/\1/p' CHANGES 2>/dev/null | head -n 1)
NODE_DIR ?= run-node
PREFIX  ?= /usr/local
SECONDS ?= 60
# V=1 shows whole command lines
Q       := $(if $(V),,@)

PKGS    := libsodium libcrypto gnutls libsecp256k1 libevent_core libevent_extra inih sqlite3 \
	libmicrohttpd expat jansson
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wmissing-prototypes \
	-Wstrict-prototypes -Wno-missing-field-initializers $(if $(CI),-Werror)
HARD    := -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
comma   := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer)
# asked once, when first needed: on a fresh machine there is no pkg-config yet
PKG_C   = $(eval PKG_C := $(shell pkg-config --cflags $(PKGS)))$(PKG_C)
PKG_LD  = $(eval PKG_LD := $(shell pkg-config --libs $(PKGS)))$(PKG_LD)
ALL_C   = -std=c11 -D_GNU_SOURCE -DKN_VERSION='"$(or $(VERSION),0)"' -Ilib -I. \
	$(WARN) $(HARD) $(SANFLAGS) $(PKG_C) $(CFLAGS)
ALL_LD  = $(SANFLAGS) -pie -Wl,-z,relro,-z,now,-z,noexecstack $(CFLAGS)

unit     = $(patsubst t/%.c,$(B)/t/%,$(wildcard $(1)))
UNITS   := $(call unit,t/base/*.c t/wire/*.c t/crypt/*.c t/proto/*.c t/net/*.c \
	t/store/*.c t/dht/*.c t/web/*.c t/s3/*.c t/sim/*.c)
FUZZ    := $(patsubst t/fuzz/%.c,%,$(filter-out t/fuzz/replay.c,$(wildcard t/fuzz/*.c)))
BENCH   := $(call unit,t/bench/*.c)
FAULT   := $(call unit,t/fault/*.c)
# js and the S3 clients are what a plain installation has; go and rust are not
SCRIPTS := $(wildcard t/[0-5]*.t t/600[14]-*.t t/60[12]*.t t/7*.t)

all: $(PROGS:%=$(B)/%)                    ## build every program

run:                                      ## set up and run a node in the foreground
	scripts/deps.sh build run
	$(MAKE) all
	NODE_DIR=$(NODE_DIR) scripts/run.sh

test:                                     ## set up, build, run every test
	scripts/deps.sh build run test
	$(MAKE) all units
	$(MAKE) check

check:                                    ## run the tests that are built
	KN_BUILD=$(B) prove -j2 -fo --timer -e '' $(sort $(UNITS)) $(B)/t/fuzz/replayed $(SCRIPTS)

check-san:                                ## the same without the tree's own tests (SAN=1)
	KN_BUILD=$(B) KN_S3_BIG=67108864 KN_CUTS=10 KN_KILL=5 \
	    KN_BACKUPS=15 KN_RESTORES=5 KN_CROWD=5000 KN_UPGRADE_CUTS=2 \
	    prove -j2 -fo --timer -e '' $(sort $(UNITS)) $(B)/t/fuzz/replayed \
	    $(filter-out t/0%,$(SCRIPTS))

interop:                                  ## go and rust peers (js is in test)
	scripts/deps.sh build run test
	$(MAKE) all
	KN_BUILD=$(B) prove -fo --timer -e '' $(wildcard t/600[2356]-*.t)

units: $(UNITS) $(FAULT) $(FUZZ:%=$(B)/t/fuzz/%) $(B)/t/fuzz/replayed

test-system:                              ## whole hosts: systemd, OpenRC, s6, a VM (root)
	scripts/deps.sh build run test system
	$(MAKE) all
	KN_BUILD=$(B) prove -fo --timer -e '' $(wildcard t/system/*.t)

bench:                                    ## ratios against iperf3 and js
	scripts/deps.sh build run test bench
	$(MAKE) all $(BENCH) $(B)/t/sim/kad
	KN_BUILD=$(B) t/bench/run.sh

bench-store:                              ## kn-store, ratios against versitygw
	scripts/deps.sh build run test bench
	$(MAKE) $(B)/kn-store $(B)/t/bench/s3load
	KN_BUILD=$(B) t/bench/run.sh s3put s3get s3big s3list s3memory

bench-ops:                                ## operating a node: node_exporter, restic, ...
	scripts/deps.sh build run test bench
	$(MAKE) all $(B)/t/bench/start $(B)/t/bench/peak
	KN_BUILD=$(B) t/bench/run.sh metrics respawn snapshot backup ready exposure

fuzz:                                     ## SECONDS=60: fuzz each target so long
	scripts/deps.sh build fuzz
	t/fuzz/run.sh $(SECONDS) $(FUZZ)

lint:                                     ## what CI also looks at
	scripts/deps.sh build test
	KN_BUILD=$(B) prove -e '' $(wildcard t/0*.t)

install: all                              ## DESTDIR= PREFIX=
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(PROGS:%=$(B)/%) $(DESTDIR)$(PREFIX)/bin
	for page in man/*.[1-8]; do \
	    d=$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}; \
	    install -d $$d && install -m 644 $$page $$d || exit 1; done

# built twice: with version 0 it tells which programs a release changes
release: all                              ## dist/: KN_RELEASE_KEY=FILE signs it
	$(MAKE) B=$(B)/code VERSION=0 all
	CC='$(CC)' scripts/release.sh --build $(B) --code $(B)/code --version $(VERSION) $(if $(DIRTY),--dirty)

libraries:                                ## the names pkg-config knows them by
	@echo $(PKGS)

clean:                                    ## remove what was built
	rm -rf build

help:                                     ## this list
	@sed -n 's/^\([a-z-]*\):.*## */\1	/p' Makefile | expand -t 12

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo CC $@)
	$(Q)$(CC) $(ALL_C) -MMD -MP -c -o $@ $<

$(B)/lib/wire/%.o $(B)/lib/crypt/%.o: WARN += -Wconversion
# these have the version in them
$(patsubst %.c,$(B)/%.o,$(shell grep -ls KN_VERSION cmd/*.c lib/*/*.c t/*/*.c)): \
    $(wildcard CHANGES)

define archive
$(B)/lib$(1).a: $(patsubst %.c,$(B)/%.o,$(2))
	@rm -f $$@
	@mkdir -p $$(@D)
	$(Q)ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call archive,$(l),$(wildcard lib/$(l)/*.c))))
# what several programs share stands beside them
$(eval $(call archive,cmd,$(filter-out $(PROGS:%=cmd/%.c),$(wildcard cmd/*.c))))

# a program that needs more than one file keeps the others in cmd/<program>/
$(PROGS:%=$(B)/%): $(B)/%: $(B)/cmd/%.o $(B)/libcmd.a $(LIBS)
	$(if $(V),,@echo LD $@)
	$(Q)$(CC) $(ALL_LD) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(PKG_LD)
$(foreach p,$(PROGS),$(eval $(B)/$(p): $(patsubst %.c,$(B)/%.o,$(wildcard cmd/$(p)/*.c))))

$(UNITS) $(BENCH) $(FAULT): $(B)/t/%: $(B)/t/%.o $(LIBS)
	$(if $(V),,@echo LD $@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(PKG_LD)

# a fuzz target without a fuzzer replays its corpus and mutations of it
$(FUZZ:%=$(B)/t/fuzz/%): $(B)/t/fuzz/%: $(B)/t/fuzz/%.o $(B)/t/fuzz/replay.o $(LIBS)
	$(if $(V),,@echo LD $@)
	$(Q)$(CC) $(ALL_LD) -o $@ $^ $(PKG_LD)
$(B)/t/fuzz/replayed: t/fuzz/replayed.sh $(FUZZ:%=$(B)/t/fuzz/%)
	install -m 755 $< $@

-include $(wildcard $(B)/*/*.d $(B)/*/*/*.d)
.PHONY: all run test test-system check check-san interop units bench bench-store bench-ops fuzz lint install release libraries clean help
.SECONDARY:
