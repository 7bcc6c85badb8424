#!/bin/sh
# SPDX-License-Identifier: ISC
# boto3, as the distribution has it.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store
python=/usr/bin/python3
# shellcheck source=t/interop/s3/boto.sh
. "$here/interop/s3/boto.sh"
