#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What an orchestrator does with hamon's API, by curl alone: make a mirror, watch it, move it, give it another disk.
#
#   orchestrate.sh create MIRROR FIRST SECOND         make MIRROR on node FIRST, join node SECOND; all that is on both disks is lost
#   orchestrate.sh watch MIRROR [SECONDS]             what happens, until both copies are whole
#   orchestrate.sh switchover MIRROR                  to the other node
#   orchestrate.sh replace-disk MIRROR NODE [DEVICE]  the disk of NODE has been exchanged (and is now called DEVICE): copy everything to it
#
# HAMON names one entrance or several, tried in turn: any node takes any call. "unix:/run/hamon/control.sock" (the default), or
# "https://10.99.0.1:4345" with a token of that node in HAMON_TOKEN and the cluster's ca.crt in HAMON_CACERT.
#
# Exit status: 0 done, 1 refused or failed (the reason is on stderr), 2 wrong usage. Calling it again is harmless: what is done is not done twice.
set -euo pipefail
HAMON=${HAMON:-unix:/run/hamon/control.sock}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# One call: METHOD PATH [BODY [HEADER...]]. Status in $status, headers in $folder/head, body in $folder/body. Fails only when nobody answers.
call() {
	local method=$1 path=$2 body=${3:-} entrance
	shift $(($# < 3 ? $# : 3))
	local -a more=()
	for header in "$@"; do more+=(-H "$header"); done
	[ -z "$body" ] || more+=(-H 'Content-Type: application/json' --data "$body")
	[ -z "${HAMON_TOKEN:-}" ] || more+=(-H "Authorization: Bearer $HAMON_TOKEN")
	[ -z "${HAMON_CACERT:-}" ] || more+=(--cacert "$HAMON_CACERT")
	for entrance in $HAMON; do
		local -a to=("$entrance$path")
		[ "${entrance#unix:}" = "$entrance" ] || to=(--unix-socket "${entrance#unix:}" "http://localhost$path")
		if status=$(curl -sS --max-time 90 -X "$method" -o "$folder/body" -D "$folder/head" -w '%{http_code}' "${more[@]}" "${to[@]}" 2>"$folder/error"); then
			return 0
		fi
	done
	echo "orchestrate: nobody answers: $(cat "$folder/error")" >&2
	return 1
}

# A member of the last answer that is a string, a number, true or false; the first of that name.
member() { sed -n 's/^ *"'"$1"'": *"\{0,1\}\([^",]*\)"\{0,1\},\{0,1\}$/\1/p' "$folder/body" | head -n 1; }
header() { sed -n 's/^'"$1"': *//Ip' "$folder/head" | tr -d '\r' | head -n 1; }

refused() {
	echo "orchestrate: $1: $(member detail) [$(member code)]" >&2
	[ -z "$(member next)" ] || echo "orchestrate: next: $(member next)" >&2
	exit 1
}

# A change of what OF shows: POST PATH BODY, and then its operation until it is over. The key makes it safe to ask again when no answer came.
change() { # OF PATH BODY
	local of=$1 path=$2 body=$3 key
	key=$(cat /proc/sys/kernel/random/uuid)
	for _ in 1 2 3 4 5; do
		call GET "$of"
		[ "$status" = 200 ] || refused "GET $of"
		if call POST "$path" "$body" "If-Match: $(header ETag)" "Idempotency-Key: $key" && [ "$status" != 412 ]; then break; fi
		sleep 1 # somebody else has changed something meanwhile, or nobody answered: look again, ask again
	done
	[ "$status" = 202 ] || refused "POST $path"
	local operation
	operation=$(header Location)
	while call GET "$operation" && [ "$(member state)" = running ]; do sleep 0.5; done
	[ "$(member state)" = "done" ] || {
		echo "orchestrate: $path: $(member sentence) [$(member code)] $(member detail)" >&2
		exit 1
	}
	echo "$path: $(member sentence)"
}

# Both copies are whole: asked by status code, as a load balancer would.
wait_for_both() { # MIRROR SECONDS
	for ((i = 0; i < $2 * 2; i++)); do
		call GET "/v1/mirrors/$1/insync"
		[ "$status" != 200 ] || return 0
		sleep 0.5
	done
	call GET "/v1/mirrors/$1"
	echo "orchestrate: $1 is not redundant after $2 s: $(member sentence)" >&2
	exit 1
}

create() { # MIRROR FIRST SECOND
	call GET "/v1/nodes/$2/mirrors/$1"
	[ "$status" = 200 ] || refused "GET $1"
	if [ "$(member health)" = unconfigured ]; then
		change "/v1/nodes/$2/mirrors/$1" "/v1/nodes/$2/mirrors/$1/create" '{"overwrite": true}'
	fi
	call GET "/v1/mirrors/$1/insync"
	if [ "$status" != 200 ]; then
		change "/v1/nodes/$3/mirrors/$1" "/v1/nodes/$3/mirrors/$1/join" '{"overwrite": true}'
		wait_for_both "$1" "${PATIENCE:-3600}"
	fi
	echo "$1 is redundant"
}

# Events as they come, on one connection; then how it stands.
watch() { # MIRROR SECONDS
	local entrance=${HAMON%% *}
	local -a to=("$entrance/v1/events/stream?since=0") more=()
	[ "${entrance#unix:}" = "$entrance" ] || to=(--unix-socket "${entrance#unix:}" "http://localhost/v1/events/stream?since=0")
	[ -z "${HAMON_TOKEN:-}" ] || more+=(-H "Authorization: Bearer $HAMON_TOKEN")
	[ -z "${HAMON_CACERT:-}" ] || more+=(--cacert "$HAMON_CACERT")
	curl -sSN --max-time "$2" "${more[@]}" "${to[@]}" 2>/dev/null | sed -un '/^event: event/{n;s/.*"severity": *"\([a-z]*\)".*"sentence": *"\(\([^"\\]\|\\.\)*\)".*/\1: \2/p}' &
	local follower=$!
	wait_for_both "$1" "$2"
	kill $follower 2>/dev/null || :
	call GET "/v1/mirrors/$1"
	echo "$1: $(member health)"
}

switchover() { # MIRROR
	call GET "/v1/preflight/switchover?mirror=$1"
	[ "$status" = 200 ] || refused "preflight"
	[ "$(member ready)" = true ] || {
		echo "orchestrate: $1 cannot be moved now: $(sed -n 's/^ *"sentence": "\(.*\)",\{0,1\}$/\1/p' "$folder/body" | head -n 1)" >&2
		exit 1
	}
	change "/v1/mirrors/$1" "/v1/mirrors/$1/switchover" ''
	wait_for_both "$1" 120
}

# All machines run the same again, and this entrance answers.
wait_for_configuration() { # HASH
	local hash=$1
	for ((i = 0; i < 60; i++)); do
		sleep 1
		call GET /v1/config || continue
		[ "$(member hash)" = "$hash" ] || continue
		[ "$(sed -n '/"hashes": {/,/}/p' "$folder/body" | sed -n 's/^ *"[^"]*": *\("[^"]*"\|null\),\{0,1\}$/\1/p' | sort -u)" != "\"$hash\"" ] || return 0
	done
	echo "orchestrate: the machines do not run the same configuration yet" >&2
	exit 1
}

replace_disk() { # MIRROR NODE [DEVICE]
	if [ -n "${3:-}" ]; then # its new name goes into the configuration of all machines
		call GET /v1/config
		call PUT "/v1/config/mirrors/$1" '{"devices": {"'"$2"'": "'"$3"'"}}' "If-Match: $(header ETag)"
		[ "$status" = 200 ] || refused "the device of $2"
		wait_for_configuration "$(member hash)"
	fi
	change "/v1/nodes/$2/mirrors/$1" "/v1/nodes/$2/mirrors/$1/join" '{"overwrite": true}'
	wait_for_both "$1" "${PATIENCE:-3600}"
	echo "$1 is redundant again"
}

usage() {
	sed -n '3,/^$/s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

case ${1:-} in
create) [ $# = 4 ] || usage; create "$2" "$3" "$4" ;;
watch) [ $# = 2 ] || [ $# = 3 ] || usage; watch "$2" "${3:-60}" ;;
switchover) [ $# = 2 ] || usage; switchover "$2" ;;
replace-disk) [ $# = 3 ] || [ $# = 4 ] || usage; replace_disk "$2" "$3" "${4:-}" ;;
*) usage ;;
esac
