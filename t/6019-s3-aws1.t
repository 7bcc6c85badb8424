#!/bin/sh
# SPDX-License-Identifier: ISC
# The aws command line of version 1, as PyPI has it.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store
venv awscli-1.46.3 awscli==1.46.3
aws=$venv/bin/aws
# shellcheck source=t/interop/s3/aws.sh
. "$here/interop/s3/aws.sh"
