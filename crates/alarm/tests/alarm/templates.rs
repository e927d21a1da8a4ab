//! Resolution of templates.

use alarm::{Inputs, Template};
use serde_json::{Value, json};

fn read(text: &str) -> Template {
    Template::read(text, &Inputs::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Resolves a value of the property `P` in a template with parameters, mappings and conditions to refer to.
fn value(raw: &str) -> Value {
    let text = format!(
        "Parameters:\n  Name: {{ Type: String, Default: prod }}\n  Empty: {{ Type: String, Default: \"\" }}\n  Count: {{ Type: Number, Default: 3 }}\n  \
         Checks: {{ Type: CommaDelimitedList, Default: \"A, B\" }}\n  Numbers: {{ Type: List<Number>, Default: \"1,2\" }}\n  \
         Nothing: {{ Type: CommaDelimitedList, Default: \"\" }}\n  Flag: {{ Type: String, Default: \"true\" }}\n\
         Mappings:\n  Map:\n    prod: {{ Size: 5, List: [x, y] }}\n    7: {{ 1.5: seven }}\n\
         Conditions:\n  NotAsText: !Not [!Condition AsText]\n  AsText: !Ref Flag\n  IsProd: !Equals [!Ref Name, prod]\n  IsEmpty: !Not [!Condition HasEmpty]\n  HasEmpty: !Not [!Equals [!Ref Empty, \"\"]]\n  \
         Both: !And [!Condition IsProd, !Condition IsEmpty]\n  Neither: !Or [!Condition HasEmpty, !Not [!Condition IsProd]]\n  \
         OneOfBoth: !And [!Condition IsProd, !Condition HasEmpty]\n  Either: !Or [!Condition HasEmpty, !Condition IsProd]\n\
         Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n  R:\n    Type: T\n    Properties:\n      P: {raw}\n"
    );
    read(&text).resource("R").unwrap().properties.get("P").cloned().unwrap_or(Value::Null)
}

#[test]
fn functions_resolve_as_in_cloudformation() {
    for (raw, expected) in [
        ("!Ref Name", json!("prod")),
        ("!Ref Count", json!(3)),
        ("!Ref Checks", json!(["A", "B"])),
        ("!Ref Queue", json!("${Queue}")),
        ("!GetAtt Queue.Arn", json!("${Queue.Arn}")),
        ("!GetAtt [Queue, Arn]", json!("${Queue.Arn}")),
        ("{ Fn::GetAtt: [Queue, Arn] }", json!("${Queue.Arn}")),
        ("!Sub \"${Name}-${AWS::Region}-${Queue.Arn}-${!Name}\"", json!("prod-eu-north-1-${Queue.Arn}-${Name}")),
        ("!Sub [\"${A}${Name}\", { A: !Ref Count }]", json!("3prod")),
        ("!Join [\"-\", [a, !Ref Name, 1]]", json!("a-prod-1")),
        ("!Select [1, !Split [\",\", \"a,b\"]]", json!("b")),
        ("!Select [0, !Ref Checks]", json!("A")),
        ("!FindInMap [Map, !Ref Name, Size]", json!(5)),
        ("!FindInMap [Map, test, Size, { DefaultValue: !FindInMap [Map, prod, Size] }]", json!(5)),
        ("!FindInMap [Map, prod, Size, { DefaultValue: 7 }]", json!(5)),
        ("!If [IsProd, !Ref AWS::AccountId, no]", json!("123456789012")),
        ("!If [HasEmpty, yes, !Ref AWS::NoValue]", Value::Null),
        ("[a, !Ref AWS::NoValue, b]", json!(["a", "b"])),
        ("!If [Both, both, other]", json!("both")),
        ("!If [Neither, neither, other]", json!("other")),
        ("!If [OneOfBoth, both, other]", json!("other")),
        ("!If [Either, either, other]", json!("either")),
        ("!ImportValue x-topic", json!("${import:x-topic}")),
        ("{ Fn::Length: !Ref Checks }", json!(2)),
        ("{ Fn::ToJsonString: { a: [1, !Ref Name] } }", json!("{\"a\":[1,\"prod\"]}")),
        ("{ Deep: { Fn::Sub: \"${Name}\" } }", json!({ "Deep": "prod" })),
        ("\"5\"", json!("5")),
        ("5.5", json!(5.5)),
        ("true", json!(true)),
        ("{ Fn::ForEach::Letter: [L, [1, b], { \"x${L}\": \"${L}\" }] }", json!({ "x1": "1", "xb": "b" })),
        ("{ Ref: Name, Other: 1 }", json!({ "Ref": "Name", "Other": 1 })),
        ("{ Other: Name }", json!({ "Other": "Name" })),
        ("{ Condition: IsProd }", json!(true)),
        ("!If [AsText, 1, 2]", json!(1)),
        ("!If [NotAsText, 1, 2]", json!(2)),
        ("!Ref Numbers", json!(["1", "2"])),
        ("!Ref Nothing", json!([""])),
        ("!Ref Flag", json!("true")),
        ("!FindInMap [Map, 7, 1.5]", json!("seven")),
    ] {
        assert_eq!(value(raw), expected, "{raw}");
    }
}

#[test]
fn allowed_values_are_listed() {
    let template = read(
        "Parameters:\n  Checks: { Type: CommaDelimitedList, Default: Login, AllowedValues: [Login, Queues] }\n  \
         Days: { Type: Number, Default: 1, AllowedValues: [1, 3] }\n  Name: { Type: String, Default: x }\nResources: {}\n",
    );
    let listed: Vec<_> = template.allowed.iter().map(|(name, values)| (name.as_str(), values.join(","))).collect();
    assert_eq!(listed, [("Checks", "Login,Queues".to_owned()), ("Days", "1,3".to_owned())]);
}

#[test]
fn values_known_after_the_deployment_are_symbolic() {
    let symbolic = |raw: &str, are_optional: bool| {
        let text = format!(
            "Parameters:\n  Stored: {{ Type: \"AWS::SSM::Parameter::Value<String>\", Default: /limit }}\n  \
             List: {{ Type: \"AWS::SSM::Parameter::Value<List<String>>\", Default: /zones }}\n  \
             Vpc: {{ Type: AWS::EC2::VPC::Id }}\n  Subnets: {{ Type: List<AWS::EC2::Subnet::Id> }}\n  \
             Count: {{ Type: Number }}\n  Size: {{ Type: String, AllowedValues: [small, large] }}\n\
             Conditions:\n  HasVpc: !Not [!Equals [!Ref Vpc, \"\"]]\n\
             Resources:\n  Q: {{ Type: AWS::SQS::Queue }}\n  R:\n    Type: T\n    Properties:\n      P: {raw}\n"
        );
        let template = Template::read(&text, &Inputs { are_optional, ..Inputs::default() });
        template.map(|template| template.resource("R").unwrap().properties["P"].clone())
    };
    for (raw, expected) in [
        ("!Ref Stored", json!("${ssm:/limit}")),
        ("!Ref List", json!(["${ssm:/zones}"])),
        ("!Select [0, !Ref List]", json!("${ssm:/zones}")),
        ("!Select [2, !Ref List]", json!("${2 of ssm:/zones}")),
        ("!Ref Vpc", json!("${Vpc}")),
        ("!Ref Subnets", json!(["${Subnets}"])),
        ("!Ref Count", json!("${Count}")),
        ("!Ref Size", json!("small")),
        ("!If [HasVpc, 1, 2]", json!(1)),
        ("!Select [5, !Split [\":\", !GetAtt Q.Arn]]", json!("${5 of Q.Arn}")),
        ("!Select [1, !GetAZs \"\"]", json!("${1 of zones:eu-north-1}")),
        ("!GetAZs eu-west-1", json!(["${zones:eu-west-1}"])),
        ("!Select [3, !Cidr [10.0.0.0/16, 6, 8]]", json!("${3 of blocks:10.0.0.0/16}")),
        ("!Base64 text", json!("${base64:text}")),
        ("!Ref AWS::NotificationARNs", json!(["${AWS::NotificationARNs}"])),
    ] {
        assert_eq!(symbolic(raw, true).unwrap(), expected, "{raw}");
    }
    let missing = symbolic("!Ref Stored", false).unwrap_err().to_string();
    assert!(missing.contains("Parameters.Vpc: expected a value: the parameter has no default"), "{missing}");
}

#[test]
fn loops_are_unrolled() {
    let template = read(
        r#"
Parameters:
  Checks: { Type: CommaDelimitedList, Default: "Login, PaymentWebhook" }
Mappings:
  Checks:
    Login: { Id: login, Seconds: 60 }
    PaymentWebhook: { Id: payment-webhook, Seconds: 300 }
Conditions:
  Fn::ForEach::Enabled:
    - Check
    - !Ref Checks
    - Is${Check}: !Equals [!FindInMap [Checks, !Ref Check, Seconds], "60"]
Resources:
  Fn::ForEach::Alarms:
    - Check
    - !Ref Checks
    - MonitoringLost${Check}:
        Type: T
        Properties:
          Name: !Sub ["${Id}-monitoring-lost", { Id: !FindInMap [Checks, !Ref Check, Id] }]
          Period: !FindInMap [Checks, !Ref Check, Seconds]
          Of: !Ref
            Fn::Sub: "${Check}Function"
          Arn: !GetAtt [!Sub "${Check}Function", Arn]
          Text: about ${Check}
      ${Check}Function:
        Type: F
  Fn::ForEach::Zones:
    - Zone
    - [eu-1, eu-2]
    - Fn::ForEach::Inner:
        - Check
        - !Ref Checks
        - "Zone&{Zone}${Check}":
            Type: Z
            Properties: { Where: !Sub "${Zone}/${Check}" }
Outputs:
  Fn::ForEach::Names:
    - Check
    - !Ref Checks
    - ${Check}Name:
        Value: !Ref Check
        Export: { Name: !Sub "x-${Check}" }
"#,
    );
    let ids: Vec<&str> = template.resources.iter().map(|resource| resource.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "MonitoringLostLogin",
            "LoginFunction",
            "MonitoringLostPaymentWebhook",
            "PaymentWebhookFunction",
            "Zoneeu1Login",
            "Zoneeu1PaymentWebhook",
            "Zoneeu2Login",
            "Zoneeu2PaymentWebhook"
        ]
    );
    let alarm = &template.resource("MonitoringLostPaymentWebhook").unwrap().properties;
    assert_eq!(alarm["Name"], "payment-webhook-monitoring-lost");
    assert_eq!(alarm["Period"], 300);
    assert_eq!(
        (&alarm["Of"], &alarm["Arn"]),
        (&json!("${PaymentWebhookFunction}"), &json!("${PaymentWebhookFunction.Arn}"))
    );
    assert_eq!(alarm["Text"], "about PaymentWebhook");
    assert_eq!(template.resource("Zoneeu2Login").unwrap().properties["Where"], "eu-2/Login");
    assert!(template.conditions["IsLogin"] && !template.conditions["IsPaymentWebhook"]);
    assert_eq!(template.exports()["x-Login"], "Login");
}

#[test]
fn list_parameter_takes_every_key_of_its_mapping() {
    let text = "Parameters:\n  Checks: { Type: CommaDelimitedList, Default: Login }\n\
                Mappings:\n  Checks: { Login: { Id: login }, Queues: { Id: queues } }\n\
                Resources:\n  Fn::ForEach::Functions:\n    - Check\n    - !Ref Checks\n    - ${Check}: { Type: F }\n";
    let template = Template::read_with_every(text, &Inputs::default(), "Checks").unwrap();
    assert_eq!(template.resources_of_type("F").map(|own| own.id.as_str()).collect::<Vec<_>>(), ["Login", "Queues"]);
    assert_eq!(template.parameters["Checks"], json!(["Login", "Queues"]));
    assert_eq!(template.mappings, json!({ "Checks": { "Login": { "Id": "login" }, "Queues": { "Id": "queues" } } }));
    let missing = Template::read_with_every(text, &Inputs::default(), "Check").unwrap_err().to_string();
    assert!(missing.starts_with("line 1: Mappings.Check: expected a mapping of the values"), "{missing}");
}

#[test]
fn members_with_false_conditions_are_omitted() {
    let text = "Parameters:\n  Mail: { Type: String, Default: \"\" }\nConditions:\n  HasMail: !Not [!Equals [!Ref Mail, \"\"]]\n\
                Resources:\n  Always: { Type: T }\n  Sometimes: { Type: T, Condition: HasMail }\nOutputs:\n  O: { Condition: HasMail, Value: x }\n";
    let counts = |inputs: &Inputs| {
        let template = Template::read(text, inputs).unwrap();
        (template.resources.len(), template.outputs.len())
    };
    assert_eq!(counts(&Inputs::default()), (1, 0));
    assert_eq!(counts(&Inputs::default().with("Mail", "a@b.example")), (2, 1));
}

#[test]
fn import_resolves_to_the_export_of_another_stack() {
    let one = read(
        "Resources:\n  Topic: { Type: AWS::SNS::Topic }\nOutputs:\n  T: { Value: !Ref Topic, Export: { Name: x-topic } }\n",
    );
    let inputs = Inputs { imports: one.exports(), ..Inputs::default() };
    let other =
        Template::read("Resources:\n  R: { Type: T, Properties: { P: !ImportValue x-topic } }\n", &inputs).unwrap();
    assert_eq!(other.resource("R").unwrap().properties["P"], "${Topic}");
}

#[test]
fn errors_name_path_and_line() {
    let template = |property: &str| format!("Resources:\n  R:\n    Type: T\n    Properties:\n      P: {property}\n");
    for (text, expected) in [
        (template("!Ref Missing"), "line 5: Resources.R.Properties.P.Ref: expected a parameter or a resource, found `Missing`"),
        (template("!Transform { Name: a }"), "line 5: Resources.R.Properties.P.Fn::Transform: the function Fn::Transform is not supported"),
        (template("!FindInMap [A, b, c]"), "Resources.R.Properties.P.Fn::FindInMap: expected a known mapping, found `A`"),
        (template("!FindInMap [A, b]"), "expected a mapping and two keys, found 2 arguments"),
        (template("!If [Nothing, 1, 2]"), "expected a known condition, found `Nothing`"),
        (template("!Select [5, [a]]"), "expected an index within the list of 1"),
        (template("!Join [\",\"]"), "expected 2 arguments, found 1"),
        (template("!Sub \"${A\""), "expected `}`"),
        (template("a\n      Q: !Ref Missing"), "line 6: Resources.R.Properties.Q.Ref: expected a parameter or a resource"),
        (template("{ 1: a, \"1\": b }"), "line 5: 1: expected `1` once, found it more than once"),
        (template("!GetAtt Queue"), "expected a resource and its attribute, as in `Queue.Arn`, found `Queue`"),
        (template("!GetAtt [Queue, Arn]"), "expected a parameter or a resource, found `Queue`"),
        (template("!Join [\"-\", [[a]]]"), "R.Properties.P.Fn::Join: expected a string, found [\"a\"]"),
        (template("!Join [!Ref AWS::NoValue, []]"), "expected a string, found no value"),
        (template("!Split [a, { b: c }]"), "expected a string, found {\"b\":\"c\"}"),
        (template("!Sub [\"${A}\", { A: [x] }]"), "R.Properties.P.Fn::Sub: expected a string, found [\"x\"]"),
        (template("{ Fn::Sub: a, B: c }"), "R.Properties.P.Fn::Sub: expected `Fn::Sub` as the only member"),
        (template("{ Fn::ForEach::L: [L, [a, a], { \"x${L}\": 1 }] }"), "expected `xa` once, found it more than once"),
        (template("{ Fn::ForEach::L: [L, [[a]], { \"x${L}\": 1 }] }"), "expected a list of strings to iterate over"),
        (
            "Resources:\n  Fn::ForEach::L:\n    - L\n    - [a]\n    - R${L}: { Type: T, Properties: { P: !Ref No } }\n".to_owned(),
            "line 5: Resources.Ra.Properties.P.Ref: expected a parameter or a resource, found `No`",
        ),
        ("Conditions:\n  A: !Condition B\n  B: !Condition A\nResources: {}\n".to_owned(), "expected a known condition, found `B`"),
        ("Conditions:\n  A: !Sub yes\nResources: {}\n".to_owned(), "Conditions.A: expected a condition, found \"yes\""),
        ("Parameters:\n  P: { Type: Number, Default: a }\nResources: {}\n".to_owned(), "Parameters.P: expected a number, found `a`"),
        (template("!Ref AWS::Moon"), "AWS::Moon is not supported"),
        ("Resources:\n  R:\n    Tipe: T\n".to_owned(), "Resources.R.Tipe: expected one of Type, Properties"),
        ("Resources:\n  R:\n    Tipe:\n      T\n".to_owned(), "line 4: Resources.R.Tipe: expected one of"),
        ("Resources:\n  R: { Type: T }\n  R: { Type: T }\n".to_owned(), "duplicate"),
        ("Resorces: {}\n".to_owned(), "Resorces: expected one of AWSTemplateFormatVersion"),
        (
            "Parameters:\n  P: { Type: String }\nResources: {}\n".to_owned(),
            "Parameters.P: expected a value: the parameter has no default",
        ),
        (
            "Parameters:\n  P: { Type: String, Default: c, AllowedValues: [a, b] }\nResources: {}\n".to_owned(),
            "Parameters.P: expected one of a, b, found `c`",
        ),
        ("Resources: [\n".to_owned(), "line 2: expected YAML"),
        ("Parameters:\n".to_owned(), "line 1: Resources: expected resources, found none"),
        ("Resources: a\n".to_owned(), "line 1: Resources: expected a table"),
        (
            "Mappings: { A: { b: { c: 1 } } }\n".to_owned() + &template("!FindInMap [A, b, d, { Default: 5 }]"),
            "expected only DefaultValue",
        ),
        // The default replaces a missing key, not a mistyped mapping.
        (template("!FindInMap [A, b, c, { DefaultValue: 5 }]"), "expected a known mapping, found `A`"),
        (
            "Parameters:\n  P: { Type: Sting, Default: a }\nResources: {}\n".to_owned(),
            "Parameters.P.Type: expected String, Number, CommaDelimitedList, List<Number>, a type of AWS",
        ),
        (
            "Parameters:\n  P: { Type: List<Number>, Default: \"1, b\" }\nResources: {}\n".to_owned(),
            "Parameters.P: expected a number, found `b`",
        ),
        (
            "Conditions:\n  No: !Equals [a, b]\nResources:\n  R: { Type: T, Condition: No }\n  S: { Type: T, Properties: { P: !Ref R } }\n"
                .to_owned(),
            "Resources.S.Properties.P.Ref: expected a parameter or a resource, found `R`",
        ),
    ] {
        let message = Template::read(&text, &Inputs::default()).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}\n{message}");
    }
    let unknown = Template::read("Resources: {}\n", &Inputs::default().with("Missing", "x")).unwrap_err().to_string();
    assert!(unknown.contains("expected a known parameter, found `Missing`"), "{unknown}");
}

