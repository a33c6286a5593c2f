#!/bin/bash
# Usage: partition-gpus PROFILE COUNT. Cuts every GPU of this node into COUNT devices of one MIG profile.
#
# Runs at every boot, because devices do not outlive one; what is in place is left alone. If it fails, the
# kubelet does not start: a node with whole GPUs would offer what its pool does not promise.
set -euo pipefail

profile=$1
count=$2
rebooted=$STATE_DIRECTORY/rebooted

fail() {
  echo "partition-gpus: $1" >&2
  exit 1
}

modes() {
  nvidia-smi --query-gpu=index,mig.mode.current,mig.mode.pending --format=csv,noheader
}

# Succeeds if the current mode of every GPU is MIG.
is_enabled() {
  ! grep -v '^[0-9]*, Enabled, ' <<<"$1" >/dev/null
}

# Succeeds if the mode of every GPU is MIG, now or after a reboot.
is_pending() {
  ! grep -v ', Enabled$' <<<"$1" >/dev/null
}

is_cut() {
  local listed gpus devices ours
  listed=$(nvidia-smi -L)
  gpus=$(grep -c '^GPU ' <<<"$listed" || true)
  devices=$(grep -c '^ *MIG ' <<<"$listed" || true)
  ours=$(grep -c "^ *MIG $profile " <<<"$listed" || true)
  ((gpus > 0 && devices == gpus * count && ours == devices))
}

enable() {
  local index current pending
  # The mode of a GPU that a program holds cannot change.
  systemctl stop nvidia-persistenced.service || true
  while IFS=', ' read -r index current pending; do
    if [[ $current != Enabled && $pending != Enabled ]]; then
      # What it has changed is looked at below: it may succeed and leave the mode pending.
      nvidia-smi -i "$index" -mig 1 || echo "partition-gpus: GPU $index: nvidia-smi -mig 1 exits $?" >&2
    fi
  done <<<"$1"
  # Stopped with it: the unit that sets the clocks needs it.
  systemctl start --no-block nvidia-persistenced.service set-nvidia-clocks.service || true
}

state=$(modes)
if ! is_enabled "$state"; then
  enable "$state"
  state=$(modes)
fi
if ! is_enabled "$state"; then
  is_pending "$state" || fail "MIG cannot be enabled: $state"
  # A virtual machine cannot reset an A100: the mode comes with the next boot, and with no later one.
  [[ ! -e $rebooted ]] || fail "MIG is not enabled after a reboot: $state"
  touch "$rebooted"
  systemctl reboot
  fail "rebooting, to enable MIG"
fi
if ! is_cut; then
  # Left by an attempt that was interrupted; usually there is nothing.
  nvidia-smi mig -dci || true
  nvidia-smi mig -dgi || true
  devices=$(printf ",$profile%.0s" $(seq "$count"))
  nvidia-smi mig -cgi "${devices#,}" -C
  is_cut || fail "these are not $count devices of $profile for each GPU: $(nvidia-smi -L)"
fi
rm -f "$rebooted"
