"""Prints a template in expanded form as JSON: loops unrolled, SAM types translated, every option enabled.

python expand.py infra/template.yaml
"""

import json
import sys

from samcli.lib.translate.sam_template_validator import SamTemplateValidator
from samcli.yamlhelper import parse_yaml_file, yaml_parse


class NoManagedPolicies:
    """The templates use no managed policies, and resolving them would need an account."""

    def load(self):
        return {}


template = parse_yaml_file(sys.argv[1])
for name in template.get("Conditions", {}):
    template["Conditions"][name] = {"Fn::Equals": ["", ""]}
for parameter in template.get("Parameters", {}).values():
    if parameter["Type"] == "CommaDelimitedList" and "AllowedValues" in parameter:
        parameter["Default"] = ",".join(parameter["AllowedValues"])
sam = SamTemplateValidator(template, NoManagedPolicies(), region="eu-north-1", language_extensions_enabled=True)
json.dump(yaml_parse(sam.get_translated_template_if_valid()), sys.stdout, indent=1)
