# `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# How `make run` boots; see tools/run-qemu-raspi3b.sh --help for what each means.
USB_NET ?= 0
USB_NET_BACKEND ?= user
TAP_IF ?= mona0
FORWARD ?=
MAC ?=
USB_HUB ?= 1
USB_CLASS ?=
MACHINE ?= raspi3b
PCAP ?=
LOG ?=
APPEND ?=
# With TRACE=1 the hot path leaves compact traces, which `make trace` shows.
TRACE ?= 0
FOLLOW ?= 0
# For `make sdcard`: a folder with the board's firmware instead of Debian's, and more boot arguments;
# for `make flash`: the card.
FIRMWARE ?=
CMDLINE ?=
SD ?=
# Which of the traces: all, or by crate such as warn,net=trace,cdc_ecm=trace.
DEFMT_LOG ?= trace

target := $(or $(CARGO_TARGET_DIR),target)
cross := tools/cross-cargo.sh
initramfs := $(target)/initramfs.cpio
yes = $(filter 1 y yes on,$(1))
kernel_image := $(target)/kernel8$(if $(call yes,$(TRACE)),-trace).img
# The kernel that the traces belong to: it has their words.
trace_elf := $(target)/kernel-trace.elf
trace_file := $(target)/trace.bin
# Private items are documented too, so links to them hold.
rustdoc_flags := -D warnings -A rustdoc::private_intra_doc_links
# The kernel is optimized across its crates. QEMU pays dearly for calls and returns: TCP is faster by
# a third, and the time of an echo shorter by as much.
as_one := CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
userland := -p rt -p kinit -p sh -p coreutils -p resolver -p mdnsd -p net-tools -p netconfig

run_options = --kernel $(kernel_image) --machine $(MACHINE) \
	$(if $(call yes,$(USB_NET)),--usb-net --usb-net-backend $(USB_NET_BACKEND) --tap-if $(TAP_IF) --usb-hub $(USB_HUB)) \
	$(if $(FORWARD),--forward $(FORWARD)) $(if $(MAC),--mac $(MAC)) \
	$(if $(USB_CLASS),--usb-class $(USB_CLASS)) $(if $(PCAP),--pcap $(PCAP)) \
	$(if $(LOG),--log $(LOG)) $(if $(call yes,$(TRACE)),--trace $(trace_file)) $(if $(APPEND),--append "$(APPEND)")

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "make run takes USB_NET=1 [USB_NET_BACKEND=user|tap|passt] [TAP_IF=mona0] [FORWARD=8080] [USB_HUB=0|1]"
	@echo "               [USB_CLASS=ecm|rndis] [MACHINE=raspi3b|raspi3ap] [PCAP=file.pcap] [LOG=level]"
	@echo "               [TRACE=1 [DEFMT_LOG=warn,net=trace,cdc_ecm=trace]]"

.PHONY: run
run: image ## boot in QEMU; USB_NET=1 plugs in a network adapter
	@tools/run-qemu-raspi3b.sh $(run_options)

.PHONY: trace
trace: ## show what `make run TRACE=1` traced; FOLLOW=1 while it runs
	@tools/decode-trace.sh --elf $(trace_elf) --trace $(trace_file) $(if $(call yes,$(FOLLOW)),--follow)

.PHONY: image
image: user ## build target/kernel8.img, the whole system in one file
ifneq ($(call yes,$(TRACE)),)
	@DEFMT_LOG=$(DEFMT_LOG) INITRAMFS=$(abspath $(initramfs)) $(as_one) $(cross) kernel build --release -p kernel --features trace
	@cp "$$($(cross) --artifacts kernel)/kernel" $(trace_elf)
else
	@INITRAMFS=$(abspath $(initramfs)) $(as_one) $(cross) kernel build --release -p kernel
endif
	@cargo run -q -p image -- kernel "$$($(cross) --artifacts kernel)/kernel" $(kernel_image)

.PHONY: user
user: ## build the programs and the initramfs
	@$(cross) user build --release $(userland)
	@tools/make-initramfs.sh "$$($(cross) --artifacts user)" $(initramfs)

sdcard_image := $(target)/sdcard.img
# Where Debian's firmware goes when the user names none.
firmware := $(or $(FIRMWARE),$(target)/firmware)

.PHONY: sdcard
sdcard: image ## build target/sdcard.img for a Raspberry Pi; FIRMWARE=folder, CMDLINE="boot arguments"
	@$(if $(FIRMWARE),,tools/fetch-firmware.sh $(firmware))
	@tools/make-sdcard.sh --kernel $(kernel_image) --firmware $(firmware) --cmdline "$(CMDLINE)" $(sdcard_image)
	@tools/check-sdcard.sh $(sdcard_image) $(kernel_image)

