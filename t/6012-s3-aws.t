#!/bin/sh
# SPDX-License-Identifier: ISC
# The aws command line, as the distribution has it.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store
command -v aws >/dev/null || skip 'aws is not installed'
aws=$(command -v aws)
# shellcheck source=t/interop/s3/aws.sh
. "$here/interop/s3/aws.sh"
