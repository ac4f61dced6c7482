#!/bin/sh
# Exports in CI with a key that is there for this job only, and keeps what changed.
# The job has: a clone in $PROMPTS, the private key in $SIGNING_KEY (a file, mode 0600),
# the last bundle in $LAST, if there is one.
set -e
cd "$PROMPTS"
anvil check
anvil export ${SELECT:-} --sign "$SIGNING_KEY" -o "$OUT" --json
if [ -f "${LAST:-}" ]; then
	anvil bundle inspect "$LAST" > /dev/null # one that is damaged is no change: the job ends here
	if anvil bundle diff "$LAST" "$OUT"; then
		echo 'nothing changed since the last bundle'
	fi
fi