#[test]
fn functions_template_is_read_completely() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let inputs = Inputs::default().with("Environment", "production").with("Checks", "Availability,Login");
    let template = Template::read(&text, &inputs).unwrap_or_else(|error| panic!("{error}"));
    let rules: Vec<&str> = template.resources_of_type("AWS::Events::Rule").map(|rule| rule.id.as_str()).collect();
    assert_eq!(rules, ["AvailabilityRule", "LoginRule"]);
    assert_eq!(template.resource("LoginRule").unwrap().properties["ScheduleExpression"], "cron(* * * * ? *)");
    assert_eq!(template.globals["Function"]["Timeout"], 55);
}

#[test]
fn largest_template_and_indentation_are_read() {
    let resources = "Resources:\n  R: {Type: T}\n";
    let sized = |bytes: usize| format!("{resources}#{}", "x".repeat(bytes - resources.len() - 1));
    let indented = |spaces: usize| format!("{resources}Metadata:\n{}a: b\n", " ".repeat(spaces));
    for (text, expected) in [
        (sized(1_000_000), None),
        (sized(1_000_001), Some("line 1: ")),
        (indented(400), None),
        (indented(401), Some("line 4: ")),
    ] {
        let error = Template::read(&text, &Inputs::default()).err().map(|error| error.to_string());
        let is_expected = error.as_deref().zip(expected).is_some_and(|(error, start)| error.starts_with(start));
        assert!(is_expected || (error.is_none() && expected.is_none()), "{expected:?}: {error:?}");
    }
}

