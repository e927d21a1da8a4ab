//! Settings and secrets: the file fits the deployment, and each role can read what its check needs.

use super::super::facts::{Deployment, FunctionFacts, SecretFacts, StackKind};
use super::super::report::{Notes, words};
use super::super::settings_facts::{Contents, Reference};

pub(super) fn judge(deployment: &Deployment, notes: &mut Notes) {
    let Some(settings) = &deployment.settings else {
        let why = "no settings file is known; give --settings FILE";
        notes.could_not("settings and secrets", &deployment.environment, why);
        return;
    };
    notes.saw("settings", &settings.file);
    let verify = format!("synthetics settings check {}", settings.file);
    let contents = match &settings.contents {
        Ok(contents) => contents,
        Err(problems) => {
            let expected = "valid settings";
            let action = "correct the file, and deploy it";
            notes.error("settings-invalid", &settings.file, words(expected, problems, action, verify));
            return;
        }
    };
    if contents.environment != deployment.environment {
        let expected = format!("environment {}", deployment.environment);
        let found = format!("{}: numbers and secrets have other names", contents.environment);
        let action = "give the file of this environment, or correct its key `environment`";
        notes.error("settings-of-another-environment", &settings.file, words(expected, found, action, verify));
        return;
    }
    for function in deployment.functions.iter().filter(|function| function.is_running) {
        needs(deployment, contents, &settings.file, function, notes);
        for secret in &function.secrets {
            exists(function, secret, notes);
            readable(function, secret, notes);
        }
    }
}

fn needs(deployment: &Deployment, contents: &Contents, file: &str, function: &FunctionFacts, notes: &mut Notes) {
    let check = &function.check;
    let verify = format!("synthetics settings check {file}");
    let Some(references) = contents.references.get(check) else {
        let expected = format!("a section [check.{check}], since the check runs");
        let action = format!(
            "write the section, or leave the check out of Checks; then {}",
            deployment.deploy(StackKind::Functions)
        );
        notes.error("settings-section-missing", file, words(expected, "none: every run fails", action, verify));
        return;
    };
    for reference in references {
        let Reference::Variable(name) = reference else { continue };
        let found = format!("env:{name}: a function's environment holds no secrets, so its runs are inconclusive");
        let action =
            format!("store it as a parameter and write ssm:/just-driving/{}/{check}/…", deployment.environment);
        let place = format!("secret of {check}");
        notes.error(
            "secret-in-environment",
            place,
            words("a reference to Parameter Store", found, action, verify.clone()),
        );
    }
}

fn exists(function: &FunctionFacts, secret: &SecretFacts, notes: &mut Notes) {
    let Some(false) = notes.look("secrets exist", &secret.name, &secret.exists) else { return };
    let found = format!("none: runs of {} are inconclusive", function.check);
    let action = format!("aws ssm put-parameter --type SecureString --name {} --value file://…", secret.name);
    let verify = format!("aws ssm describe-parameters --parameter-filters Key=Name,Values={}", secret.name);
    notes.error("secret-missing", format!("secret {}", secret.name), words("a stored secret", found, action, verify));
}

fn readable(function: &FunctionFacts, secret: &SecretFacts, notes: &mut Notes) {
    let Some(decision) = notes.look("secrets readable by their function's role", &secret.name, &secret.decision) else {
        return;
    };
    if decision == "allowed" {
        return;
    }
    let role = function.configuration.as_ref().map(|configuration| configuration.role.as_str()).unwrap_or_default();
    let found = format!("{decision}: runs of {} are inconclusive", function.check);
    let expected = format!("{role} may read it");
    let action =
        "deploy again if the role was changed by hand; else look for a deny in a boundary or organization policy";
    let verify = format!(
        "aws iam simulate-principal-policy --action-names ssm:GetParameter --policy-source-arn {role} --resource-arns …"
    );
    notes.error("secret-unreadable", format!("secret {}", secret.name), words(expected, found, action, verify));
}
