#!/bin/sh
# Sends a project to another organisation so that nobody between can read it.
# Runs in a folder of its own: sh encrypted.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME="$work/state"
cd "$work"

anvil init acme --organisation acme
(cd acme && anvil new support/triage/classify && git add . && git commit -q -m 'Add a prompt' && anvil keys generate)
anvil init globex --organisation globex
(cd globex && anvil keys generate)

# Globex hands out two files: whom to trust, and a key to encrypt with, which it signed.
anvil --dir globex keys export > globex.trusted
anvil --dir globex keys export --recipient -o globex.recipient
anvil --dir acme keys export > acme.trusted

# Acme trusts globex' key, so it believes the recipient.
anvil --dir acme export support --encrypt-to globex.recipient --allowed-signers globex.trusted -o support.anvil.enc.zip

# Anybody sees whose it is; only globex opens it.
anvil bundle inspect support.anvil.enc.zip
anvil --dir globex bundle verify support.anvil.enc.zip --allowed-signers acme.trusted
if anvil --dir acme bundle verify support.anvil.enc.zip --allowed-signers acme.trusted < /dev/null; then
	echo 'acme opened what is not for it' >&2
	exit 1
fi
echo sent
