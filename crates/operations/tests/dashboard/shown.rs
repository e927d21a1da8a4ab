//! The dashboard as rendered from the template.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alarm::{Alarm, Inputs, MetricId, Template};
use serde_json::Value;

/// Value of the parameter `Checks` with every check.
pub(crate) const ALL: &str =
    "Availability,Login,Queues,Application,Backend,Booking,PaymentWebhook,Integrations,Notifications,Reconciliation";

/// Parameters of the platform stack that name AWS resources.
pub(crate) const PLATFORM: [(&str, &str); 6] = [
    ("LoadBalancer", "app/web/50dc6c495c0c9188"),
    ("TargetGroup", "targetgroup/web/73e2d6bc24d8a067"),
    ("Database", "just-driving"),
    ("Cache", "just-driving-001"),
    ("Servers", "i-0a1b2c3d4e5f60718,i-18f6e5d4c3b2a1070"),
    ("PlatformLogGroups", "/platform/laravel,/platform/workers"),
];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Parameters of the stacks.
pub(crate) struct StackInputs {
    pub(crate) checks: &'static str,
    pub(crate) platform: Vec<(&'static str, &'static str)>,
    /// Parameters that only the dashboard uses.
    pub(crate) links: Vec<(&'static str, &'static str)>,
    /// A replacement for the shipped alarms template.
    pub(crate) alarms: Option<String>,
}

impl StackInputs {
    pub(crate) fn all() -> Self {
        Self { checks: ALL, platform: PLATFORM.to_vec(), links: Vec::new(), alarms: None }
    }

    pub(crate) fn text(&self, file: &str) -> String {
        match &self.alarms {
            Some(text) if file == "alarms.yaml" => text.clone(),
            _ => std::fs::read_to_string(root().join("infra").join(file)).unwrap(),
        }
    }

    pub(crate) fn template(&self, file: &str) -> Template {
        let read = |file: &str, inputs: &Inputs| {
            Template::read(&self.text(file), inputs).unwrap_or_else(|error| panic!("{file}: {error}"))
        };
        let environment = Inputs::default().with("Environment", "production");
        let mut inputs = Inputs { imports: read("template.yaml", &environment).exports(), ..environment };
        if file == "alarms.yaml" {
            inputs = inputs.with("Checks", self.checks);
            inputs = self.links.iter().fold(inputs, |inputs, (name, value)| inputs.with(name, value));
        }
        read(file, &self.platform.iter().fold(inputs, |inputs, (name, value)| inputs.with(name, value)))
    }

    pub(crate) fn alarms(&self, file: &str) -> Vec<Alarm> {
        alarm::alarms(&self.template(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }
}

/// The widgets of the dashboard, in order.
pub(crate) struct Dashboard {
    pub(crate) widgets: Vec<Widget>,
}

impl Dashboard {
    pub(crate) fn new(inputs: &StackInputs) -> Self {
        let template = inputs.template("alarms.yaml");
        let dashboards: Vec<_> = template.resources_of_type("AWS::CloudWatch::Dashboard").collect();
        let [dashboard] = dashboards[..] else { panic!("{} dashboards", dashboards.len()) };
        assert_eq!(dashboard.properties["DashboardName"], "just-driving-synthetics-production");
        let text = dashboard.properties["DashboardBody"].as_str().unwrap();
        let body: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let widgets = body["widgets"].as_array().unwrap().iter().map(|value| Widget { value: value.clone() });
        Self { widgets: widgets.collect() }
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = Line> {
        self.widgets.iter().filter(|widget| widget.kind() == "metric").flat_map(Widget::lines)
    }
}

pub(crate) struct Widget {
    pub(crate) value: Value,
}

/// A line of a graph.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) metric: MetricId,
    pub(crate) statistic: String,
    pub(crate) period: u64,
    pub(crate) options: Value,
}

impl Widget {
    pub(crate) fn kind(&self) -> &str {
        self.value["type"].as_str().unwrap()
    }

    pub(crate) fn title(&self) -> Option<&str> {
        self.value["properties"]["title"].as_str()
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        self.value[name].as_u64().unwrap_or_else(|| panic!("{name} of {:?}", self.title()))
    }

    /// Names of the alarms that the widget lists.
    pub(crate) fn alarms(&self) -> Vec<String> {
        let arns = self.value["properties"]["alarms"].as_array().into_iter().flatten();
        let prefix = "arn:aws:cloudwatch:eu-north-1:123456789012:alarm:";
        arns.map(|arn| arn.as_str().and_then(|arn| arn.strip_prefix(prefix)).unwrap().to_owned()).collect()
    }

    pub(crate) fn notes(&self) -> &[Value] {
        self.value["properties"]["annotations"]["horizontal"].as_array().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        let properties = &self.value["properties"];
        let line = |entry: &Value| {
            let mut parts = entry.as_array().unwrap().clone();
            let options = parts.pop_if(|last| last.is_object()).unwrap_or_default();
            let texts: Vec<&str> = parts.iter().map(|part| part.as_str().unwrap()).collect();
            let (pairs, rest) = texts[2..].as_chunks::<2>();
            assert!(rest.is_empty(), "{entry}");
            let dimensions: BTreeMap<String, String> =
                pairs.iter().map(|[name, value]| ((*name).to_owned(), (*value).to_owned())).collect();
            let option = |name: &str| options.get(name).unwrap_or(&properties[name]).clone();
            Line {
                metric: MetricId { namespace: texts[0].to_owned(), name: texts[1].to_owned(), dimensions },
                statistic: option("stat").as_str().unwrap().to_owned(),
                period: option("period").as_u64().unwrap(),
                options,
            }
        };
        properties["metrics"].as_array().unwrap().iter().map(line).collect()
    }
}
