// Package observe lets people see what their services do: an OpenTelemetry Collector for what they
// report, the ServiceMonitor by which Prometheus reads their metrics, service level objectives with
// their alerts, and dashboards of Grafana.
//
//	service := infra.NewService(chart, "web", infra.ServiceProps{
//		Name:     "web",
//		Selector: map[string]string{"app": "web"},
//		Labels:   observe.ScrapeLabels("web"),
//		Ports:    []infra.ServicePort{{Name: "http", Port: 80}},
//	})
//	observe.NewScraping(chart, "scraping", observe.ScrapingProps{Service: service})
//	objectives := observe.NewServiceObjectives(chart, "objectives", observe.ServiceObjectivesProps{
//		Name:         "web",
//		Service:      service,
//		Availability: observe.Availability{Objective: 99.9},
//	})
//	observe.NewDashboard(chart, "dashboard", observe.DashboardProps{
//		Name:   "web-dashboard",
//		Title:  "Web",
//		Panels: []observe.Panel{
//			observe.RequestRatePanel(service, observe.RequestMetrics{}),
//			observe.BudgetPanel(objectives),
//		},
//	})
//
// ServiceMonitor and PrometheusRule are read by the Prometheus Operator
// (https://prometheus-operator.dev).
package observe
