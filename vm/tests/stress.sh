#!/bin/bash
# A minute of everything at once: see vm/measure/stress/stress.h. FANFP_STRESS_SECONDS=
# and FANFP_STRESS_SEED= say for how long, and in which order.
set -euo pipefail
exec fanfp-stress -t "${FANFP_STRESS_SECONDS:-60}" ${FANFP_STRESS_SEED:+-s "$FANFP_STRESS_SEED"}
