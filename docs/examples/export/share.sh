#!/bin/sh
# Shares a project: signed, looked at before it leaves, and verified by whoever gets it.
# Runs in a folder of its own: sh share.sh
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME="$work/state"
cd "$work"

# An organisation with a prompt and a partial of another project.
anvil init acme --organisation acme
cd acme
anvil new support/triage/classify --text
mkdir -p shared/voice
printf 'name: Shared\n' > shared/project.yaml
printf 'template: Be kind.\n' > shared/voice/_tone.yaml
printf 'name: Classify\ntemplate: |\n  {%% render "shared/voice/_tone" %%}\n  Sort this.\n' > support/triage/classify.yaml
git add .
git commit -q -m 'Add a prompt'
anvil keys generate

# What would go in, and why; then the bundle.
anvil export support --preview
anvil export support -o ../support.anvil.zip

# The trust line travels another way than the bundle: a letter, a web page, a ticket.
anvil keys export > ../acme.trusted

# Elsewhere: verified with Anvil …
cd ..
anvil bundle verify support.anvil.zip --allowed-signers acme.trusted

# … and with unzip, ssh-keygen and sha256sum alone.
mkdir unpacked
cd unpacked
unzip -q ../support.anvil.zip
ssh-keygen -Y verify -f ../acme.trusted -I acme/selection -n anvil-bundle-v1 -s manifest.json.sig < manifest.json
test "$(sha256sum SHA256SUMS | cut -d' ' -f1)" = "$(sed -n 's/.*"sums_sha256": "\(.*\)",*/\1/p' manifest.json)"
sha256sum --strict --quiet -c SHA256SUMS
echo verified
