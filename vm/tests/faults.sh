#!/bin/bash
# Allocations that fail: see vm/measure/faults.c. Needs a kernel with fault injection.
set -euo pipefail
exec fanfp-faults
