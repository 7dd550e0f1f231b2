#!/bin/sh
# Runs all tests of rowloom. See docs/testing.md.
#
#   scripts/test.sh            everything: format, vet, staticcheck, builds, tests, race detector, JavaScript peers
#   scripts/test.sh quick      the same without the race detector and the JavaScript peers
#
# ROWLOOM_REQUIRE_NODE=1   fail where there is no Node, instead of skipping the tests against JavaScript peers
# ROWLOOM_CGO=0            do without a C compiler, and so without Automerge documents
# ROWLOOM_SOAK=1           much longer random runs (hours)
set -u
cd "$(dirname "$0")/.." || exit 2

mode=${1:-all}
case $mode in all | quick) ;; *) echo "usage: scripts/test.sh [quick]" >&2; exit 2 ;; esac

# A fresh machine may have no home folder; a fresh clone may belong to somebody else.
if [ -z "${HOME:-}" ]; then
	HOME=$(mktemp -d) && export HOME
fi
export GOFLAGS="-buildvcs=false ${GOFLAGS:-}"
limit=${ROWLOOM_TEST_TIMEOUT:-$([ "${ROWLOOM_SOAK:-}" = 1 ] && echo 6h || echo 9m)}

if ! command -v go >/dev/null; then
	echo "scripts/test.sh: there is no go command; install Go 1.26 from https://go.dev/dl" >&2
	exit 2
fi
cgo=${ROWLOOM_CGO:-1}
cc=$(go env CC)
if [ "$cgo" = 1 ] && ! command -v "${cc%% *}" >/dev/null; then
	echo "scripts/test.sh: there is no C compiler ($cc), which Automerge documents and the race detector need." >&2
	echo "Install one (apt-get install gcc libc6-dev), or set ROWLOOM_CGO=0 to test without them." >&2
	exit 2
fi
if ! command -v node >/dev/null && [ "${ROWLOOM_REQUIRE_NODE:-}" != 1 ]; then
	echo "There is no Node: the tests against JavaScript peers will be skipped (ROWLOOM_REQUIRE_NODE=1 makes that a failure)."
fi

start=$(date +%s)
summary=
failed=0
number=0

# step NAME COMMAND...: runs one step, shows its output, and notes how it went and how long it took.
step() {
	name=$1
	shift
	number=$((number + 1))
	printf '\n== %d. %s\n' "$number" "$name"
	from=$(date +%s)
	if "$@"; then how=ok; else
		how=FAILED
		failed=$((failed + 1))
	fi
	line=$(printf '%-6s %4d s  %d. %s' "$how" $(($(date +%s) - from)) "$number" "$name")
	printf -- '-- %s\n' "$line"
	summary="$summary$line
"
}

sources() { find . -name node_modules -prune -o -name '.git' -prune -o -name '*.go' -print; }

formatted() {
	wrong=$(sources | xargs gofmt -l)
	[ -z "$wrong" ] || { echo "not formatted (gofmt -w will do it):" && echo "$wrong" && false; }
}

# The tests against JavaScript peers run alone: they start many processes and wait for them.
library() { go list ./... | grep -v '/interop/'; }

# The packages whose tests come out differently with cgo: those that reach the Automerge engine.
native() {
	CGO_ENABLED=1 go list -test -f '{{.ImportPath}} {{.Deps}}' ./... | grep -v '/interop/' |
		grep 'github.com/automerge/automerge-go' | sed -n 's/^\([^ ]*\)\.test .*/\1/p'
}

# The race detector runs where goroutines meet, with -short: tests in which one goroutine computes for long do less.
racy() { library | grep -E '/(store|store/persist|store/mergeable|synchronizer|adapters|synclog|hub|conflict|cmd)(/|$)'; }

# run_tests PACKAGES FLAGS...: go test on a list of packages, which may be empty.
run_tests() {
	list=$1
	shift
	[ -n "$list" ] || { echo "no packages"; return 0; }
	# shellcheck disable=SC2086
	go test -timeout "$limit" "$@" $list
}
test_library() { CGO_ENABLED=0 run_tests "$(library)"; }
test_native() { CGO_ENABLED=1 run_tests "$(native)"; }
test_race() { CGO_ENABLED=1 run_tests "$(racy)" -race -short; }
test_interop() { CGO_ENABLED=$cgo ROWLOOM_RACE=$cgo go test -count=1 -timeout "$limit" ./interop/...; }

step "gofmt" formatted
step "build without cgo" env CGO_ENABLED=0 go build ./...
if [ "$cgo" = 1 ]; then
	step "build with cgo" env CGO_ENABLED=1 go build ./...
fi
step "go vet" env CGO_ENABLED=$cgo go vet ./...
step "staticcheck" env CGO_ENABLED=$cgo go tool staticcheck ./...
step "tests without cgo" test_library
if [ "$cgo" = 1 ]; then
	step "tests that reach cgo" test_native
fi
if [ "$mode" = all ]; then
	if [ "$cgo" = 1 ]; then
		step "tests with the race detector" test_race
	fi
	step "tests against JavaScript peers" test_interop
fi

printf '\n%s' "$summary"
echo "total  $(($(date +%s) - start)) s"
if [ $failed -gt 0 ]; then
	echo "$failed of $number steps FAILED"
	exit 1
fi
echo "all $number steps passed"
