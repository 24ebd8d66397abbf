# The front door: CMake does the work (CMakeLists.txt), this file checks the machine, and names the things one does.
#   make           build/pclean, build/libpclean.so     make test     every test, then the unit tests under ASan+UBSan
#   make demo      an image of the HI of NGC 5921        make asan     only the ASan+UBSan part of the tests
#   make setup     install what is missing (Debian 12)   make install  PREFIX=/usr/local DESTDIR=
#   make format-check, make bench, make clean
BUILD ?= build
ASAN ?= build-asan
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); [ $$n -gt 2 ] && echo $$n || echo 2)
# looked up when it is used: setup may only just have installed ninja
GENERATOR = $(if $(shell command -v ninja 2>/dev/null),Ninja,Unix Makefiles)
TEST_ARGS ?=

.PHONY: all setup ready demo test asan install bench format-check format clean
all: ready build

# Nothing missing: milliseconds, no network. Something missing: installs it as root or through sudo, else says what an
# administrator must run, and stops.
setup ready:
	@tools/setup

.PHONY: build
build: $(BUILD)/.configured
	@cmake --build $(BUILD) -j $(JOBS)
$(BUILD)/.configured: | ready
	@mkdir -p $(BUILD)
	@cmake -S . -B $(BUILD) -G "$(GENERATOR)" -DCMAKE_BUILD_TYPE=Release $(if $(PREFIX),-DCMAKE_INSTALL_PREFIX=$(abspath $(PREFIX))) \
	  >$(BUILD)/configure.log 2>&1 || { cat $(BUILD)/configure.log; exit 1; }
	@touch $@

demo: all
	@BUILD=$(BUILD) tools/demo

test: all
	@tools/run-tests $(BUILD) $(ASAN) $(TEST_ARGS)

asan: ready
	@tools/run-tests --asan-only $(BUILD) $(ASAN) $(TEST_ARGS)

# The prefix is compiled in (where the presets are): a new one rebuilds the few files that know it.
install: $(BUILD)/.configured
	@$(if $(PREFIX),cmake -S . -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(abspath $(PREFIX)) >$(BUILD)/configure.log 2>&1 || { cat $(BUILD)/configure.log; exit 1; })
	@cmake --build $(BUILD) -j $(JOBS)
	@cmake --install $(BUILD)

bench: all
	@if [ -x bench/run ]; then bench/run $(BUILD); else echo "bench/run: not there yet"; exit 1; fi

format-check:
	@tools/check-format .
format:
	@git ls-files '*.c' '*.h' '*.cpp' '*.hpp' | xargs -r clang-format -i

clean:
	@rm -rf $(BUILD) $(ASAN)
