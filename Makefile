# A thin front for vm/: each target is a script there, and says what it does.
# `make help` lists them.

SHELL	:= /bin/bash

# Variables given to make reach the scripts as environment; these as they are
# written, with their dollar signs.
ifdef CMD
override CMD := $(value CMD)
endif
ifdef T
override T := $(value T)
endif
export CMD T

.PHONY: help run demo test stress hostile shell vm has-cmd native kernel selftests tool bench bench-compare \
	profile equivalence regression edit refresh files series check matrix deps fetch clean distclean

help:
	@sed -n 's/^#: //p' Makefile

#: make run          see it work: the kernel is built and booted, fanfp watches a directory (make demo, too)
#: make test         run all tests in the guest; T=name,... runs those, T=selftests no scripts
#: make stress       everything at once, for MINUTES=10, in the order of SEED=
#: make hostile      what other users and large systems can make an event cost
#: make shell        a shell in the guest
#: make vm CMD='...' a command in the guest (vm/run '...' ends with its exit status)
#: make bench        what fanotify costs: tables and plots, in docs/bench
#: make bench-compare  what a change did cost: fails past BOUND=2 percent of a stored figure
#: make check        what must hold before the series is mailed
#: make matrix       small kernels: gcc, clang, 32 bit, one processor, without each option; each patch
#: make profile      count the instructions of an open and close of a file, by function
#: make equivalence  the same events in the same order as without the series
#: make regression   the kernel's own tests say the same as without the series
#:
#: make edit         a git worktree of the base kernel with a commit a patch, in EDIT=DIR
#: make refresh      bring the commits of EDIT=DIR back into series/ and the new files
#: make files        which files of the kernel each patch adds and changes
#: make series       write the patches for git send-email, each set with its cover letter
#:
#: make kernel       build the kernel            make fetch      get the base kernel's source
#: make selftests    build test_progs            make deps       install what is missing
#: make tool         build fanfp and the storms  make clean      remove what was built
#:                                               make distclean  remove the whole cache
#:
#: KSRC=DIR     build on a kernel tree of your own, which is left as it is
#: KGIT=URL     get the base kernel from this git tree, not with apt
#: BASE=1       the kernel without the series, in a build folder of its own, to compare with
#: CONFIG=debug add vm/config/debug.config, in a build folder of its own; there are debug, rt, kcsan, faults
#: ARCH=arm64   build for arm64 and run there, emulated (not check, matrix, bench, profile, equivalence, regression)
#: SMP=2 MEM=3G the guest's processors and memory
#: ICOUNT=1     one processor whose clock counts instructions: times can be compared
#: ACCEL=tcg    do not use KVM; it is used where it works (ACCEL=kvm tries it again)
#: ROUNDS=3     how often make bench measures
#: BUILDS=all   make check builds the whole kernel after each patch, not only after each set
#: FILES=1500   how many files make run works with
#: TIMEOUT=SEC  how long the guest may take
#: V=1          show commands and the guest's boot time
#: FANFP_CACHE= where sources, objects and logs are kept (~/.cache/fanotify-fastpath)

deps:
	@vm/deps

fetch: deps
	@vm/fetch

kernel: fetch
	@vm/build

tool: fetch
	@vm/tool

selftests: kernel
	@vm/selftests

run demo: kernel tool
	@vm/run "FILES='$${FILES:-}' vm/guest/demo"

shell: kernel tool
	@vm/run

vm: has-cmd kernel tool
	@vm/run "$$CMD"

# In front of what is made for this machine's architecture only
native:
	@case "$${ARCH:-x86_64}" in x86*) ;; *) echo "make $(MAKECMDGOALS): works on x86-64 only: leave ARCH= out" >&2; exit 2 ;; esac

has-cmd:
	@[[ -n "$$CMD" ]] || { echo "make vm: say which command, as in make vm CMD='uname -a'" >&2; exit 2; }

bench: native fetch
	@vm/bench

bench-compare: native fetch
	@vm/bench compare

test: fetch
	@vm/test

stress: kernel tool
	@vm/stress

hostile: kernel tool
	@SMP=$${SMP:-4} TIMEOUT=$${TIMEOUT:-1800} vm/run --check-console fanfp-hostile

check: native kernel
	@vm/check

matrix: native fetch
	@vm/matrix

profile: native kernel tool
	@vm/profile

equivalence: native fetch
	@vm/equivalence

regression: native fetch
	@vm/regression

edit: fetch
	@vm/edit

refresh: fetch
	@vm/refresh

files:
	@vm/files

series: fetch
	@vm/mails

clean:
	@vm/clean objects

distclean:
	@vm/clean all
