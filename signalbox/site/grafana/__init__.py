"""What Grafana is given: data sources, dashboards and alert rules, all written from here into `deploy/grafana`."""
