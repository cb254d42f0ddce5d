#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A minute of everything at once: see stress/stress.h. FANFP_STRESS_SECONDS= and
# FANFP_STRESS_SEED= say for how long, and in which order.
set -euo pipefail

type -P fanfp-stress >/dev/null || {
	echo 'skip stress # there is no fanfp-stress: make -C fanfp stress builds it'
	exit 0
}
exec fanfp-stress -t "${FANFP_STRESS_SECONDS:-60}" ${FANFP_STRESS_SEED:+-s "$FANFP_STRESS_SEED"}
