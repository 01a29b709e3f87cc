# What people run. Meson and ninja build (meson.build), qa/*.sh check; each works by itself too.
#
#   make demo  [DEMO="--for 60s --speed N --port N ..."]   a live contact centre over Amazon Connect's API
#   make demo-local [DEMO="--trace FILE --fault ... ..."]   one in a single process, simulated instances
#   make test                        every test, with gcc, clang and sanitizers: about 22 minutes
#   make check                       format, headers, lint
#   make sim SEEDS=N [FROM=N]        the fault simulator
#   make mutate [ONLY=NAME,...]      deliberate mistakes in the core, which it must all catch
#   make fuzz SECONDS=N [FUZZ=NAME]  each fuzz target, or one, for so long
#   make bench                       the benchmark tables (qa/bench.sh NAME for one)
#   make lab                         a network of real routers in namespaces (docs/lab.md); as root
#   make install                     programs and manual pages
.DEFAULT_GOAL := build/tandem
.PHONY: demo demo-local lab test check sim mutate fuzz bench install clean setup build/tandem

setup: ; @qa/setup.sh demo

build/tandem: setup
	@[ -d build ] && [ -f build/build.ninja ] || meson setup build
	@ninja -C build tandem

demo: build/tandem
	@ninja -C build connectsim
	@exec qa/demo.sh $(DEMO)

demo-local: build/tandem
	@exec build/tandem demo --config examples/four-regions.yaml $(DEMO)

test:
	@qa/setup.sh all
	@qa/test.sh

check:
	@qa/setup.sh all
	@qa/format.sh && qa/headers.sh && qa/lint.sh

sim: setup
	@[ -f build/build.ninja ] || meson setup build
	@ninja -C build tests/sim/sim && build/tests/sim/sim --seeds $(or $(SEEDS),1000) --from $(or $(FROM),1)

mutate: setup
	@[ -f build/build.ninja ] || meson setup build
	@ninja -C build tests/sim/sim && tests/sim/mutate.py build $(if $(ONLY),--only $(ONLY))

lab: build/tandem
	@qa/setup.sh lab
	@ninja -C build lab/delayline
	@build/tandem lab up && build/tandem lab status
	@echo; echo "dashboard: http://198.18.0.101:8400/ (and TANDEM_HUB); build/tandem lab down ends it"

fuzz:
	@qa/setup.sh all
	@qa/fuzz.sh $(or $(SECONDS),60) $(FUZZ)

bench:
	@qa/setup.sh all
	@qa/bench.sh

install: build/tandem
	@meson install -C build

clean:
	@rm -rf build build-gcc build-clang build-asan build-fuzz
