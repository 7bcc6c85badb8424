#!/bin/sh
# SPDX-License-Identifier: ISC
# The newest boto3 of PyPI, whose uploads carry checksums in trailers.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
# shellcheck source=t/s3.sh
. "$here/s3.sh"
need kn-store
venv boto3-1.44.8 'boto3[crt]==1.44.8'
python=$venv/bin/python
# shellcheck source=t/interop/s3/boto.sh
. "$here/interop/s3/boto.sh"
