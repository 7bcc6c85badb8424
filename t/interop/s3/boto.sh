# SPDX-License-Identifier: ISC
# The steps of boto.py, for any version of boto3: sourced after lib.sh and s3.sh
# by ../../60*-s3-boto3*.t, with $python set to a Python that has it.
"$python" -c 'import boto3' 2>/dev/null || skip "$python has no boto3"
store_start a && key_for a own
ok $? "a store with a key"
aws_env
noise "$big" "$T/big"
timeout 600 "$python" "$here/interop/s3/boto.py" "$endpoint" "$T/big" \
    >"$T/tap" 2>"$T/err"
code=$?
take_tap "$T/tap"
sed 's/^/# /' "$T/err"
[ $code -eq 0 ]
ok $? "all of it ran"
[ "$(store a --json usage | jq .disk_used)" -eq 0 ]
ok $? "nothing is used any more"

key_of_small a
refused QuotaExceeded "$python" "$here/interop/s3/boto.py" "$endpoint" "$T/big" \
    cap
ok $? "what does not fit is refused, once and for all"
finish
