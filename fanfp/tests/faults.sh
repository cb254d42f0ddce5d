#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Allocations that fail: see stress/faults.c. Needs a kernel with fault injection.
set -euo pipefail

type -P fanfp-faults >/dev/null || {
	echo 'skip faults # there is no fanfp-faults: make -C fanfp stress builds it'
	exit 0
}
exec fanfp-faults
