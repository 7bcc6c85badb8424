#!/bin/sh
# SPDX-License-Identifier: ISC
# What deploy/ holds for Prometheus and Grafana: rules that promtool takes and
# whose tests are able to fail, a page that explains each alert, dashboards that
# can be provisioned anywhere.  That queries find something is in 5006.
here=$(cd "$(dirname "$0")" && pwd) || exit 111
. "$here/lib.sh"
. "$here/parts.sh"
command -v jq >/dev/null || skip 'jq is not installed'
cd "$here/../deploy" || exit 111

# alerts
sed -n 's/^ *- alert: //p' prometheus/alerts.yml >"$T/alerts"
n=$(wc -l <"$T/alerts")
[ "$n" -gt 30 ] && [ "$(sort -u "$T/alerts" | wc -l)" -eq "$n" ]
ok $? "$n alerts"
awk '
	/- alert:/ { name = $3 }
	/severity: (critical|warning|info)$/ { has[name]++ }
	/summary: .*\{\{|summary: .No node/ { has[name]++ }
	/description:/ { has[name]++ }
	/runbook: man 7 kn-alerts$/ { has[name]++ }
	END { for (name in has) if (has[name] == 4) print name }' \
    prometheus/alerts.yml | sort >"$T/whole"
sort "$T/alerts" | grep -vxFf "$T/whole" >"$T/said"
grep -vF VersionsMixed "$T/said" | grep -q .
[ $? -eq 1 ]
ok $? "each has a severity, a summary of its node, a description, a runbook"
sed 's/^/# /' "$T/said"
sed -n 's/^\.It Sy \(Kontinuum[A-Za-z0-9]*\).*/\1/p' ../man/kn-alerts.7 |
    diff - "$T/alerts" >"$T/said"
ok $? "kn-alerts(7) explains each, in their order"
sed 's/^/# /' "$T/said"
sed -n 's/^  - name: \(Kontinuum.*\)/\1/p' prometheus/*_test.yml | sort |
    diff - "$(sort "$T/alerts" >"$T/sorted" && echo "$T/sorted")" >"$T/said"
ok $? "each has a test"
sed 's/^/# /' "$T/said"

cat prometheus/alerts.yml grafana/*.json |
    grep -oE 'kn_(backup|restore|key|upgrade)_[a-z_]+' | sort -u >"$T/named"
cat ../scripts/backup.sh ../scripts/keycopies.sh ../scripts/upgrade.sh |
    grep -oE 'kn_(backup|restore|key|upgrade)_[a-z_]+' | sort -u |
    comm -13 - "$T/named" >"$T/said"
[ -s "$T/named" ] && [ ! -s "$T/said" ]
ok $? "what is asked of scripts is what they tell"
sed 's/^/# /' "$T/said"

# promtool
if promtool=$(part promtool prometheus 2>/dev/null); then
	"$promtool" check rules prometheus/recording.yml prometheus/alerts.yml \
	    >"$T/said" 2>&1 &&
	    "$promtool" check config prometheus/prometheus.yml >>"$T/said" 2>&1
	ok $? "promtool takes rules and configuration"
	cp prometheus/*.yml "$T"
	passes() { (cd "$T" && timeout 300 "$promtool" test rules ./*_test.yml) >"$T/said" 2>&1; }
	passes
	code=$?
	ok $code "and their tests pass"
	[ $code -eq 0 ] || sed 's/^/# /' "$T/said" | head -n 40
	# the alerts named in a failure, in order
	blamed() {
		grep -o 'alertname=[\\"]*Kontinuum[A-Za-z0-9]*' "$T/said" |
		    sed 's/.*Kontinuum/Kontinuum/' | sort -u
	}
	awk '/^ *for:/ { next }
		/^        labels:/ { print "        for: 1000h" }
		{ print }' prometheus/alerts.yml >"$T/alerts.yml"
	passes
	blamed | diff - "$T/sorted" >"$T/diff"
	ok $? "an alert that never fires fails its test"
	sed 's/^/# /' "$T/diff"
	# every alert for every instance, and at once
	awk '/^ *for:/ || skip && /^          / { next }
		{ skip = 0 }
		/^        expr:/ {
			print "        expr: group by (job, instance)" \
			    " ({__name__=~\"up|kn_.*\"})"
			skip = 1
			next
		}
		{ print }' prometheus/alerts.yml >"$T/alerts.yml"
	passes
	blamed | diff - "$T/sorted" >"$T/diff"
	ok $? "and so does one that always fires"
	sed 's/^/# /' "$T/diff"
	# numbers of recording rules
	cp prometheus/alerts.yml "$T/alerts.yml"
	sed 's/rate(\(.*\)\[5m\])/(2 * rate(\1[5m]))/; s/86400/86401/
		s/ratio$/&/; s/expr: sum by/expr: 2 * sum by/
		s/expr: count by/expr: 2 * count by/' prometheus/recording.yml \
	    >"$T/recording.yml"
	passes
	[ $? -ne 0 ]
	ok $? "wrong recording rules are noticed"
else
	skip_one "promtool" "there is none, and its package cannot be fetched"
fi
if amtool=$(part amtool prometheus-alertmanager 2>/dev/null); then
	"$amtool" check-config prometheus/alertmanager.yml >"$T/said" 2>&1
	ok $? "amtool takes the configuration"
else
	skip_one "amtool" "there is none, and its package cannot be fetched"
fi

# dashboards
lint() { # NAME FILTER: finds no panel or target, printed by title
	jq -r "$2" "$dashboard" >"$T/said" 2>&1 && [ ! -s "$T/said" ]
	ok $? "$dashboard: $1"
	sed 's/^/# /' "$T/said"
}
panels='.panels[] | select(.type != "row")'
for dashboard in grafana/node.json grafana/fleet.json; do
	lint "has an id, a title, a description, cannot be edited" \
	    'select((.uid and .title and .description and .editable == false
		and (has("id") | not)) | not) | .title'
	lint "ids of panels are unique" \
	    '[.panels[].id] | group_by(.)[] | select(length > 1) | tostring'
	lint "titles are unique" \
	    '[.panels[].title] | group_by(.)[] | select(length > 1) | tostring'
	lint "each panel has a title and a description" \
	    "$panels | select((.title and .description) | not) | .id"
	lint "each panel has a unit" \
	    "$panels | select(.fieldConfig.defaults.unit | not) | .title"
	lint "each panel has a query" \
	    "$panels | select((.targets | length) == 0) | .title"
	lint "the data source is a variable, everywhere" \
	    '.. | objects | select(has("datasource")) | .datasource |
		select(type == "object" and .type != "grafana" and
		.uid != "${datasource}" or type == "string") | tostring'
	lint "each query has an expression and a legend" \
	    "$panels | .title as \$t | .targets[] |
		select(((.expr // \"\") == \"\") or
		((.legendFormat // \"\") == \"\")) | \$t"
	lint "each selects the job and the instance" \
	    "$panels | .title as \$t | .targets[] | .expr |
		select((contains(\"job=~\\\"\$job\\\"\") and
		contains(\"instance=~\\\"\$instance\\\"\")) | not) | \$t"
	lint "rates are over \$__rate_interval" \
	    "$panels | .title as \$t | .targets[] | .expr |
		select(test(\"(rate|increase|irate)\\\\(\")) |
		select(test(\"\\\\[\\\\\$__rate_interval\\\\]\") | not) | \$t"
	lint "a query has one letter" \
	    "$panels | select(([.targets[].refId] | unique | length) !=
		(.targets | length)) | .title"
	lint "panels do not lie upon one another" \
	    '[.panels[] | .gridPos as $g | .title as $t |
		range($g.x; $g.x + $g.w) as $x | range($g.y; $g.y + $g.h) as $y |
		{at: "\($x),\($y)", t: $t}] | group_by(.at)[] |
		select(length > 1) | map(.t) | join(" and ")'
	lint "nor beside the page" \
	    '.panels[] | select(.gridPos.x + .gridPos.w > 24) | .title'
	lint "variables: data source, job, instance, read again with the time" \
	    'select(([.templating.list[].name] != ["datasource", "job", "instance"])
		or ([.templating.list[1:][].refresh] != [2, 2])) | .title'
done
[ "$(jq -r .uid grafana/*.json | sort -u | wc -l)" -eq 2 ]
ok $? "each dashboard has an id of its own"
finish
