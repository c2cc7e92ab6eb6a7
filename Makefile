# SPDX-License-Identifier: Apache-2.0
# The commands that people type. Each installs what it needs and this machine lacks (Debian packages, npm packages of the
# lock files); as root, or with sudo.
.PHONY: help setup demo install library deb deb-test discover-test test check screenshots cases chip-test attack encrypted cuts states fleet-search fleet-test sites-test dashboard-test fuzz coverage mutants bench bench-work size page wire format clean

help:
	@echo 'make demo     a virtual ESP32 with its update page (PORT=8070), until Ctrl-C'
	@echo 'make install  ota-ws, ota-ws-device, man page and completions into PREFIX=/usr/local (DESTDIR for packages)'
	@echo 'make library  the library for Arduino and PlatformIO in build/library'
	@echo 'make deb      the same as a Debian package in build/deb'
	@echo 'make deb-test installs that package in a fresh Debian system, and uses it there'
	@echo 'make test     builds and runs all tests (gcc, clang, sanitizers, page, three browsers)'
	@echo 'make test T=name [N=words] [B=sanitize]  one test file by a part of its name; N: one test inside, B: the build'
	@echo 'make check    format, borders, types and one build, before each commit'
	@echo 'make discover-test  DEVICES=50 virtual devices in two network namespaces, found by ota-ws discover'
	@echo 'make screenshots  every state of the page in three browsers, as pictures in build/screenshots'
	@echo 'make chip-test  the same on emulated ESP32-C3s; needs ESP-IDF and qemu-system-riscv32'
	@echo 'make encrypted  the cases of encrypted images alone, with their counts'
	@echo 'make cuts     power cuts at every operation of flash, on the virtual chip'
	@echo 'make states   all that can happen to a device and two clients; draws docs/states.md'
	@echo 'make fleet-search  all that can happen to a rollout of 3 devices, ORDERS=1 of an operator'
	@echo 'make fleet-test  rollouts to DEVICES=100 virtual devices by one process, and to 1000 over NATS; all processes are killed'
	@echo 'make sites-test  a rollout to DEVICES=200 virtual devices at 3 sites over NATS, with 10 gateways that are killed'
	@echo 'make dashboard-test  the status of DEVICES=1000 devices: bytes, milliseconds; a rollout with and without open pages'
	@echo 'make fuzz     fuzzes each target for MINUTES=5'
	@echo 'make coverage branches of src/ that the tests take; which ones not, and why'
	@echo 'make mutants  small mistakes in src/, COUNT=400 by SEED=1 (or FILE=slot.c, all): do the tests notice?'
	@echo 'make cases    the small inputs of ../shared/cases that failed once, where that folder is present'
	@echo 'make attack   the attacks alone, with their counts and figures'
	@echo 'make bench    speed, measured (30 minutes, into docs/bench; RUNS=1 QUICK=1: 4, printed)'
	@echo 'make size     bytes of the page, and of the component for a 32-bit RISC-V chip'
	@echo 'make page     builds the two pages in web/dist'
	@echo 'make wire     writes what is made from src/schema.def: types of the page, tables of docs/protocol.md, fuzzers'\'' words'
	@echo 'make setup    installs what all of these need'
	@echo 'make format   formats the C sources'
	@echo 'make clean    removes what was built'

setup:
	@test/setup.sh test
	@test/setup.sh size

demo:
	@test/setup.sh build
	@echo building
	@cmake -S host -B build/demo -DTESTS=OFF >/dev/null
	@cmake --build build/demo -j "$$(nproc)" --target ota-ws-device ota-ws ota-ws-image >/dev/null
	@exec test/demo.sh build/demo

PREFIX ?= /usr/local

ZSH_FUNCTIONS ?= site-functions
RELEASE ?= build/release

install:
	@test/setup.sh build
	@cmake -S host -B $(RELEASE) -DTESTS=OFF >/dev/null
	@cmake --build $(RELEASE) -j "$$(nproc)" --target ota-ws ota-ws-device ota-ws-share >/dev/null
	@packaging/install.sh "$(RELEASE)" "$(DESTDIR)$(PREFIX)" "$(ZSH_FUNCTIONS)"

library:
	@packaging/library.py build/library/ota_ws_update

deb:
	@packaging/deb.sh

