package check

import (
	corev1 "k8s.io/api/core/v1"
)

var spreadExample = edited(webExample, "    spec:\n", "    spec:\n      topologySpreadConstraints:\n        - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}\n")

var spreadRules = []Rule{
	{
		Code: "KC341", Title: "a spread over nodes that is refused, or counts no pods", Severity: Error, Kinds: podKinds,
		Doc: "A topologySpreadConstraint has a maxSkew of at least 1 and a topologyKey, and minDomains with DoNotSchedule alone: the API server " +
			"refuses others. One without a labelSelector counts no pods, and spreads none: that is a warning.",
		Wrong:  edited(spreadExample, "maxSkew: 1", "maxSkew: 0"),
		Right:  spreadExample,
		object: podRule(checkSpread),
	},
}

func checkSpread(c *checker, w *workload) {
	for i, spread := range w.spec.TopologySpreadConstraints {
		field := at("%sspec.topologySpreadConstraints[%d]", w.at, i)
		switch {
		case spread.MaxSkew < 1:
			c.report(w.object, field+".maxSkew", "the pods are refused: maxSkew is below 1", "use 1 or more")
		case spread.TopologyKey == "":
			c.report(w.object, field+".topologyKey", "the pods are refused: there is no topologyKey", "use for example topology.kubernetes.io/zone")
		case spread.MinDomains != nil && *spread.MinDomains < 1:
			c.report(w.object, field+".minDomains", "the pods are refused: minDomains is below 1", "use 1 or more, or leave it out")
		case spread.MinDomains != nil && spread.WhenUnsatisfiable == corev1.ScheduleAnyway:
			c.report(w.object, field+".minDomains", "the pods are refused: minDomains is for DoNotSchedule alone", "leave it out, or use DoNotSchedule")
		case spread.LabelSelector == nil:
			c.reportAs(Warning, w.object, field+".labelSelector", "no pods are spread: without a selector it counts none", "select the labels of the pods")
		}
	}
}