.PHONY: sdcard-check
sdcard-check: ## say what is on target/sdcard.img; fail when something is missing
	@tools/check-sdcard.sh $(sdcard_image)

.PHONY: flash
flash: ## write target/sdcard.img to a card: SD=/dev/...; asks first
	@tools/flash-sdcard.sh $(sdcard_image) $(or $(SD),$(error which card? make flash SD=/dev/...))

# Files of tests/system/tests: those that QEMU's user network is enough for, and those for root.
system_tests := machine console board selftest user_network usb_adapters stream_tools measure_tools
tap_tests := tap tap_streams tap_cable tap_exits tap_flood lab discovery_tools names configuration

# What the tests print, for docs/conformance.md.
logs := $(foreach part,host fuzz programs system selftest tap linux,$(target)/test-$(part).log)
keep_log = 2>&1 | tee

.PHONY: test
test: test-host test-coverage test-bench test-system test-sdcard test-trace test-tap conformance ## all tests: on the host, in QEMU, and as root on a TAP

.PHONY: test-host
test-host: user ## tests of everything that runs on the host
	@rm -f $(logs)
	set -o pipefail; cargo test $(keep_log) $(target)/test-host.log
	set -o pipefail; cargo test -p fuzz $(keep_log) $(target)/test-fuzz.log
	set -o pipefail; cargo test --lib $(userland) $(keep_log) $(target)/test-programs.log
	cargo test -p bench
	tests/userland.sh "$$($(cross) --artifacts user)"
	tests/userland-net.sh "$$($(cross) --artifacts user)"

.PHONY: conformance
conformance: test-host ## docs/conformance.md from what the tests said; `make test` has more of them
	cargo run -q -p conformance --bin conformance-report -- $(logs)

.PHONY: conformance-wire
conformance-wire: image ## the suite's cases that make sense over a cable, against the kernel in QEMU
	tools/ensure.sh qemu-system-aarch64
	KERNEL_IMAGE=$(abspath $(kernel_image)) cargo test -p system-tests --test conformance_wire -- --test-threads=6

.PHONY: conformance-linux
conformance-linux: ## the suite against this machine's Linux; writes docs/conformance-linux.md; needs root
	tools/ensure.sh ip sysctl
	set -o pipefail; PAGE=$(abspath docs/conformance-linux.md) TRANSCRIPTS=$(abspath $(target))/conformance-linux \
		cargo test -p system-tests --test conformance_linux $(keep_log) $(target)/test-linux.log

.PHONY: mutants
mutants: ## break rules of net on purpose and see which breaks no test notices; MUTANTS="--sample 10"
	tools/mutants.sh $(MUTANTS)

.PHONY: coverage
coverage: ## how many lines of the USB core and of the DWC2 driver their tests run; fails below 90 %
	tools/coverage.sh 90 usb-core usb-dwc2

.PHONY: test-coverage
test-coverage:
	tools/coverage.sh --or-skip 90 usb-core usb-dwc2

.PHONY: test-system
test-system: image ## boot in QEMU and test from outside
	tools/ensure.sh qemu-system-aarch64 iperf tcpdump
	set -o pipefail; KERNEL_IMAGE=$(abspath $(kernel_image)) SELFTEST_LOG=$(abspath $(target))/test-selftest.log \
		cargo test -p system-tests --lib $(addprefix --test ,$(system_tests)) \
		-- --test-threads=2 $(keep_log) $(target)/test-system.log
	LONGEST=10 KERNEL_IMAGE=$(abspath $(kernel_image)) cargo test -p system-tests --test conformance_wire -- --test-threads=6

# Without the network and without FIRMWARE the image has no firmware, and the rest is tested.
.PHONY: test-sdcard
test-sdcard: image ## the SD card's image and tools; the kernel on it boots on both machines
	tools/ensure.sh qemu-system-aarch64 mcopy dtc
	-@$(if $(FIRMWARE),,tools/fetch-firmware.sh $(firmware))
	tests/sdcard.sh $(kernel_image) $$([ ! -e $(firmware)/bootcode.bin ] || echo $(firmware))
	tools/make-sdcard.sh --kernel $(kernel_image) $$([ -e $(firmware)/bootcode.bin ] && echo --firmware $(firmware) || echo --no-firmware) $(target)/sdcard-test.img
	SDCARD_IMAGE=$(abspath $(target))/sdcard-test.img KERNEL_IMAGE=$(abspath $(kernel_image)) \
		cargo test -p system-tests --test sdcard -- --test-threads=1

