#!/usr/bin/env bash
# train.sh full|tiny RUN SECONDS [--set ...]: a whole training, annealed within SECONDS, from what setup.sh unpacked.
# tiny learns from $TEACHER (a model folder, such as RUN/latest of full).
set -e
what=$1 run=$2 seconds=$3; shift 3
top=${RENTED:-/tmp/rented}
export PYTHONPATH=$top/code/src:$top/site OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1 CLIPSTR_CACHE=$top/cache
export TORCHINDUCTOR_CACHE_DIR=$top/inductor TRITON_CACHE_DIR=$top/triton
ulimit -n 65536 2>/dev/null || true
cd "$top/code"
# Two cores stay free, and all others are given up to whoever wants them: the machine must go on answering.
common=(--max-time "${seconds}s" --set data.workers=$(($(nproc) > 3 ? $(nproc) - 3 : 1)) --set run.threads=0
    --set run.checkpoint_every=9999 --set run.log_every=50
    --set "data.synthetic.fonts=[\"$top/fonts\"]" --set "data.synthetic.texts=$top/texts.txt")
if [ "$what" = full ]; then
    exec nice -n 10 python3 -m clipstr train release/chain.toml --out "$run" "${common[@]}" \
        --set optimisation.schedule=one-cycle --set optimisation.learning_rate=2e-3 --set optimisation.warm_up=0.03 \
        --set optimisation.batch_size=1024 --set optimisation.accumulate=1 --set optimisation.average=0.998 \
        --set run.compile=true --set run.validate_every=800_000 "$@"
fi
exec nice -n 10 python3 -m clipstr train release/tiny.toml --out "$run" "${common[@]}" \
    --set start.model="$top/tiny" --set soft_labels.model="${TEACHER:?a model folder to learn from}" "$@"