deb-test: deb
	@test/setup.sh deb
	@test/deb.sh

ifneq ($(T)$(N),)
test: export T := $(T)
test: export N := $(N)
test: export B := $(B)
test:
	@test/one.sh
else
test:
	@test/setup.sh test
	@test/run.sh
endif

check:
	@test/setup.sh check
	@test/run.sh format border types build

discover-test:
	@test/setup.sh test
	@cmake -S host -B build/gcc >/dev/null
	@cmake --build build/gcc -j "$$(nproc)" --target ota-ws ota-ws-device ota-ws-image >/dev/null
	@DISCOVER_DEVICES=$(or $(DEVICES),50) node --import ./test/browser_globals.js --test --test-reporter=spec test/e2e/discover.test.js

screenshots:
	@test/setup.sh test
	@test/screenshots.sh

chip-test:
	@test/chip/run.sh
	@test/chip/encrypted.sh
	@test/chip/idf_py.sh
	@test/chip/readme.sh

cases:
	@test/setup.sh test
	@test/cases.sh

encrypted:
	@test/setup.sh test
	@test/encrypted.sh

cuts:
	@test/setup.sh unit
	@cmake -S host -B build/cuts >/dev/null
	@cmake --build build/cuts -j "$$(nproc)" --target cuts >/dev/null
	@build/cuts/test/cuts/cuts --pairs 2

states:
	@test/setup.sh unit
	@cmake -S host -B build/cuts >/dev/null
	@cmake --build build/cuts -j "$$(nproc)" --target states >/dev/null
	@build/cuts/test/states/states --document docs/states.md

fleet-search:
	@test/setup.sh unit
	@cmake -S host -B build/cuts >/dev/null
	@cmake --build build/cuts -j "$$(nproc)" --target fleet_search >/dev/null
	@build/cuts/test/fleet/fleet_search $(or $(ORDERS),1)
	@build/cuts/test/fleet/fleet_search $(or $(ORDERS),1) sites

fleet-test:
	@test/setup.sh test
	@cmake -S host -B build/gcc >/dev/null
	@cmake --build build/gcc -j "$$(nproc)" --target ota-ws ota-ws-device ota-ws-image >/dev/null
	@node --import ./test/browser_globals.js bench/fleet.js DEVICES=$(or $(DEVICES),100)
	@node --import ./test/browser_globals.js bench/fleet_sites.js DEVICES=$(or $(DEVICES),1000) LEASE=6 DOWN=30 KILLS=1000
	@node --import ./test/browser_globals.js bench/fleet_kills.js ROUNDS=$(or $(ROUNDS),5)

# The same at several sites alone, with fewer devices.
sites-test:
	@test/setup.sh test
	@cmake -S host -B build/gcc >/dev/null
	@cmake --build build/gcc -j "$$(nproc)" --target ota-ws ota-ws-device ota-ws-image >/dev/null
	@node --import ./test/browser_globals.js bench/fleet_sites.js DEVICES=$(or $(DEVICES),200)
	@node --import ./test/browser_globals.js bench/fleet_kills.js ROUNDS=$(or $(ROUNDS),5)

dashboard-test:
	@test/setup.sh test
	@cmake -S host -B build/gcc >/dev/null
	@cmake --build build/gcc -j "$$(nproc)" --target ota-ws ota-ws-device ota-ws-image >/dev/null
	@node --import ./test/browser_globals.js bench/dashboard.js DEVICES=$(or $(DEVICES),1000)

fuzz:
	@test/setup.sh fuzz
	@fuzz/run.sh $(or $(MINUTES),5)

coverage:
	@test/setup.sh coverage
	@test/coverage/coverage.sh

mutants:
	@test/setup.sh coverage
	@test/coverage/coverage.sh profiles
	@node test/mutants/mutate.js COUNT=$(or $(COUNT),400) SEED=$(or $(SEED),1) FILE=$(FILE)

attack:
	@test/setup.sh test
	@test/attack.sh

bench:
	@test/setup.sh bench
	@bench/bench.sh

bench-work:
	@test/setup.sh bench
	@bench/bench.sh work

size:
	@test/setup.sh size
	@test/size.sh

page:
	@test/setup.sh page
	@node web/build.js

wire:
	@test/wire.py

format:
	@test/setup.sh check
	@test/format.sh -i

clean:
	rm -rf build demo