.PHONY: test-trace
test-trace: ## trace a ping and decode what comes out
	@$(MAKE) --no-print-directory image TRACE=1 DEFMT_LOG=trace
	tools/decode-trace.sh --install
	KERNEL_IMAGE=$(abspath $(target))/kernel8-trace.img TRACE_ELF=$(abspath $(trace_elf)) \
		cargo test -p system-tests --test trace

.PHONY: test-tap
test-tap: image ## Linux, a router and a conflict on a TAP; says so when it is not root
	@if [ "$$(id -u)" != 0 ] || [ ! -c /dev/net/tun ]; then \
		echo "skipped: the tests on a TAP need root and /dev/net/tun"; \
	else \
		set -o pipefail; \
		tools/ensure.sh kea-dhcp6 || true; \
		tools/ensure.sh qemu-system-aarch64 ip tc ping radvd sysctl nft socat nc iperf tcpdump dnsmasq atk6-denial6 && \
		{ tools/ensure.sh dbus-daemon avahi-daemon avahi-resolve || true; } && \
		KERNEL_IMAGE=$(abspath $(kernel_image)) cargo test -p system-tests $(addprefix --test ,$(tap_tests)) \
			-- --test-threads=1 $(keep_log) $(target)/test-tap.log; \
	fi

# Where `make bench` puts tables as JSON and pictures; docs/performance holds those of the documentation.
BENCH_OUT ?= $(target)/bench
bench_image := $(target)/bench-bare

# Incremental builds inline less, and nobody counts those.
bench bench-image test-bench: export CARGO_INCREMENTAL := 0

.PHONY: bench-image
bench-image:
	@$(cross) kernel build -q --release -p bench-bare
	@cp "$$($(cross) --artifacts kernel)/bench-bare" $(bench_image)

.PHONY: bench
bench: bench-image ## our stack and smoltcp side by side: instructions, code, time, goodput, completion
	tools/ensure.sh qemu-system-aarch64 valgrind nm
	for part in instructions "bare $(bench_image)" "size $(bench_image)" time goodput completion; do \
		cargo run -q --release -p bench -- $$part $(BENCH_OUT) || exit; \
	done

.PHONY: bench-qemu
bench-qemu: image ## our kernel and Debian's Linux on the same emulated board; needs root
	tools/bench-qemu --kernel $(kernel_image)

.PHONY: test-bench
test-bench: bench-image ## instruction counts beside smoltcp's, which must not get worse
	tools/ensure.sh qemu-system-aarch64
	-@tools/ensure.sh valgrind
	cargo run -q --release -p bench -- gate $(bench_image)

.PHONY: selftest
selftest: image ## kinit's tests inside the kernel, TAP output
	@tools/run-qemu-raspi3b.sh $(run_options) --usb-net --selftest

.PHONY: lint
lint: user ## formatting, clippy, documentation and its links, shell scripts; warnings are errors
	tools/ensure.sh shellcheck
	cargo fmt --all -- --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy -p system-tests --all-targets -- -D warnings
	cargo clippy -p bench --all-targets -- -D warnings
	cargo clippy -p fuzz --all-targets -- -D warnings
	$(cross) kernel clippy --release -p bench-bare -- -D warnings
	INITRAMFS=$(abspath $(initramfs)) $(cross) kernel clippy --release -p kernel -- -D warnings
	DEFMT_LOG=trace INITRAMFS=$(abspath $(initramfs)) $(cross) kernel clippy --release -p kernel --features trace -- -D warnings
	$(cross) user clippy --release $(userland) -- -D warnings
	cargo clippy --lib --tests $(userland) -- -D warnings
	RUSTDOCFLAGS="$(rustdoc_flags)" cargo doc --workspace --exclude kernel --exclude bench-bare $(foreach name,$(userland),$(patsubst -p,--exclude,$(name))) --no-deps --document-private-items
	RUSTDOCFLAGS="$(rustdoc_flags)" $(cross) kernel doc -p kernel --no-deps --document-private-items
	RUSTDOCFLAGS="$(rustdoc_flags)" cargo doc --no-deps --lib $(userland)
	cargo test -q -p documentation
	shellcheck -x tools/*.sh tests/*.sh tests/*/*.sh .ci/run

.PHONY: picture
picture: image ## docs/console.svg, the picture in README: a console in QEMU
	@tools/ensure.sh qemu-system-aarch64
	@KERNEL_IMAGE=$(abspath $(kernel_image)) cargo run -q -p system-tests --bin console-picture docs/console.svg

.PHONY: debug
debug: image ## boot in QEMU and wait for gdb
	@tools/run-qemu-raspi3b.sh $(run_options) --gdb

.PHONY: clean
clean: ## remove everything that was built
	cargo clean
