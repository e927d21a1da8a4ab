#!/usr/bin/env bash
# Runs checks in a pipeline, writes the reports, and ends with the exit code of the program.
# The variables are the inputs of action.yml in capitals.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
repository=https://github.com/just-driving/synthetics
releases=$repository/releases/download

fail() {
  echo "error: $*" >&2
  exit 2
}

# Downloads a release, compares its checksum, and prints the path of the program.
download() {
  local version=$1 machine folder name code said
  machine=$(uname -m)
  case $(uname -s)-$machine in
    Linux-x86_64 | Linux-aarch64) ;;
    *) fail "expected a runner with Linux on x86_64 or aarch64, found $(uname -s) on $machine; set the input program" ;;
  esac
  name=synthetics-$version-$machine-unknown-linux-musl
  folder=$(mktemp -d)
  for file in "$name.tar.gz" SHA256SUMS; do
    code=0
    said=$(curl --proto "${PROTOCOL:-=https}" --fail --silent --show-error --location --retry 3 \
      --output "$folder/$file" "${RELEASES:-$releases}/v$version/$file" 2>&1) || code=$?
    # 22 is an error of the server.
    if [[ $code == 22 && $said == *" 404"* ]]; then
      fail "no release v$version for $machine; set the input version to another, or build the program with" \
        "cargo install --locked --git $repository synthetics, and set the input program to its path"
    elif [[ $code != 0 ]]; then
      fail "failed to download $file of release v$version: $said"
    fi
  done
  (cd "$folder" && grep --fixed-strings "  $name.tar.gz" SHA256SUMS | sha256sum --check --quiet --strict -) \
    || fail "the checksum of $name.tar.gz differs from the published one"
  tar --extract --file "$folder/$name.tar.gz" --directory "$folder"
  echo "$folder/$name/synthetics"
}

# A switch that protects production must not depend on its spelling.
case ${READ_ONLY:-} in
  true) read_only=(--read-only) ;;
  false | "") read_only=() ;;
  *) fail "expected true or false for the input read-only, found $READ_ONLY" ;;
esac
if [[ -n ${WAIT_UNTIL_HEALTHY:-} && -z ${SETTINGS:-} ]]; then
  fail "the input wait-until-healthy needs the input settings: the demo platform is healthy"
fi

program=${PROGRAM:-}
if [[ -n $program ]]; then
  command -v "$program" >/dev/null || fail "expected the path of a program as the input program, found $program"
else
  version=${VERSION:-$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/Cargo.toml" | head -n 1)}
  program=$(download "$version")
fi

reports=${REPORTS:-synthetics-reports}
said=$(mkdir -p "$reports" 2>&1) || fail "failed to create the folder of the input reports: $said"
[[ -w $reports ]] || fail "expected a folder that can be written as the input reports, found $reports"
arguments=(run --also "junit=$reports/junit.xml" --also "html=$reports/report.html" --also "json=$reports/reports.json")
if [[ -n ${SETTINGS:-} ]]; then arguments+=(--settings "$SETTINGS"); else arguments+=(--demo); fi
arguments+=(${read_only[@]+"${read_only[@]}"})
if [[ -n ${WAIT_UNTIL_HEALTHY:-} ]]; then arguments+=(--wait-until-healthy "$WAIT_UNTIL_HEALTHY"); fi
# Ids of checks have no spaces, and may be on several lines. Without the delimiter, read ends with 1.
read -r -d '' -a checks <<<"${CHECKS:-}" || true
arguments+=(-- ${checks[@]+"${checks[@]}"})

code=0
"$program" "${arguments[@]}" | tee "$reports/run.txt" || code=${PIPESTATUS[0]}

if [[ -n ${GITHUB_OUTPUT:-} ]]; then
  printf 'exit-code=%s\nreports=%s\n' "$code" "$reports" >>"$GITHUB_OUTPUT"
fi
if [[ -n ${GITHUB_STEP_SUMMARY:-} ]]; then
  # Indented by four spaces, text is shown as it is: nothing in it becomes a link or a mention.
  { printf '### Synthetic checks: exit code %s\n\n' "$code" && sed 's/^/    /' "$reports/run.txt"; } >>"$GITHUB_STEP_SUMMARY"
fi
exit "$code"