#[test]
fn templates_that_grow_without_end_are_refused() {
    let resources = "Resources:\n  R: {Type: T}\n";
    let chained = |value: &dyn Fn(usize) -> String| {
        let maps: String = (1..60).map(|n| format!("  M{n}: {{k: {{v: {}}}}}\n", value(n - 1))).collect();
        format!("Mappings:\n  M0: {{k: {{v: laugh}}}}\n{maps}{resources}")
    };
    let twice = |function: &'static str| {
        move |n: usize| format!("{function} [!FindInMap [M{n}, k, v], !FindInMap [M{n}, k, v]]")
    };
    let joined = |n: usize| format!("!Join [x, [!FindInMap [M{n}, k, v], !FindInMap [M{n}, k, v]]]");
    let loops = (0..12).fold("'R': {Type: T}".to_owned(), |body, n| {
        let body = body.replace("'R", &format!("'R${{V{n}}}"));
        format!("'Fn::ForEach::L{n}': [V{n}, [a, b, c, d, e, f, g, h, i, j], {{{body}}}]")
    });
    let aliases: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1)).collect();
    for (case, text, expected) in [
        ("lists of lists", chained(&twice("")), "expected at most 8 MB of resolved values"),
        ("texts of texts", chained(&joined), "expected at most 8 MB of resolved values"),
        ("loops in loops", format!("Resources:\n  {loops}\n"), "expected at most 8 MB of resolved values"),
        ("aliases of aliases", format!("a0: &a0 laugh\n{aliases}{resources}"), "expected YAML, found alias"),
        ("deep lists", format!("Metadata:\n{}", "- ".repeat(300_000)), "expected an indentation of at most 400"),
        ("deep brackets", format!("Metadata: {}{}", "[".repeat(200), "]".repeat(200)), "not nested as deeply"),
        ("deeper brackets", format!("Metadata: {}", "[".repeat(100_000)), "expected YAML, found recursion limit"),
        ("deep tables", format!("Metadata: {}{}", "{a: ".repeat(200), "}".repeat(200)), "not nested as deeply"),
        ("a large file", format!("# {}\n{resources}", "x".repeat(1_000_000)), "expected at most 1000000 bytes"),
    ] {
        let error = Template::read(&text, &Inputs::default()).unwrap_err();
        assert!(error.rule.contains(expected), "{case}: {error}");
        assert!(error.to_string().len() < 1_000, "{case}: {error}");
    }
}
