#!/usr/bin/env bash
# Five nodes on this machine: they join each other, four sell an agent, and the first has it run by the best of them, by whoever can do the work, and by three who have to agree. Then it asks a model that only the second one serves.
#   samples/network/five-nodes.sh [--stay] [--port N]     --stay: leaves them running until Ctrl-C; N: the first of ten ports (default 8500)
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
stoa="$root/stoa"
port=8500 stay=""
while (($#)); do
    case "$1" in
        --stay) stay=1 ;;
        --port) port="$2" && shift ;;
        *) sed -n 2,3p "$0" >&2 && exit 2 ;;
    esac
    shift
done

# Nothing of the user's own is read or written.
folder="$(mktemp -d)"
export XDG_CONFIG_HOME="$folder/config"
export STOA_DATA="$folder/none"
unset STOA_ADDRESS STOA_KEY STOA_ORGANISATION STOA_SIGNING_KEY
mkdir "$folder/config"
pids=()
finish() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2> /dev/null || true; done
    rm -rf "$folder"
}
trap finish EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
address_of() { echo "http://127.0.0.1:$((port + $1))"; }
# As the first administrator of node N: at N COMMAND…
at() {
    local node="$1" && shift
    "$stoa" "$@" --address "$(address_of "$node")" --key "$(cat "$folder/node$node/admin.key")"
}
member() { grep -o "\"$1\": *\"[^\"]*\"" | head -1 | cut -d '"' -f 4; }
await() {
    local turn
    for turn in $(seq 1 240); do
        "$@" > /dev/null 2>&1 && return
        sleep 0.5
    done
    echo "This did not come about within two minutes: $*" >&2
    tail -20 "$folder"/node*.log >&2
    exit 1
}

"$stoa" --help > /dev/null
start() {
    local node="$1" && shift
    "$stoa" up --port "$((port + node))" --data "$folder/node$node" "$@" --set network:mdns=false > "$folder/node$node.log" 2>&1 &
    pids+=($!)
}

say "Starting five nodes"
start 0 --set "network:listen:0=/ip4/127.0.0.1/tcp/$((port + 5))" --set supply:modelsSeconds=2
await test -s "$folder/node0/admin.key"
await at 0 network show
join="$(at 0 network show --json | grep -o '/ip4/127[^"]*/p2p/[^"]*' | head -1)"
# The second node has a model that is a program, and takes something for serving it.
serving=(--set inference:local:0:model=stoa/parrot@1.0.0 --set "inference:local:0:file=$root/samples/models/parrot/parrot.wasm"
    --set inference:local:0:inputPrice=0.5 --set inference:local:0:outputPrice=1.5)
for node in 1 2 3 4; do
    start "$node" --set "network:listen:0=/ip4/127.0.0.1/tcp/$((port + 5 + node))" --join "$join" --set payPerCall:payee=till "${serving[@]}"
    serving=()
done
for node in 1 2 3 4; do
    await test -s "$folder/node$node/admin.key"
    await at "$node" network show
done
at 0 network show

say "Publishing markdown-html at the four that sell"
key="" password="five nodes on one machine"
for node in 1 2 3 4; do
    echo "$password" | at "$node" register till till@example.org --password-stdin > /dev/null
    echo "$password" | at "$node" register buyer buyer@example.org --password-stdin > /dev/null
    at "$node" agent publish "$root/samples/markdown-html" > /dev/null
    at "$node" wallet deposit buyer 5
done
key="$(at 1 listing search markdown --json | member key)"
echo "The agent is $key/markdown-html"

say "Opening a channel at each, and giving them tasks"
for node in 1 2 3 4; do
    session="$folder/session$node" && mkdir "$session"
    echo "$password" | XDG_CONFIG_HOME="$session" "$stoa" login --address "$(address_of "$node")" --handle buyer --password-stdin > /dev/null
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/supplier$node.pem" 2> /dev/null
    payee="$(XDG_CONFIG_HOME="$session" "$stoa" status --json | member publicKey)"
    channel="$(XDG_CONFIG_HOME="$session" "$stoa" channel open till 2 --payee-key "$payee" --key-file "$folder/supplier$node.pem" --json | member id)"
    await at 0 supplier add "$(address_of "$node")" --channel "$channel" --key-file "$folder/supplier$node.pem"
done
at 0 supplier list

say "Waiting until the first node has heard of the agent and of who has it"
await at 0 task submit "$key/markdown-html" --text "# Hello" --quote
at 0 task submit "$key/markdown-html" --text "# Hello" --quote

say "A task at the first node"
at 0 task submit "$key/markdown-html" --text "# Hello from the first node" --wait
task="$(at 0 task list --json | member id)"
at 0 task show "$task"

say "The receipt of the node that ran it"
at 0 receipt verify "$task"

say "A task that names only the work: nobody at the first node can do it"
at 0 task submit --capability text.markdown-to-html --text "# Hello to whoever can do it" --wait
at 0 task selection "$(at 0 task list --json | member id)"

say "Three executors, of whom two have to agree"
await at 0 task submit "$key/markdown-html" --text "# Hello" --runs 3 --quote
at 0 task submit "$key/markdown-html" --text "# Hello from three nodes" --runs 3 --wait
at 0 task runs "$(at 0 task list --json | member id)"

say "A model that only the second node serves, asked at the first"
at 1 blob put "$root/samples/models/parrot/parrot.wasm" > /dev/null
at 1 listing publish "$root/samples/models/parrot/model.json" > /dev/null
serves_parrot() { at 0 model list --json | grep -q '/parrot@1.0.0'; }
await serves_parrot
at 0 model list
model="$(at 0 model list --json | grep -o '"Qm[^"]*/parrot@1.0.0"' | head -1 | tr -d '"')"
at 0 model ask "$model" "What is a receipt?" --max-tokens 40
at 0 model ask "$model" "What is a channel?" --max-tokens 40 --stream
at 0 usage

say "What it cost the operator"
at 0 supplier list

if [[ -n "$stay" ]]; then
    say "The nodes run until Ctrl-C. Their data is in $folder"
    wait "${pids[0]}"
fi
